//! TLS, with certificates of the test's own.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use serde_json::{Value, json};
use tokio::{net::TcpStream, runtime};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    folder::Folder,
    server::{Served, modern_request},
};

pub const TLS: &str = "[http.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";

/// A certificate for `localhost`, and its key.
pub fn certificate() -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().expect("a key");
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    (parameters.self_signed(&key).expect("a certificate"), key)
}

pub fn write(folder: &Folder, (certificate, key): &(rcgen::Certificate, KeyPair)) {
    folder.write("key.pem", &key.serialize_pem());
    folder.write("cert.pem", &certificate.pem());
}

/// A connection that trusts this certificate alone, speaking the first of these protocols that the server does.
async fn connect(
    address: SocketAddr,
    trusted: &rcgen::Certificate,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).expect("a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has ciphers")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").expect("a name"), stream).await
}

/// What a call answers over HTTP/2.
async fn call(stream: TlsStream<TcpStream>) -> Value {
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("the server speaks HTTP/2");
    tokio::spawn(connection);
    let (headers, body) = modern_request("tools/call", json!({"name": "echo", "arguments": {"message": "hi"}}));
    let request = headers
        .iter()
        .fold(Request::post("https://localhost/mcp"), |request, (name, value)| request.header(name, value));
    let request = request.body(Full::new(Bytes::from(body))).expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn a_certificate_is_served_and_its_successor_without_a_restart() {
    let folder = Folder::new(&[("echo", "")]);
    folder.write("toolcell.toml", TLS);
    let first = certificate();
    write(&folder, &first);
    let server = Served::start(folder.lock());
    server.wait_for_log("listening at https://127.0.0.1:");
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let protocol = |trusted: &rcgen::Certificate, alpn: &[&str]| {
        let stream = runtime.block_on(connect(server.address, trusted, alpn))?;
        Ok::<_, std::io::Error>(stream.get_ref().1.alpn_protocol().map(|it| String::from_utf8_lossy(it).into_owned()))
    };
    assert_eq!(protocol(&first.0, &["http/1.1"]).expect("a handshake").as_deref(), Some("http/1.1"));
    assert_eq!(protocol(&first.0, &["h2", "http/1.1"]).expect("a handshake").as_deref(), Some("h2"));
    let answer =
        runtime.block_on(async { call(connect(server.address, &first.0, &["h2"]).await.expect("a handshake")).await });
    assert_eq!(answer["result"]["structuredContent"], json!({"message": "hi"}), "{answer}");

    // A certificate whose key is not there yet, and a file that is none.
    let second = certificate();
    folder.write("cert.pem", &second.0.pem());
    server.wait_for_log("the certificate before this one stays: ");
    folder.write("cert.pem", "half a certif");
    server.wait_for_log("holds no certificate in PEM form");
    assert!(protocol(&first.0, &["h2"]).is_ok());

    write(&folder, &second);
    server.wait_for_log("serving with the new certificate");
    assert!(protocol(&second.0, &["h2"]).is_ok());
    assert!(protocol(&first.0, &["h2"]).is_err());
}

#[test]
fn a_certificate_that_does_not_serve_is_refused_at_the_start() {
    let folder = Folder::new(&[("echo", "")]);
    folder.write("toolcell.toml", TLS);
    folder.lock();
    let mut said = Vec::new();
    let mut refused = || {
        let output = folder.toolcell().args(["serve", "--locked", "--http", "127.0.0.1:0"]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        said.extend(String::from_utf8(output.stderr).expect("UTF-8").lines().last().map(ToOwned::to_owned));
    };
    refused();
    let (certificate, key) = certificate();
    folder.write("cert.pem", &certificate.pem());
    folder.write("key.pem", "no key");
    refused();
    folder.write("key.pem", &KeyPair::generate().expect("a key").serialize_pem());
    refused();
    folder.write("key.pem", &key.serialize_pem());
    folder.write("cert.pem", &key.serialize_pem());
    refused();
    insta::assert_snapshot!("http_tls_refused", said.join("\n"));
}
