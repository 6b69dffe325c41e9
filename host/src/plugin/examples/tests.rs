use super::*;
use crate::{call::CallId, outcome::Output, receipt::Receipt};

fn problem(text: &str) -> String {
    let source = Source { file: "examples/a.json", text };
    Example::parse("a", &source).expect_err("it is refused").to_string()
}

fn parse(example: &Value) -> Result<Example, String> {
    let text = example.to_string();
    Example::parse("a", &Source { file: "a.json", text: &text }).map_err(|error| error.to_string())
}

/// An example that is good but for one part.
fn with(part: &str, value: Value) -> Value {
    let mut example = json!({"tool": "t", "arguments": {}, "expect": {"text": "x"}});
    example[part] = value;
    example
}

#[test]
fn unknown_keys_and_bad_values_are_told_with_their_place() {
    assert_eq!(
        problem("{\n  \"tool\": \"t\",\n  \"argument\": {}\n}"),
        "examples/a.json:3:12: unknown field `argument`, expected one of `description`, `tool`, `arguments`, `env`, \
         `upstream`, `databases`, `varies`, `expect`"
    );
    assert_eq!(problem("{"), "examples/a.json:1:1: EOF while parsing an object");
    let exchange = |key: &str, value: Value| {
        let mut exchange = json!({"method": "GET", "url": "https://a.example/", "status": 200, "body": ""});
        exchange[key] = value;
        with("upstream", json!([exchange]))
    };
    let rows =
        |rows: Value| json!([{"database": "d", "sql": "", "columns": [{"name": "a", "type": "int4"}], "rows": rows}]);
    let told = [
        with("expect", json!({})),
        with("expect", json!({"result": {}})),
        with("env", json!({"A-B": ""})),
        exchange("method", json!("get")),
        exchange("url", json!("/a")),
        exchange("status", json!(101)),
        exchange("headers", json!({"a": "b\r\nc"})),
        exchange("fail", json!("refused")),
        exchange("fail", json!("reset")),
        exchange("status", Value::Null),
        with("databases", rows(json!([[1], [1, 2]]))),
        with("databases", json!([{"database": "d", "sql": ""}])),
    ]
    .map(|example| parse(&example).expect_err("it is refused"));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn answers_and_failures_become_a_replay() {
    let example = parse(&json!({
        "description": "All there is.",
        "tool": "t",
        "arguments": {},
        "env": {"TOKEN": "x"},
        "upstream": [
            {"method": "GET", "url": "https://a.example/", "status": 200, "body": {"a": 1}},
            {"method": "GET", "url": "https://b.example/", "fail": "timeout"},
        ],
        "databases": [{"database": "d", "sql": "select 1", "error": {
            "code": "database_refused", "message": "m", "likely_causes": [], "check_first": "c",
            "refusal": {"sqlstate": "42703", "message": "no such column", "position": 8},
        }}],
        "expect": {"structured": {}},
    }));
    let replay = example.expect("it is good").replay();
    assert_eq!(replay.value("TOKEN"), Some("x"));
    assert_eq!(replay.unused(), ["GET https://a.example/", "GET https://b.example/", "d: select 1"]);
    let refusal = replay.query("d", "select 1", &[], 1).expect_err("it fails").refusal.expect("the database said so");
    assert_eq!((refusal.sqlstate.as_str(), refusal.position), ("42703", Some(8)));
}

#[test]
fn only_what_is_expected_is_compared() {
    let outcome = |result| Outcome { result, receipt: Receipt::new(CallId::next()) };
    let answered = outcome(Ok(Output { content: Vec::new(), structured: Some(json!({"a": [1, {"b": 2, "c": 3}]})) }));
    let differs = |expect: Value, outcome: &Outcome| parse(&with("expect", expect)).expect("good").difference(outcome);
    assert_eq!(differs(json!({"structured": {"a": [1, {"b": 2}]}}), &answered), None);
    assert_eq!(
        differs(json!({"structured": {"a": [1, {"b": 3}]}}), &answered).as_deref(),
        Some("/structured/a/1/b is 2, expected 3")
    );
    assert_eq!(differs(json!({"error": {}}), &answered).as_deref(), Some("/error is missing, expected {}"));
    let failed = outcome(Err(Failure::StackOverflow));
    assert_eq!(differs(json!({"error": {"code": "stack_overflow", "retryable": false}}), &failed), None);
    assert_eq!(
        differs(json!({"text": ""}), &failed).as_deref(),
        Some("/text is missing; the tool failed: \"`t` crashed: its call stack is exhausted\"")
    );
}
