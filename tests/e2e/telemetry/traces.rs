use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use super::{
    collector::{Collector, attributes, field, read_request},
    *,
};
use crate::upstream::Upstream;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CARRIER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An upstream that keeps the heads of requests.
fn upstream() -> (Upstream, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&heads);
    let server = Upstream::handling(move |mut connection| {
        let Some((head, _)) = read_request(&mut connection) else { return };
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(head);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    });
    (server, heads)
}

/// Serves over stdio with these variables.
fn serve_with(folder: &Folder, options: &[&str], variables: &[(&str, &str)]) -> Client {
    let mut command = folder.toolcell();
    command.envs(variables.iter().copied()).args(["serve", "--locked"]).args(options);
    Client::start(&mut command)
}

fn call_with(client: &mut Client, tool: &str, arguments: Value, meta: &Value) -> Value {
    let mut own = modern();
    own.as_object_mut().expect("an object").extend(meta.as_object().expect("an object").clone());
    client.request("tools/call", json!({"name": tool, "arguments": arguments, "_meta": own}))["result"].take()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}: {spans:#?}"))
}

#[test]
fn a_collector_gets_the_tree_of_a_call_and_its_last_spans_at_the_end() {
    let (collector, (upstream, heads)) = (Collector::start(), upstream());
    let folder = Folder::new(&[("fetches", &upstream.asked())]);
    folder.lock();
    let url = collector.url();
    let mut client = serve_with(
        &folder,
        &[],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc%20d"),
            ("OTEL_SERVICE_NAME", "team-tools"),
            ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ],
    );
    let meta = json!({"traceparent": PARENT, "tracestate": "rojo=1"});
    let result = call_with(&mut client, "fetches", json!({"url": upstream.url("/secret?path=1")}), &meta);
    let id = result["_meta"]["toolcell/receipt"]["call"].as_str().expect("a call id").to_owned();
    call_with(&mut client, "fetches", json!({"url": "https://elsewhere.example/", "crash": true}), &json!({}));
    assert!(collector.requests().is_empty(), "they wait for others");
    assert_eq!(client.close().code(), Some(0));

    let requests = collector.requests();
    let [request] = &requests[..] else { panic!("{requests:#?}") };
    assert!(request.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(field(&request.head, "x-key").as_deref(), Some("abc d"));
    assert_eq!(field(&request.head, "content-type").as_deref(), Some("application/x-protobuf"));
    assert_eq!(request.resource["service.name"], "team-tools");
    assert_eq!(request.resource["service.version"], env!("CARGO_PKG_VERSION"));

    let (own, others): (Vec<_>, Vec<_>) = request.spans.iter().cloned().partition(|span| hex(&span.trace_id) == TRACE);
    let call = named(&own, "tools/call fetches");
    assert_eq!((hex(&call.parent_span_id).as_str(), call.trace_state.as_str()), ("00f067aa0ba902b7", "rojo=1"));
    assert_eq!(call.kind, SpanKind::Server as i32);
    let told = attributes(&call.attributes);
    for (name, value) in [
        ("mcp.method.name", "tools/call"),
        ("mcp.protocol.version", "2026-07-28"),
        ("gen_ai.tool.name", "fetches"),
        ("gen_ai.operation.name", "execute_tool"),
        ("network.transport", "pipe"),
        ("jsonrpc.request.id", "1"),
        ("toolcell.plugin", "fetches"),
        ("toolcell.outcome", "ok"),
        ("toolcell.call.id", &id),
    ] {
        assert_eq!(told.get(name).map(String::as_str), Some(value), "{name}: {told:#?}");
    }
    let (guest, request) = (named(&own, "guest"), named(&own, "GET"));
    for phase in [named(&own, "instantiate"), guest] {
        assert_eq!(phase.parent_span_id, call.span_id);
    }
    assert_eq!((&request.parent_span_id, request.kind), (&guest.span_id, SpanKind::Client as i32));
    let told = attributes(&request.attributes);
    assert_eq!((told["http.response.status_code"].as_str(), told["server.address"].as_str()), ("200", "127.0.0.1"));
    let stages: Vec<_> = request.events.iter().map(|event| event.name.as_str()).collect();
    assert!(stages.contains(&"connect") && stages.contains(&"answer"), "{stages:?}");
    for (outer, inner) in [(call, guest), (guest, request)] {
        assert!(outer.start_time_unix_nano <= inner.start_time_unix_nano, "{own:#?}");
        assert!(inner.end_time_unix_nano <= outer.end_time_unix_nano, "{own:#?}");
    }

    let denied = named(&others, "tools/call fetches");
    assert!(denied.parent_span_id.is_empty() && hex(&denied.trace_id).len() == 32, "it is the first of its trace");
    assert_eq!(denied.status.as_ref().map(|status| status.code), Some(StatusCode::Error as i32));
    let told = attributes(&denied.attributes);
    assert_eq!((told["error.type"].as_str(), told["toolcell.outcome"].as_str()), ("tool_error", "denied_network"));
    assert_eq!(told["toolcell.denials"], "denied_network");
    assert!(!format!("{requests:?}").contains("secret"), "{requests:#?}");
    let heads = heads.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(!heads.concat().contains("traceparent"), "nobody said that the server may know: {heads:?}");
}

#[test]
fn the_span_of_the_client_comes_in_by_header_or_meta_and_goes_out_where_that_is_allowed() {
    let (collector, (upstream, heads)) = (Collector::start(), upstream());
    let folder = Folder::new(&[("fetches", &upstream.asked())]);
    folder.lock();
    let otlp =
        format!("[otlp]\nendpoint = {:?}\npropagate = [{:?}]\nusers = true\n", collector.url(), upstream.url(""));
    folder.write("toolcell.toml", &otlp);
    let mut command = folder.toolcell();
    let (server, port) = serve_http(command.env("OTEL_BSP_SCHEDULE_DELAY", "50"));
    let forged = json!({
        "url": upstream.url("/"),
        "headers": [["traceparent", "00-11111111111111111111111111111111-1111111111111111-01"], ["tracestate", "a=b"]],
    });
    let by_header = [("traceparent", PARENT), ("tracestate", "rojo=1")];
    let meta = json!({"traceparent": PARENT});
    call_over_http(port, "fetches", forged.clone(), &by_header, &json!({}));
    call_over_http(port, "fetches", forged.clone(), &[("traceparent", CARRIER)], &meta);
    let malformed = json!({"traceparent": "00-zz", "tracestate": 7});
    call_over_http(port, "fetches", forged, &[("traceparent", "nonsense")], &malformed);

    let spans = collector.wait_for(3);
    let heads = heads.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let [first, second, third] = &heads[..] else { panic!("{heads:?}") };
    for (head, parent, links, state) in [
        (first, Some("00f067aa0ba902b7"), vec![], Some("rojo=1")),
        (second, Some("00f067aa0ba902b7"), vec!["b7ad6b7169203331"], None),
        (third, None, vec![], None),
    ] {
        let told = field(head, "traceparent").expect("the server is told");
        let sent = spans
            .iter()
            .find(|span| span.name == "GET" && told == format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id)));
        let sent = sent.unwrap_or_else(|| panic!("no span is {told}: {spans:#?}"));
        assert_eq!(parent.is_some(), hex(&sent.trace_id) == TRACE, "{told}");
        assert_eq!(field(head, "tracestate").as_deref(), state);
        let call = spans.iter().find(|span| {
            span.trace_id == sent.trace_id
                && span.kind == SpanKind::Server as i32
                && spans
                    .iter()
                    .any(|guest| guest.span_id == sent.parent_span_id && guest.parent_span_id == span.span_id)
        });
        let call = call.expect("it is of a call");
        assert_eq!(hex(&call.parent_span_id), parent.unwrap_or_default());
        assert_eq!(call.links.iter().map(|link| hex(&link.span_id)).collect::<Vec<_>>(), links);
        let told = attributes(&call.attributes);
        assert_eq!((told["network.transport"].as_str(), told["user.name"].as_str()), ("tcp", "local"));
    }
    drop(server);
}

/// One that takes connections and says nothing is the worst.
#[test]
fn a_mute_collector_holds_nobody_and_its_spans_are_counted() {
    let mute = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let url = format!("http://{}", mute.local_addr().expect("it is bound"));
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", &*url), ("OTEL_BSP_SCHEDULE_DELAY", "1"), ("OTEL_BSP_MAX_QUEUE_SIZE", "2")];
    let folder = echo();
    let mut client = serve_with(&folder, &["--metrics", "127.0.0.1:0"], &variables);
    for _ in 0..50 {
        let result = call_with(&mut client, "echo", json!({"message": "hi"}), &json!({}));
        assert_eq!(result["structuredContent"], json!({"message": "hi"}), "{result}");
    }
    let words = "metrics are at http://127.0.0.1:";
    let port = port(&client.wait_for_log(words), words);
    let request = format!("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let (_, page) = exchange(port, &request);
    let value = |name: &str| page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    // Each call has three, two calls wait, and one batch is on its way.
    assert!(value("toolcell_spans_dropped_total").is_some_and(|dropped| dropped > 90.0), "{page}");
    assert_eq!(value("toolcell_spans_exported_total"), Some(0.0), "{page}");
    let began = Instant::now();
    assert_eq!(client.close().code(), Some(0));
    assert!(began.elapsed().as_secs() < 8, "it waited for the collector, {:?}", began.elapsed());
}

#[test]
fn a_collector_that_is_down_is_named_once() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports").local_addr().expect("it is bound");
    let folder = echo();
    let url = format!("http://me:password@{closed}");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        ("OTEL_BSP_SCHEDULE_DELAY", "1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "50"),
    ];
    let mut client = serve_with(&folder, &[], &variables);
    call_with(&mut client, "echo", json!({"message": "hi"}), &json!({}));
    let line = client.wait_for_log("traces do not reach");
    assert!(
        line.contains(&format!("http://{closed}/v1/traces, and are dropped until they do: Connection refused")),
        "{line}"
    );
    for _ in 0..3 {
        call_with(&mut client, "echo", json!({"message": "hi"}), &json!({}));
    }
    client.close_input();
    client.wait_for_log("0 spans were sent and 12 dropped");
    let log = client.log();
    assert_eq!(log.matches("traces do not reach").count(), 1, "{log}");
    assert!(!log.contains("password"), "{log}");
}

#[test]
fn a_collector_can_ask_for_tls() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has ciphers")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("key and certificate belong together");
    let config = Arc::new(config);
    let collector = Collector::behind(move |connection| {
        StreamOwned::new(ServerConnection::new(Arc::clone(&config)).expect("the configuration is good"), connection)
    });
    let folder = echo();
    folder.write("ca.pem", &authority.pem());
    let url = format!("https://localhost:{}", collector.port());
    let mut client = serve_with(
        &folder,
        &[],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url), ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem")],
    );
    call_with(&mut client, "echo", json!({"message": "hi"}), &json!({}));
    assert_eq!(client.close().code(), Some(0));
    named(&collector.wait_for(1), "tools/call echo");
}
