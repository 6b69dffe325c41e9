//! Certificates, and servers that only seem to speak TLS.

use std::process::Command;

use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::{
    server::{TestServer, read_request},
    *,
};
use crate::receipt::TlsFault;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate"))
    }

    /// A network that trusts this authority alone.
    fn network(&self) -> Network {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("it is a certificate");
        Network::with(Upstreams::default(), Tls::trusting(roots), LeastRate::default())
    }

    /// A server with a certificate for `name`, changed by `change`.
    async fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TestServer {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has ciphers")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .expect("key and certificate belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        TestServer::handling(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                read_request(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }
}

fn https(server: &TestServer, host: &str) -> String {
    format!("https://{host}:{}", server.port)
}

async fn tls_fault(network: Network, url: String) -> TlsFault {
    match failure(&egress_in(network, &[&url]), get(url)).await {
        Unreachable::Tls(fault) => fault,
        other => panic!("expected a failure of TLS, got {other:?}"),
    }
}

#[tokio::test]
async fn a_trusted_server_answers() {
    let authority = Authority::new("authority");
    for host in ["localhost", "127.0.0.1"] {
        let server = authority.server(host, |_| {}).await;
        let url = https(&server, host);
        let response = egress_in(authority.network(), &[&url]).send_buffered(get(url)).await.expect("it is trusted");
        assert_eq!((response.status, response.body), (200, b"ok".to_vec()), "{host}");
    }
}

#[tokio::test]
async fn faults_of_certificates_are_told_apart() {
    let authority = Authority::new("authority");
    let unknown = Authority::new("another authority").server("localhost", |_| {}).await;
    assert_eq!(tls_fault(authority.network(), https(&unknown, "localhost")).await, TlsFault::UnknownIssuer);

    let expired = authority.server("localhost", |params| params.not_after = date_time_ymd(2020, 1, 1)).await;
    assert_eq!(tls_fault(authority.network(), https(&expired, "localhost")).await, TlsFault::Expired);

    let early = authority.server("localhost", |params| params.not_before = date_time_ymd(4000, 1, 1)).await;
    assert_eq!(tls_fault(authority.network(), https(&early, "localhost")).await, TlsFault::NotYetValid);

    let other = authority.server("other.example", |_| {}).await;
    assert_eq!(tls_fault(authority.network(), https(&other, "localhost")).await, TlsFault::WrongName);
    assert_eq!(tls_fault(authority.network(), https(&other, "127.0.0.1")).await, TlsFault::WrongName);
}

#[tokio::test]
async fn a_port_without_tls_is_named_so() {
    let plain = TestServer::handling(async |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        read_request(&mut stream).await;
    })
    .await;
    assert_eq!(tls_fault(Authority::new("authority").network(), https(&plain, "localhost")).await, TlsFault::NotTls);
    let closing = TestServer::handling(async |stream| drop(stream)).await;
    assert_eq!(
        tls_fault(Authority::new("authority").network(), https(&closing, "localhost")).await,
        TlsFault::Handshake
    );
}

#[tokio::test]
async fn a_server_that_is_mute_in_the_handshake_ends_with_the_request() {
    let mute = TestServer::handling(async |stream| {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let url = https(&mute, "localhost");
    let request = BufferedRequest { timeout: Some(Duration::from_secs(1)), ..get(url.as_str()) };
    let why = failure(&egress_in(Authority::new("authority").network(), &[&url]), request).await;
    assert!(matches!(why, Unreachable::Timeout { stage: Stage::TlsHandshake, after_ms: 1_000.. }), "{why:?}");
}

/// The authorities come from the environment of a process, so this test runs itself in another one.
#[tokio::test(flavor = "multi_thread")]
async fn ssl_cert_file_names_the_authorities() {
    const URL: &str = "TOOLCELL_TEST_URL";
    if let Ok(url) = std::env::var(URL) {
        let response = egress(&[&url]).send_buffered(get(url)).await.expect("SSL_CERT_FILE names its authority");
        assert_eq!(response.status, 200);
        return;
    }
    let authority = Authority::new("authority");
    let server = authority.server("localhost", |_| {}).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.0.pem()).expect("the folder can be written to");
    let mut again = Command::new(std::env::current_exe().expect("a test has a path"));
    let (_crate, module) = module_path!().split_once("::").expect("this is a module of a crate");
    again.args(["--exact", &format!("{module}::ssl_cert_file_names_the_authorities")]);
    again.env(URL, https(&server, "localhost")).env("SSL_CERT_FILE", &file).env_remove("SSL_CERT_DIR");
    let output = tokio::task::spawn_blocking(move || again.output()).await.expect("no panic").expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert_eq!(server.accepted(), 1, "{text}");
}
