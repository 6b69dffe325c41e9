//! Servers that answer too much, too slowly or not to the end, and calls that ask for too much at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Empty};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use super::{
    server::{TestServer, read_request},
    *,
};
use crate::{
    receipt::AnswerPart,
    sandbox::http::trace::{MAX_RECEIVED, MAX_REQUESTS, MAX_SENT},
};

/// A server that writes `first` and then `again` for as long as somebody reads, pausing between.
async fn dripping(first: &'static str, again: Vec<u8>, pause: Duration) -> TestServer {
    let again: Arc<[u8]> = again.into();
    TestServer::handling(move |mut stream: TcpStream| {
        let again = Arc::clone(&again);
        async move {
            read_request(&mut stream).await;
            let mut written = stream.write_all(first.as_bytes()).await;
            while written.is_ok() {
                tokio::time::sleep(pause).await;
                written = stream.write_all(&again).await;
            }
        }
    })
    .await
}

fn hurried(server: &TestServer) -> BufferedRequest {
    BufferedRequest { timeout: Some(Duration::from_secs(1)), ..get(server.url("/")) }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let mute = dripping("", Vec::new(), LONG).await;
    let why = failure(&egress_to(&mute), hurried(&mute)).await;
    assert!(matches!(why, Unreachable::Timeout { stage: Stage::Answer, after_ms: 1_000.. }), "{why:?}");
    let slow_head = dripping("HTTP/1.1 200 OK\r\n", b"x".to_vec(), Duration::from_millis(20)).await;
    let why = failure(&egress_to(&slow_head), hurried(&slow_head)).await;
    assert!(matches!(why, Unreachable::Timeout { stage: Stage::Answer, .. }), "{why:?}");
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let server = dripping("HTTP/1.1 200 OK\r\n\r\n", b"x".to_vec(), Duration::from_millis(20)).await;
    let egress = egress_to(&server);
    let why = failure(&egress, hurried(&server)).await;
    assert!(matches!(why, Unreachable::Timeout { stage: Stage::Body, after_ms: 1_000.. }), "{why:?}");
    let exchange = &egress.take_trace().exchanges(tokio::time::Instant::now())[0];
    assert_eq!(exchange.end, ExchangeEnd::Failed(why));
    assert!(exchange.received > 0);
}

#[tokio::test]
async fn a_body_that_pauses_is_given_up() {
    let server = dripping("HTTP/1.1 200 OK\r\n\r\n", b"x".to_vec(), LONG).await;
    let between_bytes = Some(Duration::from_millis(100));
    let request = streamed(server.url("/"), Timeouts { between_bytes, ..Timeouts::default() });
    let response = egress_to(&server).send(request).await.expect("the head comes");
    let error = response.into_body().collect().await.expect_err("the body does not");
    assert!(
        matches!(error, SendError::Unreachable { why: Unreachable::Timeout { stage: Stage::Body, .. }, .. }),
        "{error:?}"
    );
}

/// An egress to this server, whose network is as impatient as a test.
fn impatient(server: &TestServer) -> (Egress, Unreachable) {
    let least = LeastRate { bytes: 1 << 10, within: Duration::from_millis(300) };
    let network = Network::with(Upstreams::default(), Tls::default(), least);
    (egress_in(network, &[&server.url("")]), Unreachable::TooSlow { bytes: 1 << 10, within_ms: 300 })
}

#[tokio::test]
async fn a_trickle_is_given_up_long_before_the_deadline() {
    let head = dripping("HTTP/1.1 200 OK\r\n", b"x".to_vec(), Duration::from_millis(20)).await;
    let body = dripping("HTTP/1.1 200 OK\r\n\r\n", b"x".to_vec(), Duration::from_millis(20)).await;
    for server in [head, body] {
        let (egress, too_slow) = impatient(&server);
        let began = Instant::now();
        let error = egress.send_buffered(get(server.url("/"))).await.expect_err("it is too slow");
        println!("given up after {:?}", began.elapsed());
        assert!(began.elapsed() < LONG / 2);
        assert_eq!(error.code(), "upstream_limit");
        assert_eq!(egress.take_trace().exchanges(tokio::time::Instant::now())[0].end, ExchangeEnd::Failed(too_slow));
    }
}

#[tokio::test]
async fn a_server_may_think_before_it_answers() {
    let server = TestServer::handling(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let (egress, _) = impatient(&server);
    assert_eq!(egress.send_buffered(get(server.url("/"))).await.expect("it answers").body, b"ok");
}

#[tokio::test]
async fn a_call_sends_only_so_much() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let egress = egress_to(&server);
    let too_much = vec![0; usize::try_from(MAX_SENT).expect("it fits") + 1];
    let request = BufferedRequest { method: "POST".to_owned(), body: Some(too_much), ..get(server.url("/")) };
    let error = egress.send_buffered(request).await.expect_err("it is too much");
    assert_eq!((error.code(), server.accepted()), ("upstream_limit", 0));

    // Nor where nobody says beforehand how much it will be.
    let sink = TestServer::handling(|mut stream: TcpStream| async move {
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    let request = OutgoingRequest {
        method: "POST".to_owned(),
        body: Endless.boxed_unsync(),
        ..streamed(sink.url("/"), Timeouts::default())
    };
    let egress = egress_to(&sink);
    let error = egress.send(request).await.expect_err("it is endless");
    assert_eq!(error.code(), "upstream_limit", "{error:?}");
    let exchange = &egress.take_trace().exchanges(tokio::time::Instant::now())[0];
    assert_eq!(exchange.end, ExchangeEnd::Failed(Unreachable::SentTooMuch { limit: MAX_SENT }));
    assert!(exchange.sent <= MAX_SENT, "{}", exchange.sent);
}

/// A body without an end.
struct Endless;

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(vec![0; 64 << 10].into()))))
    }
}

#[tokio::test]
async fn a_call_sends_only_so_many_requests() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let egress = egress_to(&server);
    for _ in 1..MAX_REQUESTS {
        let to = Server { scheme: "http".to_owned(), host: "127.0.0.1".to_owned(), port: server.port };
        drop(Ongoing::begin(&egress.used().trace, to, "GET", (Instant::now() + LONG).into()));
    }
    egress.send_buffered(get(server.url("/"))).await.expect("the last one is sent");
    let why = failure(&egress, get(server.url("/"))).await;
    assert_eq!((why, server.accepted()), (Unreachable::TooManyRequests { limit: MAX_REQUESTS }, 1));
}

#[tokio::test]
async fn a_call_ends_requests_with_it() {
    let server = dripping("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 1024], Duration::from_millis(1)).await;
    let deadline = Instant::now() + Duration::from_secs(1);
    let network = Network::new(Upstreams::default(), Propagate::default());
    let egress = Egress::new(network, PluginConnections::default(), grant(&[&server.url("")]), deadline);
    let why = failure(&egress, get(server.url("/"))).await;
    assert!(matches!(why, Unreachable::Timeout { stage: Stage::Body, .. }), "{why:?}");
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let server = dripping("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 1 << 20], Duration::ZERO).await;
    let egress = egress_to(&server);
    let error = egress.send_buffered(get(server.url("/"))).await.expect_err("the body is endless");
    assert_eq!(error.code(), "upstream_limit");
    let received = egress.take_trace().exchanges(tokio::time::Instant::now())[0].received;
    assert!((MAX_RECEIVED..MAX_RECEIVED + (1 << 20)).contains(&received), "{received}");
}

#[tokio::test]
async fn answers_of_one_call_add_up() {
    let size = 9 << 20;
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + size, b'x');
    let server = TestServer::answering(answer).await;
    let egress = egress_to(&server);
    assert_eq!(egress.send_buffered(get(server.url("/"))).await.expect("it fits").body.len(), size);
    let why = failure(&egress, get(server.url("/"))).await;
    assert_eq!(why, Unreachable::TooLarge(AnswerPart::Body));
    // The announced length was enough: nothing of the second body was read.
    assert_eq!(egress.take_trace().exchanges(tokio::time::Instant::now())[1].received, 0);
}

#[tokio::test]
async fn an_oversized_head_ends_at_the_limit() {
    let long = format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1_000));
    for answer in [long, many] {
        let server = TestServer::answering(answer).await;
        assert_eq!(failure(&egress_to(&server), get(server.url("/"))).await, Unreachable::TooLarge(AnswerPart::Head));
    }
}

#[tokio::test]
async fn oversized_trailers_are_not_read() {
    let trailer = "x".repeat(1 << 20);
    let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: {trailer}\r\n\r\n");
    let server = TestServer::answering(answer).await;
    assert_eq!(failure(&egress_to(&server), get(server.url("/"))).await, Unreachable::Protocol);
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    for (answer, expected) in [
        ("SSH-2.0-OpenSSH\r\n", Unreachable::Protocol),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Unreachable::Protocol),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", Unreachable::Protocol),
        ("", Unreachable::Cut),
        ("HTTP/1.1 200 OK\r\nContent-Le", Unreachable::Cut),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Unreachable::Cut),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", Unreachable::Cut),
    ] {
        let server = TestServer::answering(answer).await;
        assert_eq!(failure(&egress_to(&server), get(server.url("/"))).await, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_holds_eight_connections_at_most() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counter, high) = (Arc::clone(&now), Arc::clone(&most));
    let server = TestServer::handling(move |mut stream: TcpStream| {
        let (now, most) = (Arc::clone(&counter), Arc::clone(&high));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            read_request(&mut stream).await;
            // Long enough for all the others to come, if they could.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await;
            now.fetch_sub(1, Ordering::SeqCst);
            let _ = stream.write_all(b"ok").await;
        }
    })
    .await;
    let egress = Arc::new(egress_to(&server));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (egress, url) = (Arc::clone(&egress), server.url("/"));
        calls.spawn(async move { egress.send_buffered(get(url)).await.expect("each has its turn").status });
    }
    assert_eq!(calls.join_all().await, [200; 40]);
    assert_eq!(most.load(Ordering::SeqCst), permits::PER_CALL);
}

#[tokio::test]
async fn answers_that_nobody_reads_hold_their_connections() {
    let server = dripping("HTTP/1.1 200 OK\r\n\r\n", b"x".to_vec(), LONG).await;
    let egress = egress_to(&server);
    let mut unread = Vec::new();
    for _ in 0..permits::PER_CALL {
        unread.push(egress.send(streamed(server.url("/"), Timeouts::default())).await.expect("the head comes"));
    }
    let why = failure(&egress, hurried(&server)).await;
    assert!(matches!(why, Unreachable::Timeout { stage: Stage::Queue, .. }), "{why:?}");
    assert_eq!(server.accepted(), permits::PER_CALL);
    drop(unread);
    egress.send(streamed(server.url("/"), Timeouts::default())).await.expect("connections are free again");
}

#[tokio::test]
async fn a_request_that_is_dropped_closes_its_connection() {
    let (came, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_come, is_closed) = (Arc::clone(&came), Arc::clone(&closed));
    let server = TestServer::handling(move |mut stream: TcpStream| {
        let (came, closed) = (Arc::clone(&has_come), Arc::clone(&is_closed));
        async move {
            read_request(&mut stream).await;
            came.notify_one();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            closed.notify_one();
        }
    })
    .await;
    let egress = egress_to(&server);
    tokio::select! {
        _ = egress.send_buffered(get(server.url("/"))) => panic!("the server does not answer"),
        () = came.notified() => {}
    }
    closed.notified().await;
    assert_eq!(egress.take_trace().exchanges(tokio::time::Instant::now())[0].end, ExchangeEnd::Pending(Stage::Answer));
}

fn streamed(url: String, timeouts: Timeouts) -> OutgoingRequest {
    OutgoingRequest {
        method: "GET".to_owned(),
        url,
        headers: http::HeaderMap::new(),
        body: Empty::new().map_err(|never| match never {}).boxed_unsync(),
        timeouts,
    }
}
