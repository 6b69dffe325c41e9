//! What is not answered, and what is said instead.

use serde_json::json;

use crate::{
    folder::Folder,
    server::{Http, POST, Reply, Served, borrowed, modern_request},
};

fn told(reply: &Reply) -> String {
    let kind = reply.header("content-type").unwrap_or("-");
    format!("{} {kind}: {}\n", reply.status, reply.body.trim_end())
}

#[test]
fn what_cannot_be_read_is_refused_as_the_protocol_says() {
    let folder = Folder::new(&[("echo", "")]);
    folder.write("toolcell.toml", "[http]\nbody = \"4KiB\"\n");
    let server = Served::start(folder.lock());
    let mut said = String::new();
    let mut client = server.connect();
    for body in [
        "",
        "{",
        "[]",
        "\"text\"",
        "{\"jsonrpc\": \"2.0\"}",
        "{\"jsonrpc\": \"1.0\", \"id\": 1, \"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": {}, \"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"tools/call\", \"params\": {\"name\": 1}}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"tools/list\", \"params\": [1]}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"tools/list\"}",
        "{\"jsonrpc\": \"2.0\", \"method\": \"notifications/cancelled\", \"params\": 1}",
    ] {
        let reply = client.request("POST", "/mcp", &POST, body);
        said.push_str(&format!("{body}\n  {}", told(&reply)));
    }
    let large = json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y".repeat(4 << 10)}}).to_string();
    said.push_str(&format!("too large\n  {}", told(&client.request("POST", "/mcp", &POST, &large))));
    let mut client = server.connect();
    client.send(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    client.send(&format!("{:x}\r\n{large}\r\n", large.len()));
    said.push_str(&format!("too large, and not said before\n  {}", told(&client.reply())));
    insta::assert_snapshot!("http_unreadable", said);
}

#[test]
fn who_should_not_call_is_refused_before_anything_is_read() {
    let folder = Folder::new(&[("echo", "")]);
    let server = Served::start(folder.lock());
    let mut said = String::new();
    let (headers, body) = modern_request("tools/list", json!({}));
    for (name, value) in [
        ("host", "evil.example"),
        ("host", "localhost.evil.example"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("mcp-session-id", "00000000-0000-4000-8000-000000000000"),
        ("accept", "text/html"),
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-method", "tools/call"),
    ] {
        let mut headers = borrowed(&headers);
        headers.retain(|(header, _)| *header != name);
        headers.push((name, value));
        let reply = server.connect().request("POST", "/mcp", &headers, &body);
        said.push_str(&format!("{name}: {value}\n  {}", told(&reply)));
    }
    for (method, path) in
        [("PUT", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp"), ("OPTIONS", "/mcp"), ("GET", "/"), ("GET", "/mcp/x")]
    {
        let reply = server.connect().request(method, path, &[("accept", "text/event-stream")], "");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{reply:?}");
        said.push_str(&format!("{method} {path}\n  {}", told(&reply)));
    }
    // HTTP/1.0 needs no Host; this server does.
    let mut client = server.connect();
    client.send("POST /mcp HTTP/1.0\r\ncontent-length: 0\r\n\r\n");
    said.push_str(&format!("no host\n  {}", told(&client.reply())));
    insta::assert_snapshot!("http_refused", said);
}

#[test]
fn what_the_newer_era_does_not_know_has_its_own_status() {
    let folder = Folder::new(&[("echo", "")]);
    let server = Served::start(folder.lock());
    let mut client = server.connect();
    let mut said = String::new();
    for (method, params) in [
        ("of/somebody/else", json!({})),
        ("tools/call", json!({"name": "unknown", "arguments": {}})),
        ("tools/list", json!({"cursor": "x"})),
        ("tools/list", json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "1900-01-01"}})),
    ] {
        said.push_str(&format!("{method} {params}\n  {}", told(&client.modern(method, params.clone()))));
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let headers = [&POST[..], &[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")]].concat();
    said.push_str(&format!("no _meta\n  {}", told(&client.request("POST", "/mcp", &headers, &body))));
    insta::assert_snapshot!("http_newer_era", said);
}

#[test]
fn probes_are_answered_by_any_name_and_say_nothing() {
    let folder = Folder::new(&[("echo", "")]);
    let server = Served::start(folder.lock());
    let mut client = server.connect();
    for (path, body) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        let reply = client.request("GET", path, &[("host", "10-1-2-3.pod.example")], "");
        assert_eq!((reply.status, reply.body.as_str()), (200, body));
    }
}

#[test]
fn pages_of_configured_origins_may_call() {
    let folder = Folder::new(&[("echo", "")]);
    folder.write("toolcell.toml", "[http]\nhosts = [\"tools.example.com\"]\norigins = [\"https://app.example.com\"]\n");
    let server = Served::start(folder.lock());
    let mut client = server.connect();
    let page = [("origin", "https://app.example.com"), ("host", "tools.example.com")];
    let asks = [
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,authorization,x-forwarded-user"),
    ];
    let preflight = client.request("OPTIONS", "/mcp", &[&page[..], &asks].concat(), "");
    assert_eq!(preflight.status, 204, "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-headers"), Some("content-type, authorization"));
    let allowed = |reply: &Reply| reply.header("access-control-allow-origin").map(ToOwned::to_owned);
    assert_eq!(allowed(&preflight).as_deref(), Some("https://app.example.com"));

    let (headers, body) = modern_request("tools/list", json!({}));
    let list = |client: &mut Http, more: &[(&str, &str)]| {
        client.request("POST", "/mcp", &[&borrowed(&headers)[..], more].concat(), &body)
    };
    let answer = list(&mut client, &page);
    assert_eq!((answer.status, allowed(&answer).as_deref()), (200, Some("https://app.example.com")), "{answer:?}");
    // What is refused can be read, too: pages have to tell people why.
    let unread = client.request("POST", "/mcp", &[&page[..], &POST].concat(), "{");
    assert_eq!((unread.status, allowed(&unread).is_some()), (400, true), "{unread:?}");
    let local = list(&mut client, &[("origin", "http://localhost:3000")]);
    assert_eq!((local.status, allowed(&local)), (200, None), "{local:?}");
    let other = [("origin", "https://other.example.com"), ("host", "tools.example.com")];
    let other = client.request("OPTIONS", "/mcp", &[&other[..], &asks].concat(), "");
    assert_eq!((other.status, allowed(&other)), (403, None), "{other:?}");
}
