//! The server's certificate, read again whenever its files change.

use std::{fmt, io, path::Path, sync::Arc};

use arc_swap::ArcSwap;
use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::{config::TlsFiles, plugin::settle};

/// Bytes of a file at most: certificates are small, and a wrong path can lead anywhere.
const MOST: u64 = 1 << 20;

/// A certificate that is in use, and the files that it came from.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
    current: Arc<Current>,
    /// What was in the files: compared, so that a change beside them is none.
    loaded: blake3::Hash,
}

/// Why a certificate cannot be used. Shows nothing of a key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{file} cannot be read: {error}")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{file} holds no {expected} in PEM form")]
    NotPem {
        /// Which.
        file: String,
        /// What should be there.
        expected: &'static str,
    },
    /// Both can be read, and do not serve.
    #[error("{certificate} and {key} do not serve: {error}")]
    Unusable {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// Why.
        error: rustls::Error,
    },
}

/// What both files hold.
struct Written {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Written {
    fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.certificate, &self.key] {
            hasher.update(blake3::hash(part).as_bytes());
        }
        hasher.finalize()
    }
}

/// What handshakes use.
struct Current(ArcSwap<CertifiedKey>);

/// Without the key.
impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// They cannot be read, or are not a certificate and its key.
    pub fn load(files: TlsFiles) -> Result<Self, CertificateError> {
        let written = read(&files)?;
        let current = certified(&files, &written)?;
        Ok(Self { files, current: Arc::new(Current(ArcSwap::from_pointee(current))), loaded: written.hash() })
    }

    /// What handshakes need.
    pub(super) fn server_config(&self) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring has the ciphers of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.current) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    /// Takes over what comes into the files, until the handle is dropped. A pair that does not serve is logged, and the one
    /// before it stays. Must be called within a runtime.
    pub(super) fn watch(&self) -> AbortOnDropHandle<()> {
        let (files, current) = (self.files.clone(), Arc::clone(&self.current));
        let (sender, mut changed) = mpsc::channel(1);
        let watcher = watcher(&files, sender)
            .map_err(|error| tracing::warn!("a new certificate is not seen until a restart: {error}"))
            .ok();
        let mut known = self.loaded;
        AbortOnDropHandle::new(tokio::spawn(async move {
            let _watcher = watcher;
            while changed.recv().await.is_some() {
                settle(&mut changed).await;
                let written = read(&files);
                let hash = written.as_ref().map_or(known, Written::hash);
                if written.is_ok() && hash == known {
                    continue;
                }
                known = hash;
                match written.and_then(|written| certified(&files, &written)) {
                    Ok(renewed) => {
                        current.0.store(Arc::new(renewed));
                        tracing::info!("serving with the new certificate in {}", files.certificate.display());
                    }
                    Err(error) => tracing::error!("the certificate before this one stays: {error}"),
                }
            }
        }))
    }
}

/// Tells of changes in the folders of the files: they are mostly replaced rather than written.
fn watcher(files: &TlsFiles, changed: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let told = move |event: notify::Result<notify::Event>| {
        if event.map_or(true, |event| !event.kind.is_access()) {
            let _ = changed.try_send(());
        }
    };
    let mut watcher = RecommendedWatcher::new(told, Config::default())?;
    let folders = [&files.certificate, &files.key].map(|file| file.parent().filter(|it| !it.as_os_str().is_empty()));
    let [first, second] = folders.map(|folder| folder.unwrap_or(Path::new(".")));
    watcher.watch(first, RecursiveMode::NonRecursive)?;
    if second != first {
        watcher.watch(second, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn read(files: &TlsFiles) -> Result<Written, CertificateError> {
    let read = |path: &Path| {
        let contents = std::fs::metadata(path).and_then(|file| match file.len() {
            0..=MOST => std::fs::read(path),
            _ => Err(io::Error::other("it is too large for a certificate or a key")),
        });
        contents.map_err(|error| CertificateError::Unreadable { file: path.display().to_string(), error })
    };
    Ok(Written { certificate: read(&files.certificate)?, key: read(&files.key)? })
}

fn certified(files: &TlsFiles, written: &Written) -> Result<CertifiedKey, CertificateError> {
    let not_pem = |file: &Path, expected| CertificateError::NotPem { file: file.display().to_string(), expected };
    let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&written.certificate).collect();
    let certificates = certificates.ok().filter(|certificates| !certificates.is_empty());
    let certificates = certificates.ok_or_else(|| not_pem(&files.certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(&written.key).map_err(|_| not_pem(&files.key, "private key"))?;
    CertifiedKey::from_der(certificates, key, &provider()).map_err(|error| CertificateError::Unusable {
        certificate: files.certificate.display().to_string(),
        key: files.key.display().to_string(),
        error,
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
