//! The same rules for `wasi:http`.

use bytes::Bytes;
use http::{HeaderName, Request};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpHooks};

use super::*;

fn request(method: &str, url: &str) -> http::request::Builder {
    Request::builder().method(method).uri(url)
}

fn body(text: &'static str) -> WasiBody {
    Full::from(text).map_err(|never| match never {}).boxed_unsync()
}

async fn send(egress: &mut Egress, request: Request<WasiBody>) -> Result<(u16, Bytes), Error> {
    let sending = egress.send_request(request, None, Box::new(std::future::ready(Ok(()))));
    let (response, _driver) = Box::into_pin(sending).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

#[tokio::test]
async fn a_request_of_wasi_http_goes_the_same_way() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let mut egress = egress_to(&server);
    let chunked = request("PUT", &server.url("/a?b")).body(body("hello")).expect("a request");
    assert_eq!(send(&mut egress, chunked).await.expect("the server answers"), (200, Bytes::from("ok")));
    let sized =
        request("PUT", &server.url("/a?b")).header("content-length", "5").body(body("hello")).expect("a request");
    assert_eq!(send(&mut egress, sized).await.expect("the server answers").0, 200);
    let expected = format!(
        "PUT /a?b HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        server.port
    );
    assert_eq!(server.requests(), [expected.clone(), expected]);
    for exchange in egress.take_trace().exchanges(tokio::time::Instant::now()) {
        assert_eq!((exchange.sent, exchange.received), (5, 2));
    }
}

#[tokio::test]
async fn a_body_is_as_long_as_it_says() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    for (length, text) in [("2", "hello"), ("9", "hello")] {
        let request =
            request("POST", &server.url("/")).header("content-length", length).body(body(text)).expect("a request");
        let error = send(&mut egress_to(&server), request).await.expect_err("the length is wrong");
        assert!(matches!(error, Error::HttpProtocolError), "{length}: {error:?}");
    }
    let twice = request("POST", &server.url("/")).header("content-length", "5").header("content-length", "6");
    let error = send(&mut egress_to(&server), twice.body(body("hello")).expect("a request")).await;
    assert!(matches!(error, Err(Error::HttpProtocolError)), "{error:?}");
}

#[tokio::test]
async fn refusals_and_failures_have_codes() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let closed = TestServer::answering("").await.url("/");
    tokio::task::yield_now().await;
    let mut egress = egress(&[&server.url(""), "http://*:1", closed.trim_end_matches('/')]);
    let mut code = async |method: &str, url: &str| {
        let request = request(method, url).body(body("")).expect("a request");
        format!("{:?}", send(&mut egress, request).await.expect_err("must be refused"))
    };
    assert_eq!(code("GET", "http://elsewhere.example/").await, "HttpRequestDenied");
    assert_eq!(code("GET", "http://127.0.0.1:1/").await, "DestinationIpProhibited");
    let spoofed = format!("http://good.example@127.0.0.1:{}/", server.port);
    assert_eq!(code("GET", &spoofed).await, "HttpRequestUriInvalid");
    assert_eq!(code("TRACE", &server.url("/")).await, "HttpRequestMethodInvalid");
    assert_eq!(code("GET", &closed).await, "ConnectionRefused");
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn an_oversized_body_ends_with_its_code() {
    let size = 17 << 20;
    let server = TestServer::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")).await;
    let request = request("GET", &server.url("/")).body(body("")).expect("a request");
    let error = send(&mut egress_to(&server), request).await.expect_err("it is too large");
    assert!(matches!(error, Error::HttpResponseBodySize(_)), "{error:?}");
}

#[test]
fn fields_of_the_connection_are_forbidden() {
    let mut egress = egress(&[]);
    for name in ["host", "connection", "transfer-encoding", "te", "expect", "proxy-authorization", "upgrade"] {
        assert!(egress.is_forbidden_header(&HeaderName::from_static(name)), "{name}");
    }
    assert!(!egress.is_forbidden_header(&http::header::CONTENT_LENGTH));
    assert!(!egress.set_host_header());
}
