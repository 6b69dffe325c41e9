//! `toolcell::testing`, as a plugin's own tests use it.

use std::{fs, time::Duration};

use serde_json::json;
use toolcell::{
    receipt::Server,
    replay::{DatabaseAnswer, Fault, Replay, Rows, Target},
    testing::Plugin,
};

use crate::folder::Folder;

const URL: &str = "https://api.example.com/a";

fn plugin(guest: &str, manifest: &str) -> (Folder, Plugin) {
    let folder = Folder::new(&[(guest, manifest)]);
    let plugin = Plugin::load(folder.plugins().join(guest));
    (folder, plugin)
}

fn fetches() -> (Folder, Plugin) {
    plugin("fetches", "capabilities.network = [\"https://api.example.com\"]\n")
}

#[test]
fn only_the_variables_that_are_asked_for_and_given_are_seen() {
    let (_folder, plugin) = plugin("envdump", "capabilities.env = [\"PATH\", \"TOKEN\"]\n");
    let replay = Replay::new().variable("TOKEN", "x").variable("OTHER", "y");
    let seen = plugin.call("envdump", json!({}), replay).expect("it answers").structured.expect("structured");
    assert_eq!(seen["environment"], json!({"TOKEN": "x"}));
}

#[test]
fn a_large_answer_and_a_large_request_pass() {
    let (_folder, plugin) = fetches();
    let large = "x".repeat(300 << 10);
    let api = Replay::new().answer("POST", URL, 201, large.as_str());
    let arguments = json!({"method": "POST", "url": URL, "body": large});
    let answer = plugin.call("fetches", arguments, api).expect("it answers").structured.expect("structured");
    assert_eq!((&answer["status"], &answer["body"]), (&json!(201), &json!(large)));
    let head =
        plugin.call("fetches", json!({"method": "HEAD", "url": URL}), Replay::new().answer("HEAD", URL, 200, ""));
    assert_eq!(head.expect("it answers").structured.expect("structured")["body"], "");
}

#[test]
fn what_the_manifest_does_not_ask_for_is_refused_before_it_is_answered() {
    let (_folder, plugin) = fetches();
    let error = plugin.call("fetches", json!({"url": "https://b.example/"}), Replay::new()).expect_err("it is refused");
    assert_eq!(error.code, "denied_network");
}

#[test]
fn a_broken_server_answers_nothing() {
    let (_folder, plugin) = fetches();
    let server = Server { scheme: "https".to_owned(), host: "api.example.com".to_owned(), port: 443 };
    let broken = |fault| Replay::new().broken(Target::Server(server.clone()), fault);
    let message = |arguments, replay| plugin.call("fetches", arguments, replay).expect_err("it fails").message;
    assert_eq!(
        message(json!({"url": URL}), broken(Fault::Refusing)),
        "the connection to api.example.com:443 was refused"
    );
    // As if the request's own time had passed, without waiting for it.
    assert_eq!(
        message(json!({"url": URL, "timeout_ms": 9_000}), broken(Fault::Silent)),
        "the server at api.example.com:443 took the request and did not answer, given up after 9s"
    );
    let waits = broken(Fault::Silent).deadline(Duration::from_millis(200));
    let error = plugin.call("fetches", json!({"url": URL}), waits).expect_err("it fails");
    assert_eq!(error.code, "deadline");
}

#[test]
fn databases_are_answered_too() {
    let (_folder, plugin) = plugin("queries", "capabilities.postgres = [\"replica\"]\n");
    let sql = "SELECT id FROM users WHERE id > $1";
    let answer = |replica: &str| DatabaseAnswer {
        database: replica.to_owned(),
        sql: sql.to_owned(),
        parameters: vec![json!(1)],
        reply: Ok(Rows {
            columns: vec![("id".to_owned(), "int4".to_owned())],
            rows: vec![json!([2]), json!([3])],
            truncated: false,
        }),
    };
    let arguments = json!({"sql": sql, "parameters": [1], "max_rows": 1});
    let rows = plugin.call("queries", arguments.clone(), Replay::new().database(answer("replica")));
    let rows = rows.expect("it answers").structured.expect("structured");
    assert_eq!(rows, json!({"columns": [["id", "int4"]], "rows": [[2]], "truncated": true}));

    let down = Replay::new().broken(Target::Database("replica".to_owned()), Fault::Refusing);
    let error = plugin.call("queries", arguments, down).expect_err("it is down");
    assert_eq!((error.code.as_str(), error.retryable), ("database_unreachable", true));
    let other = json!({"database": "primary", "sql": sql});
    let error = plugin.call("queries", other, Replay::new()).expect_err("nobody asked for it");
    assert_eq!(error.code, "denied_database");
}

#[test]
fn each_call_begins_with_an_empty_cache() {
    let (_folder, plugin) = plugin("cached", "capabilities.cache = { max = \"1MiB\", ttl-max = \"1h\" }\n");
    let results = |steps| {
        let answer = plugin.call("cached", json!({"steps": steps}), Replay::new()).expect("it answers");
        answer.structured.expect("structured")["results"].clone()
    };
    let kept = results(json!([["set", "a", "b", 60_000], ["get", "a"]]));
    assert_eq!((&kept[0], &kept[1]["value"]), (&json!("set"), &json!("b")));
    assert_eq!(results(json!([["get", "a"]])), json!([null]));
}

#[test]
#[should_panic(expected = "fetches sent a request that has no answer: GET https://api.example.com/a")]
fn a_request_without_an_answer_fails_the_test() {
    let (_folder, plugin) = fetches();
    let _ = plugin.call("fetches", json!({"url": URL, "swallow": true}), Replay::new());
}

#[test]
#[should_panic(expected = "fetches never sent a request that has an answer: GET https://api.example.com/a")]
fn an_answer_that_nobody_asks_for_fails_the_test() {
    let (_folder, plugin) = fetches();
    let _ = plugin.call("fetches", json!({"times": 0}), Replay::new().answer("GET", URL, 200, ""));
}

#[test]
#[should_panic(expected = "the example one does not hold: /structured/count is 1, expected 2")]
fn an_example_that_does_not_hold_fails_the_test() {
    let (folder, plugin) = plugin("echo", "");
    fs::create_dir(folder.plugins().join("echo/examples")).expect("it is ours");
    let example = json!({
        "tool": "echo",
        "arguments": {"message": "", "count": 1},
        "expect": {"structured": {"count": 2}},
    });
    folder.write("plugins/echo/examples/one.json", &example.to_string());
    plugin.examples();
}
