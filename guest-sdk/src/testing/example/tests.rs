use schemars::JsonSchema;
use serde::Serialize;

use super::*;
use crate::http::get;
use crate::{NoArguments, Text};

#[derive(Serialize, JsonSchema)]
struct Page {
    status: u16,
    body: String,
}

fn page(_: NoArguments) -> Result<Page, ToolError> {
    let response = get("https://example.com/").send()?.error_for_status()?;
    Ok(Page { status: response.status, body: response.text()?.to_owned() })
}

fn tools() -> [Tool; 2] {
    [Tool::new("page", page), Tool::new("hello", |_: NoArguments| Ok(Text("hello".into())))]
}

fn run_page(status: u16, expect: &Value) -> Result<(), String> {
    let upstream = json!([{"method": "GET", "url": "https://example.com/", "status": status, "body": "hi"}]);
    run(&tools(), &json!({"tool": "page", "arguments": {}, "upstream": upstream, "expect": expect}).to_string())
}

#[test]
fn members_that_are_named_have_to_match_and_others_need_not() {
    assert_eq!(run_page(200, &json!({"structured": {"body": "hi"}})), Ok(()));
    let problem = run_page(200, &json!({"structured": {"body": "ho"}})).unwrap_err();
    assert!(problem.starts_with(r#"/structured/body is "hi", expected "ho""#), "{problem}");
    let problem = run_page(200, &json!({"error": {}})).unwrap_err();
    assert!(problem.starts_with("/error is missing"), "{problem}");
}

#[test]
fn errors_and_texts_can_be_expected() {
    assert_eq!(run_page(404, &json!({"error": {"code": "upstream_not_found", "retryable": false}})), Ok(()));
    let hello = json!({"tool": "hello", "arguments": {}, "expect": {"text": "hello"}});
    assert_eq!(run(&tools(), &hello.to_string()), Ok(()));
}

#[derive(Serialize, JsonSchema)]
struct Names {
    names: Vec<String>,
    more: bool,
}

fn names(_: NoArguments) -> Result<Names, ToolError> {
    let query = crate::postgres::query("replica", "SELECT name FROM users WHERE id > $1").bind(7);
    let rows = query.run().map_err(|error| match error.sqlstate() {
        Some("42P01") => ToolError::new("no_users", error.refusal.unwrap_or_default().message),
        _ => error.into(),
    })?;
    Ok(Names { names: rows.typed::<(String,)>()?.into_iter().map(|(name,)| name).collect(), more: rows.truncated })
}

fn run_names(answer: &Value, expect: &Value) -> Result<(), String> {
    let mut statement =
        json!({"database": "replica", "sql": "SELECT name FROM users WHERE id > $1", "parameters": [7]});
    statement.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
    let example = json!({"tool": "names", "arguments": {}, "databases": [statement], "expect": expect});
    run(&[Tool::new("names", names)], &example.to_string())
}

#[test]
fn a_database_answers_rows_or_refuses() {
    let rows = json!({"columns": [{"name": "name", "type": "text"}], "rows": [["Ada"], ["Bob"]], "truncated": true});
    assert_eq!(run_names(&rows, &json!({"structured": {"names": ["Ada", "Bob"], "more": true}})), Ok(()));
    assert_eq!(run_names(&json!({}), &json!({"structured": {"names": [], "more": false}})), Ok(()));
    let mut error = json!({
        "code": "database_unreachable", "message": "db:5432 was not reached", "likely_causes": ["it is down"],
        "check_first": "pg_isready", "retryable": true,
    });
    assert_eq!(run_names(&json!({"error": error}), &json!({"error": error})), Ok(()));
    error["refusal"] = json!({"sqlstate": "42P01", "message": "no such table", "position": 18});
    let told = json!({"error": {"code": "no_users", "message": "no such table"}});
    assert_eq!(run_names(&json!({"error": error}), &told), Ok(()));
}

fn count(_: NoArguments) -> Result<Text, ToolError> {
    let count = crate::cache::get("count")?.map_or(0, |entry| entry.value.len()) + 1;
    crate::cache::set("count", vec![0; count], std::time::Duration::from_secs(60))?;
    Ok(Text(format!("{} {count}", crate::env::var("GREETING")?)))
}

#[test]
fn each_example_has_its_own_variables_and_an_empty_cache() {
    let example = |greeting: &str| {
        let expect = json!({"text": format!("{greeting} 1")});
        let env = json!({"GREETING": greeting});
        json!({"description": "Counts.", "tool": "count", "arguments": {}, "env": env, "expect": expect}).to_string()
    };
    for greeting in ["hello", "good day"] {
        assert_eq!(run(&[Tool::new("count", count)], &example(greeting)), Ok(()));
    }
    assert!(crate::env::var("GREETING").is_err());
}

#[test]
fn lists_have_to_be_equally_long() {
    assert_eq!(difference(&json!([1, {"a": 1}]), &json!([1, {"a": 1, "b": 2}]), ""), None);
    assert!(difference(&json!([1]), &json!([1, 2]), "/x").unwrap().starts_with("/x is [1,2]"));
}

#[test]
fn a_misspelt_member_is_refused() {
    let problem = run(&tools(), r#"{"tool": "hello", "arguments": {}, "expected": {}}"#).unwrap_err();
    assert!(problem.contains("unknown field `expected`"), "{problem}");
}

#[test]
fn a_server_can_fail_as_the_host_tells_it() {
    let example = |exchange: &Value, expect: &Value| {
        json!({"description": "A server that is down.", "tool": "page", "arguments": {}, "env": {"TOKEN": "x"}, "varies": true,
            "upstream": [exchange], "expect": {"error": expect}})
        .to_string()
    };
    let fails = |fail: &str| json!({"method": "GET", "url": "https://example.com/", "fail": fail});
    for (fail, message) in [
        ("refused", "the connection to example.com:443 was refused"),
        ("timeout", "connecting to example.com:443 was given up after 10s"),
    ] {
        let expect = json!({"code": "upstream_unreachable", "message": message, "retryable": true});
        assert_eq!(run(&tools(), &example(&fails(fail), &expect)), Ok(()));
    }
    let mut both = fails("refused");
    both["status"] = 200.into();
    let problem = run(&tools(), &example(&both, &json!({}))).unwrap_err();
    assert_eq!(problem, "GET https://example.com/: expected `status` and `body`, or `fail`");
    assert_eq!([authority("http://a.example"), authority("https://[::1]:8/")], ["a.example:80", "[::1]:8"]);
}

#[test]
#[should_panic(expected = "holds no *.json")]
fn a_folder_without_examples_is_a_mistake() {
    examples(&tools(), "src");
}
