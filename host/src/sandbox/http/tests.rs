//! The sender against real servers on loopback.

mod credentials;
mod limits;
mod rules;
mod server;
mod tls;
mod wasi;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use self::server::TestServer;
use super::request::Invalid;
use super::*;
use crate::{
    policy::{Capabilities, NetworkRule},
    receipt::{Server, Unreachable},
};

const LONG: Duration = Duration::from_mins(1);

fn grant(rules: &[&str]) -> Arc<Grant> {
    let network: BTreeSet<NetworkRule> =
        rules.iter().map(|rule| rule.parse().expect("the test writes a rule")).collect();
    Arc::new(Grant::everything(&Capabilities { network, ..Capabilities::default() }))
}

fn egress_in(network: Network, rules: &[&str]) -> Egress {
    Egress::new(network, PluginConnections::default(), grant(rules), Instant::now() + LONG)
}

fn egress(rules: &[&str]) -> Egress {
    egress_in(Network::new(Upstreams::default(), Propagate::default()), rules)
}

/// An egress that may reach this server.
fn egress_to(server: &TestServer) -> Egress {
    egress(&[&server.url("")])
}

fn get(url: impl Into<String>) -> BufferedRequest {
    BufferedRequest { method: "GET".to_owned(), url: url.into(), ..BufferedRequest::default() }
}

/// The failure of a request to a server that is allowed.
async fn failure(egress: &Egress, request: BufferedRequest) -> Unreachable {
    match egress.send_buffered(request).await {
        Err(SendError::Unreachable { why, .. }) => why,
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let server = TestServer::answering(
        "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nX-A: 1\r\nX-A: 2\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    )
    .await;
    let egress = egress_to(&server);
    let request = BufferedRequest {
        method: "POST".to_owned(),
        headers: vec![("X-Token".to_owned(), "t".to_owned())],
        body: Some(b"hello".to_vec()),
        ..get(server.url("/path?query=1#fragment"))
    };
    let response = egress.send_buffered(request).await.expect("the server answers");
    let headers = [("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")];
    assert_eq!(response.status, 201);
    assert_eq!(response.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(response.body, b"abcde");
    assert_eq!(
        server.requests(),
        [format!(
            "POST /path?query=1 HTTP/1.1\r\nx-token: t\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\
             content-length: 5\r\n\r\nhello",
            server.port
        )]
    );
    let exchange = &egress.take_trace().exchanges(tokio::time::Instant::now())[0];
    assert_eq!((exchange.sent, exchange.received, &exchange.end), (5, 5, &ExchangeEnd::Answered(201)));
}

#[tokio::test]
async fn each_request_has_a_connection_of_its_own() {
    let server = TestServer::answering("HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n").await;
    let egress = egress_to(&server);
    for _ in 0..3 {
        assert_eq!(egress.send_buffered(get(server.url("/"))).await.expect("the server answers").status, 204);
    }
    assert_eq!(server.accepted(), 3);
}

#[tokio::test]
async fn redirects_are_answers() {
    let elsewhere = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url("/"));
    let server = TestServer::answering(redirect).await;
    let egress = egress(&[&server.url(""), &elsewhere.url("")]);
    let response = egress.send_buffered(get(server.url("/"))).await.expect("the server answers");
    assert_eq!(response.status, 302);
    assert_eq!(response.headers[0], ("location".to_owned(), elsewhere.url("/")));
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn compressed_bodies_stay_compressed() {
    let bomb = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\n".to_vec();
    answer.extend(bomb);
    let server = TestServer::answering(answer).await;
    let response = egress_to(&server).send_buffered(get(server.url("/"))).await.expect("the server answers");
    assert_eq!(response.body, bomb);
}

#[tokio::test]
async fn what_is_not_granted_is_never_dialled() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let port = server.port;
    // Any public server on this port, and one server by name.
    let egress = egress(&[&format!("http://*:{port}"), "https://good.example"]);
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "LOCALHOST.",
        "[64:ff9b::7f00:1]",
        "127。0。0。1",
    ] {
        let result = egress.send_buffered(get(format!("http://{host}:{port}/"))).await;
        assert!(matches!(result, Err(SendError::Denied(Denial::SpecialAddress { .. }))), "{host}: {result:?}");
    }
    for url in [
        format!("https://127.0.0.1:{port}/"),
        format!("https://good.example:{port}/"),
        "http://good.example/".to_owned(),
    ] {
        let result = egress.send_buffered(get(url.as_str())).await;
        assert!(matches!(result, Err(SendError::Denied(Denial::NotAsked(_)))), "{url}: {result:?}");
    }
    for url in [format!("http://good.example@127.0.0.1:{port}/"), format!("http://good.example:x@127.0.0.1:{port}/")] {
        let result = egress.send_buffered(get(url.as_str())).await;
        assert!(matches!(result, Err(SendError::Invalid(Invalid::Url(_)))), "{url}: {result:?}");
    }
    assert_eq!(server.accepted(), 0);
    let trace = egress.take_trace();
    assert_eq!(trace.exchanges(tokio::time::Instant::now()), []);
    assert!(trace.denials().contains(&Denial::NotAsked(Server {
        scheme: "http".to_owned(),
        host: "good.example".to_owned(),
        port: 80
    })));
}

#[tokio::test]
async fn a_guest_cannot_forge_the_host_or_the_length() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let egress = egress_to(&server);
    for (name, value) in [
        ("Host", "evil.example"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("transfer-encoding", "identity, chunked"),
        ("Connection", "upgrade"),
        ("Expect", "100-continue"),
        ("X-A", "1\r\nContent-Length: 0"),
    ] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let request = BufferedRequest { headers, body: Some(b"x".to_vec()), ..get(server.url("/")) };
        let error = egress.send_buffered(request).await.expect_err(name);
        assert_eq!(error.code(), "invalid_request", "{name}");
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn localhost_is_dialled_where_it_is_named() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let url = format!("http://localhost:{}", server.port);
    assert_eq!(egress(&[&url]).send_buffered(get(url)).await.expect("the server answers").status, 200);
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let closed = TestServer::answering("").await.url("");
    tokio::task::yield_now().await;
    let egress = egress(&[&closed]);
    assert_eq!(failure(&egress, get(closed.as_str())).await, Unreachable::Refused);
    assert_eq!(
        egress.take_trace().exchanges(tokio::time::Instant::now())[0].end,
        ExchangeEnd::Failed(Unreachable::Refused)
    );
}

#[tokio::test]
async fn a_name_that_cannot_exist_is_not_found() {
    let egress = egress(&["http://toolcell.invalid"]);
    // Without a network the resolver itself fails.
    let why = failure(&egress, get("http://toolcell.invalid/secret?key=secret")).await;
    assert!(matches!(why, Unreachable::NameNotFound | Unreachable::LookupFailed), "{why:?}");
}

#[tokio::test]
async fn errors_show_server_and_port_and_nothing_else_of_the_url() {
    let server = TestServer::answering("SSH-2.0-nonsense\r\n").await;
    let error = egress_to(&server).send_buffered(get(server.url("/secret?key=secret"))).await.expect_err("not HTTP");
    let parts = error.parts();
    assert_eq!(parts.message, format!("the answer from 127.0.0.1:{} is not HTTP/1.1", server.port));
    assert!(!format!("{parts:?} {error} {error:?}").contains("secret"));
}

#[tokio::test]
async fn a_substitute_is_dialled_after_the_original_was_judged() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let upstream = format!("https://api.example.com={}", server.url("")).parse().expect("a good value");
    let network = Network::new(Upstreams::from_iter([upstream]), Propagate::default());
    let allowed = egress_in(network.clone(), &["https://api.example.com"]);
    assert_eq!(allowed.send_buffered(get("https://api.example.com/a")).await.expect("it answers").status, 200);
    assert!(server.requests()[0].starts_with("GET /a HTTP/1.1\r\nhost: api.example.com\r\n"));
    assert_eq!(
        allowed.take_trace().exchanges(tokio::time::Instant::now())[0].server.to_string(),
        "https://api.example.com"
    );
    // Neither the original nor the substitute may be reached without a grant for just that.
    let denied = egress_in(network, &["https://other.example.com"]);
    for url in ["https://api.example.com/", &server.url("/")] {
        assert_eq!(denied.send_buffered(get(url)).await.expect_err("not granted").code(), "denied_network");
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_call_without_requests_holds_nothing() {
    let egress = egress(&["https://api.example.com"]);
    assert_eq!(egress.take_trace().exchanges(tokio::time::Instant::now()), []);
    assert!(egress.used.get().is_none());
}
