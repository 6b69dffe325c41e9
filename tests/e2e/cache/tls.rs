//! A Redis behind TLS, `rediss://`: a server in front of the real one, with a certificate of the test's own.

use std::{sync::Arc, thread};

use rcgen::CertifiedKey;
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use serde_json::{Value, json};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime,
};
use tokio_rustls::TlsAcceptor;

use super::asks;
use crate::{folder::Folder, redis::RedisServer};

#[test]
fn a_redis_behind_tls_is_reached_where_its_certificate_is_trusted() {
    let server = RedisServer::start(&[]);
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let port = encrypted(server.port, &cert, &signing_key);
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    folder.write("toolcell.toml", "[cache]\nredis-url-env = \"CACHE_URL\"\n");
    folder.write("trusted.pem", &cert.pem());
    folder.lock();
    let call = |trusted: &str, url: &str| -> Value {
        let steps = json!({"steps": [["set", "k", "v", 60_000], ["get", "k"]]});
        let mut command = folder.toolcell();
        command.env("CACHE_URL", url).env("SSL_CERT_FILE", trusted);
        command.args(["call", "--locked", "--json", "cached", &steps.to_string()]);
        serde_json::from_slice(&command.output().expect("it runs").stdout).expect("it prints JSON")
    };
    let url = format!("rediss://localhost:{port}");
    let outcome = call("trusted.pem", &url);
    assert_eq!(outcome["structured"]["results"][1]["value"], "v", "{outcome}");

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate").cert;
    folder.write("other.pem", &other.pem());
    for (trusted, url) in [
        ("other.pem", url.clone()),
        // The certificate is for another name.
        ("trusted.pem", url.replace("localhost", "127.0.0.1")),
        // Redis itself speaks no TLS.
        ("trusted.pem", format!("rediss://localhost:{}", server.port)),
    ] {
        assert_eq!(call(trusted, &url)["error"]["code"], "cache_unreachable", "{trusted}, {url}");
    }
    // Not to check certificates is nothing that a URL can ask for.
    let outcome = call("trusted.pem", &format!("{url}#insecure"));
    assert!(outcome["error"]["message"].as_str().is_some_and(|message| message.contains("CACHE_URL")), "{outcome}");
}

/// A port that speaks TLS, for one that does not. Ends with the test's process.
fn encrypted(port: u16, certificate: &rcgen::Certificate, key: &rcgen::KeyPair) -> u16 {
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has ciphers")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("key and certificate belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has free ports");
    let own = listener.local_addr().expect("it is bound").port();
    let serve = async move {
        loop {
            let (stream, _) = listener.accept().await.expect("it accepts");
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                copy_bidirectional(&mut stream, &mut TcpStream::connect(("127.0.0.1", port)).await?).await
            });
        }
    };
    thread::spawn(move || runtime.block_on(serve));
    own
}
