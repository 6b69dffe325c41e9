//! MCP over stdio, in both eras.

use serde_json::{Value, json};

use crate::{client::Client, folder::Folder};

/// What each request of the newer era carries in `_meta`.
pub fn modern() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    })
}

#[test]
fn the_newer_era_needs_no_initialize() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let mut client = Client::start(folder.toolcell().args(["serve", "--locked"]));
    let discovered = client.request("server/discover", json!({"_meta": modern()}));
    assert!(discovered["result"]["supportedVersions"].to_string().contains("2026-07-28"), "{discovered}");
    let list = client.request("tools/list", json!({"_meta": modern()}));
    assert_eq!(list["result"]["tools"][0]["name"], "echo", "{list}");
    assert!(list["result"]["ttlMs"].is_u64() && list["result"]["cacheScope"].is_string(), "{list}");
    let call = json!({"name": "echo", "arguments": {"message": "hi"}, "_meta": modern()});
    let answer = client.request("tools/call", call);
    assert_eq!(answer["result"]["structuredContent"], json!({"message": "hi"}), "{answer}");
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
}

#[test]
fn title_and_all_hints_are_always_set() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    let list = client.request("tools/list", json!({}));
    let tool = &list["result"]["tools"][0];
    assert!(tool["title"].is_string(), "{tool}");
    let expected =
        json!({"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false});
    for (hint, value) in expected.as_object().expect("an object") {
        assert_eq!(&tool["annotations"][hint], value, "{tool}");
    }
}

#[test]
fn unknown_tools_and_malformed_requests_are_protocol_errors() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    let answer = client.request("tools/call", json!({"name": "nothing", "arguments": {}}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer = client.request("tools/call", json!({"name": 7}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer = client.request("no/such/method", json!({}));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
}

/// As scripts do: `printf '...' | toolcell serve`.
#[test]
fn a_whole_session_can_be_sent_at_once() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    for _ in 0..10 {
        let mut client = Client::start(folder.toolcell().args(["serve", "--locked"]));
        let hello =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let opened = client.begin("initialize", hello);
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        let listed = client.begin("tools/list", json!({}));
        let called = client.begin_call("echo", json!({"message": "hi"}));
        client.close_input();
        assert_eq!(client.end(opened)["result"]["serverInfo"]["name"], "toolcell");
        assert_eq!(client.end(listed)["result"]["tools"][0]["name"], "echo");
        assert_eq!(client.end(called)["result"]["structuredContent"], json!({"message": "hi"}));
        assert_eq!(client.close().code(), Some(0));
    }
}
