//! Failures as a model reads them: a guest that provokes each, and a snapshot of its text.

use insta::assert_snapshot;
use serde_json::json;

use crate::server::Folder;

fn text(guest: &str, manifest: &str, arguments: serde_json::Value) -> String {
    let folder = Folder::new(&[(guest, manifest)]);
    let mut client = folder.lock().serve();
    let text = client.failure(guest, arguments);
    // The server goes on.
    client.ping();
    text
}

/// Digits of a time, which differ from run to run.
fn without_times(text: &str) -> String {
    let mut shown = String::new();
    let mut digits = false;
    for c in text.chars() {
        if !c.is_ascii_digit() {
            shown.push(c);
        } else if !digits {
            shown.push('N');
        }
        digits = c.is_ascii_digit();
    }
    shown
}

#[test]
fn invalid_arguments() {
    assert_snapshot!(text("echo", "", json!({"message": 1, "count": "x"})));
}

#[test]
fn panic() {
    assert_snapshot!(text("panics", "", json!({"message": "the index is out of range"})));
}

#[test]
fn stack_overflow() {
    assert_snapshot!(text("stack", "", json!({})));
}

#[test]
fn exited() {
    assert_snapshot!(text("exits", "", json!({"status": 3})));
}

#[test]
fn deadline_while_computing() {
    assert_snapshot!(without_times(&text("spin", "limits.deadline = \"300ms\"", json!({}))));
}

#[test]
fn deadline_while_waiting() {
    assert_snapshot!(without_times(&text("sleeps", "limits.deadline = \"300ms\"", json!({"ms": 60_000}))));
}

#[test]
fn result_too_large() {
    assert_snapshot!(text("big", "", json!({"bytes": 5 << 20})));
}

#[test]
fn invalid_output() {
    assert_snapshot!("output_type", text("liar", "", json!({"how": "type"})));
    assert_snapshot!("output_json", text("liar", "", json!({"how": "json"})));
    assert_snapshot!("output_missing", text("liar", "", json!({"how": "missing"})));
}

#[test]
fn tool_error() {
    assert_snapshot!(text("toolerror", "", json!({})));
}

#[test]
fn denied_network() {
    let asks = "capabilities.network = [\"https://api.example.com\"]";
    assert_snapshot!("denied", text("fetches", asks, json!({"url": "https://elsewhere.example/secret?token=1"})));
    let local = "capabilities.network = [\"http://*\"]";
    assert_snapshot!("denied_not_granted", text("fetches", local, json!({"url": "http://127.0.0.1/"})));
}

#[test]
fn upstream_refused() {
    // Nothing listens on port 1 of the loopback interface.
    let asks = "capabilities.network = [\"http://127.0.0.1:1\"]";
    assert_snapshot!(text("fetches", asks, json!({"url": "http://127.0.0.1:1/path"})));
}

#[test]
fn sockets_are_denied_and_named_even_if_the_guest_swallows_it() {
    let folder = Folder::new(&[("sockets", "")]);
    let mut client = folder.lock().serve();
    let failed = client.failure("sockets", json!({"lookup": "internal.example:80"}));
    assert!(failed.contains("internal.example"), "{failed}");
    let failed = client.failure("sockets", json!({"connect": "127.0.0.1:22"}));
    assert!(failed.contains("socket"), "{failed}");
}

#[test]
fn cancelled() {
    let folder = Folder::new(&[("spin", "")]);
    let mut client = folder.lock().serve();
    let id = client.begin_call("spin", json!({}));
    client
        .send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}).to_string());
    // Far less than the call's deadline of 30 s: the place on the processor is free again.
    for _ in 0..10 {
        client.ping();
    }
    assert_eq!(client.close().code(), Some(0));
}
