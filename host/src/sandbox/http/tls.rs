//! TLS to servers: the machine's own certificate authorities, no client certificate, no resumption.

use std::{io::ErrorKind, net::IpAddr, sync::Arc};

use rustls::{ClientConfig, RootCertStore, client::Resumption, crypto::ring, pki_types::ServerName};
use tokio::{net::TcpStream, sync::OnceCell};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::error::from_tls;
use crate::receipt::{Server, TlsFault, Unreachable};

/// What handshakes need, made once.
#[derive(Debug, Default)]
pub(super) struct Tls {
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    /// Trusts these authorities instead of the machine's.
    #[cfg(test)]
    pub(super) fn trusting(roots: RootCertStore) -> Self {
        Self { config: OnceCell::new_with(Some(config(roots))) }
    }

    /// Makes a connection encrypted and proves that its other end is this server. Without a timeout of its own.
    pub(super) async fn handshake(
        &self,
        server: &Server,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Unreachable> {
        let name = match server.host.parse::<IpAddr>() {
            Ok(address) => ServerName::from(address),
            // The few names that DNS knows and certificates cannot carry.
            Err(_) => ServerName::try_from(server.host.clone()).map_err(|_| Unreachable::Tls(TlsFault::WrongName))?,
        };
        let config = Arc::clone(self.config.get_or_init(native).await);
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
            let fault = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => from_tls(error),
                None if error.kind() == ErrorKind::InvalidData => TlsFault::NotTls,
                None => TlsFault::Handshake,
            };
            Unreachable::Tls(fault)
        })
    }
}

/// The machine's authorities, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`. Read when the first handshake needs them,
/// on a thread that may block: the files are large, and most hosts start without an https request.
pub(crate) async fn native_roots() -> RootCertStore {
    let roots = tokio::task::spawn_blocking(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "could not read some of this machine's CA certificates");
        }
        let mut roots = RootCertStore::empty();
        let (_, unusable) = roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            tracing::warn!(
                unusable,
                "this machine has no CA certificates, so every https server is refused; set SSL_CERT_FILE"
            );
        }
        roots
    });
    roots.await.unwrap_or_else(|_| RootCertStore::empty())
}

async fn native() -> Arc<ClientConfig> {
    config(native_roots().await)
}

fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    let mut config = client_config(roots);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// What a client with these authorities and without a certificate of its own needs for handshakes.
pub(crate) fn client_config(roots: RootCertStore) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A resumed session would tell the server that two calls come from the same host, and skip the certificate.
    config.resumption = Resumption::disabled();
    config
}
