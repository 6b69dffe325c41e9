//! `smoke`: examples that hold and that do not, offline and against a server.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::run;
use crate::{folder::Folder, upstream::Upstream};

const ASKS: &str = "capabilities.network = [\"https://api.example.com\"]\n";
const URL: &str = "https://api.example.com/a?b=c";

/// A folder with the guest that sends requests, as the plugin `weather`.
fn weather() -> Folder {
    let folder = Folder::new(&[]);
    folder.add_as("weather", "fetches", ASKS);
    fs::create_dir(folder.plugins().join("weather/examples")).expect("it is ours");
    folder
}

fn write(folder: &Folder, name: &str, arguments: &Value, upstream: &Value, expect: &Value) {
    let example = json!({"tool": "fetches", "arguments": arguments, "upstream": upstream, "expect": expect});
    folder.write(&format!("plugins/weather/examples/{name}.json"), &example.to_string());
}

fn answer(body: &str) -> Value {
    json!([{"method": "GET", "url": URL, "status": 200, "headers": {"x-a": "b"}, "body": body}])
}

/// Without how long calls took.
fn shown(folder: &Folder, arguments: &[&str]) -> String {
    let shown = run(folder, arguments).shown();
    let without = |line: &str| match line.split_once("fetches") {
        Some((before, after)) if after.ends_with(" ms") => format!("{before}fetches  N ms\n"),
        _ => format!("{line}\n"),
    };
    shown.lines().map(without).collect()
}

#[test]
fn examples_hold_or_are_told_why_not() {
    let folder = weather();
    let sends = json!({"url": URL});
    write(&folder, "answered", &sends, &answer("hi"), &json!({"structured": {"status": 200, "body": "hi"}}));
    let failing = |fail: &str| json!([{"method": "GET", "url": URL, "fail": fail}]);
    write(&folder, "refused", &sends, &failing("refused"), &json!({"error": {"code": "upstream_unreachable"}}));
    let message = "connecting to api.example.com:443 was given up after 10s";
    write(&folder, "timeout", &sends, &failing("timeout"), &json!({"error": {"message": message}}));
    assert_snapshot!("smoke_good", shown(&folder, &["smoke"]));

    write(&folder, "other", &sends, &answer("hi"), &json!({"structured": {"body": "ho"}}));
    write(&folder, "unanswered", &sends, &json!([]), &json!({"error": {}}));
    write(&folder, "unsent", &json!({"times": 0}), &answer("hi"), &json!({"text": "nothing sent"}));
    write(&folder, "unasked", &json!({"url": "https://b.example/"}), &json!([]), &json!({"error": {"code": "x"}}));
    folder.write("plugins/weather/examples/broken.json", "{\"tool\": 1}");
    folder.add_as("bare", "echo", "");
    assert_snapshot!("smoke_bad", shown(&folder, &["smoke"]));
}

#[test]
fn nothing_to_run_is_not_a_success() {
    let folder = weather();
    assert_snapshot!("smoke_none", shown(&folder, &["smoke", "weather"]));
    write(&folder, "answered", &json!({"url": URL}), &answer("hi"), &json!({"structured": {}}));
    fs::write(folder.plugins().join("weather/guest.wasm"), "not wasm").expect("the folder is ours");
    assert_snapshot!("smoke_no_component", shown(&folder, &["smoke", "weather"]));
}

#[test]
fn programs_get_json() {
    let folder = weather();
    write(&folder, "answered", &json!({"url": URL}), &answer("hi"), &json!({"structured": {"body": "ho"}}));
    let ran = run(&folder, &["smoke", "--json"]);
    let results: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    assert_eq!((ran.code, &results["holds"]), (Some(1), &json!(false)));
    let example = &results["plugins"][0]["examples"][0];
    assert_eq!((&example["example"], &example["tool"]), (&json!("answered"), &json!("fetches")));
    assert_eq!(example["problem"], "/structured/body is \"hi\", expected \"ho\"");
}

#[test]
fn live_runs_need_the_grant_and_reach_the_server() {
    let folder = weather();
    write(&folder, "answered", &json!({"url": URL}), &answer("hi"), &json!({"structured": {"body": "hi"}}));
    assert_snapshot!("smoke_live_not_granted", shown(&folder, &["smoke", "--live"]));
    folder.lock();
    let server = Upstream::answering(|_| ("text/plain", b"something else".to_vec()));
    let substitute = format!("--upstream=https://api.example.com={}", server.url(""));
    assert_snapshot!("smoke_live", shown(&folder, &["--locked", &substitute, "smoke", "--live"]));
    assert_eq!(server.requests(), ["GET /a?b=c HTTP/1.1"]);
    // A port where nothing listens: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let nowhere = format!("--upstream=https://api.example.com=http://127.0.0.1:{free}");
    let down = run(&folder, &["--locked", &nowhere, "smoke", "--live"]);
    assert_eq!(down.code, Some(1));
    assert!(down.stdout.contains("api.example.com:443 was refused"), "{}", down.shown());
}
