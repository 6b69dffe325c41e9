//! MCP over stdio, in both eras, with good and bad input.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Client, Folder};

fn modern() -> Value {
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

#[test]
fn garbage_is_answered_and_the_next_request_too() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    let long = vec![b'x'; 5 << 20];
    for garbage in [&b"garbage"[..], b"\"\xff\xfe\"", &[b'['; 100_000], &long, b"[]"] {
        client.send_bytes(garbage);
        let answer = client.read();
        assert!(answer["error"]["code"].is_i64(), "{answer}");
        client.ping();
    }
}

#[test]
fn what_a_guest_prints_never_reaches_the_client() {
    let folder = Folder::new(&[("prints", "")]);
    let mut client = folder.lock().serve();
    // The client fails on a line that is not JSON, and on an answer to no request of its own.
    let answer = client.call("prints", json!({"lines": 10_000}));
    assert_eq!(answer["content"][0]["text"], "printed 10000 lines", "{answer}");
    assert!(client.notifications.is_empty(), "{:?}", client.notifications);
}

#[test]
fn progress_is_sent_while_the_call_runs() {
    let folder = Folder::new(&[("progresses", "")]);
    let mut client = folder.lock().serve();
    let params = json!({"name": "progresses", "arguments": {}, "_meta": {"progressToken": "p"}});
    let answer = client.request("tools/call", params);
    assert_eq!(answer["result"]["content"][0]["text"], "reported", "{answer}");
    let done: Vec<_> =
        client.notifications.iter().map(|it| it["params"]["progress"].as_f64().expect("a number")).collect();
    assert_eq!(done, [0.0, 50.0, 100.0]);
}

#[test]
fn spinning_guests_leave_the_server_responsive_and_end_at_their_deadline() {
    let folder = Folder::new(&[("spin", "limits.deadline = \"2s\"")]);
    let mut client = folder.lock().serve();
    let calls: Vec<_> = (0..4).map(|_| client.begin_call("spin", json!({}))).collect();
    for _ in 0..20 {
        client.ping();
    }
    for id in calls {
        let answer = match client.notifications.iter().position(|message| message["id"] == id) {
            Some(at) => client.notifications.swap_remove(at),
            None => client.end(id),
        };
        assert_eq!(answer["result"]["_meta"]["toolcell/error"]["code"], "deadline", "{answer}");
    }
}

#[test]
fn the_end_of_input_ends_the_server_even_with_calls_under_way() {
    let folder = Folder::new(&[("spin", "")]);
    let mut client = folder.lock().serve();
    client.begin_call("spin", json!({}));
    let began = Instant::now();
    assert_eq!(client.close().code(), Some(0));
    // The call's own deadline is 30 s.
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_plugin_that_is_added_is_announced_and_served() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    folder.add("toolerror", "");
    folder.lock();
    loop {
        let message = client.read();
        if message["method"] == "notifications/tools/list_changed" {
            break;
        }
    }
    let list = client.request("tools/list", json!({}));
    assert_eq!(list["result"]["tools"].as_array().map(Vec::len), Some(2), "{list}");
}

#[test]
fn a_call_that_waited_for_its_turn_still_ends_at_its_deadline() {
    let folder = Folder::new(&[("sleeps", "[limits]\nconcurrency = 1\ndeadline = \"4s\"")]);
    let mut client = folder.lock().serve();
    // Either may come first; the other starts when that one has ended, with a second left.
    let ids = [0, 1].map(|_| client.begin_call("sleeps", json!({"ms": 3_000})));
    let answers = [client.read(), client.read()];
    assert!(ids.iter().all(|id| answers.iter().any(|answer| answer["id"] == *id)), "{answers:?}");
    assert_eq!(answers[0]["result"]["content"][0]["text"], "slept 3000 ms");
    assert_eq!(answers[1]["result"]["_meta"]["toolcell/error"]["code"], "deadline", "{answers:?}");
}
