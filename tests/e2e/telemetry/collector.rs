//! An OpenTelemetry collector that keeps what it is sent.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    trace::v1::Span,
};
use prost::Message;

use crate::{client::PATIENCE, upstream::Upstream};

/// Listens for OTLP over HTTP, in the binary form of Protocol Buffers.
pub struct Collector {
    server: Upstream,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// One batch.
#[derive(Debug, Clone)]
pub struct Request {
    /// The head as it came.
    pub head: String,
    pub resource: BTreeMap<String, String>,
    pub spans: Vec<Span>,
}

impl Collector {
    pub fn start() -> Self {
        Self::behind(|connection| connection)
    }

    /// Its connections go through `wrap`, such as TLS.
    pub fn behind<S: Read + Write>(wrap: impl Fn(std::net::TcpStream) -> S + Send + Sync + 'static) -> Self {
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let kept = Arc::clone(&requests);
        let server = Upstream::handling(move |connection| {
            let mut connection = wrap(connection);
            let Some((head, body)) = read_request(&mut connection) else { return };
            let message = ExportTraceServiceRequest::decode(&body[..]).expect("it is a batch of spans");
            let resource = message.resource_spans.first().and_then(|spans| spans.resource.as_ref());
            let resource = resource.map(|resource| attributes(&resource.attributes)).unwrap_or_default();
            let scopes = message.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
            let spans = scopes.flat_map(|scope| scope.spans).collect();
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(Request { head, resource, spans });
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = connection.write_all(answer.as_bytes()).and_then(|()| connection.flush());
        });
        Self { server, requests }
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    pub fn url(&self) -> String {
        self.server.url("")
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there are spans of so many calls, and gives all spans.
    pub fn wait_for(&self, calls: usize) -> Vec<Span> {
        let began = Instant::now();
        loop {
            let spans: Vec<_> = self.requests().into_iter().flat_map(|request| request.spans).collect();
            if spans.iter().filter(|span| span.name.starts_with("tools/call")).count() >= calls {
                return spans;
            }
            assert!(began.elapsed() < PATIENCE, "no spans of {calls} calls: {spans:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The head and the body of a request with a length.
pub fn read_request(connection: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let mut more = [0; 4096];
        let read = connection.read(&mut more).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&more[..read]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = field(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end);
    let mut rest = vec![0; length - body.len()];
    connection.read_exact(&mut rest).ok()?;
    body.append(&mut rest);
    Some((head, body))
}

/// The value of a header field that is there once.
pub fn field(head: &str, name: &str) -> Option<String> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut values = fields.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} is there twice");
    value
}

pub fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().map(|attribute| (attribute.key.clone(), shown(attribute.value.as_ref()))).collect()
}

fn shown(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        Some(any_value::Value::ArrayValue(array)) => {
            array.values.iter().map(|value| shown(Some(value))).collect::<Vec<_>>().join(",")
        }
        other => panic!("{other:?}"),
    }
}
