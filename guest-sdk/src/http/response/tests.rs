use serde_json::{Value, json};

use super::*;

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let answer = contract::Response { status, headers, body: body.into(), extra: None };
    Response::new("https://example.com".into(), answer)
}

fn refusal(status: u16, headers: &[(&str, &str)], body: &str) -> ToolError {
    response(status, headers, body).error_for_status().unwrap_err()
}

#[test]
fn success_passes_and_is_read() {
    let response = response(200, &[("content-type", "application/json")], r#"{"a": 1}"#).error_for_status().unwrap();
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    assert_eq!(response.header("etag"), None);
    assert_eq!(response.text().unwrap(), r#"{"a": 1}"#);
    assert_eq!(response.json::<Value>().unwrap(), json!({"a": 1}));
}

#[test]
fn every_refusal_has_its_code_and_says_whether_to_retry() {
    let cases = [
        (302, "upstream_redirected", false),
        (400, "upstream_refused", false),
        (401, "upstream_unauthorized", false),
        (403, "upstream_forbidden", false),
        (404, "upstream_not_found", false),
        (408, "upstream_failed", true),
        (410, "upstream_not_found", false),
        (422, "upstream_refused", false),
        (429, "upstream_rate_limited", true),
        (500, "upstream_failed", true),
        (503, "upstream_failed", true),
        (999, "upstream_refused", false),
    ];
    for (status, code, retryable) in cases {
        let error = refusal(status, &[], "no");
        assert_eq!((error.code.as_str(), error.retryable), (code, retryable), "{status}");
        assert!(
            error.message.contains("https://example.com ") && error.message.contains(&status.to_string()),
            "{error}"
        );
        assert!(error.check_first.is_some(), "{status}");
    }
}

#[test]
fn the_servers_wish_to_wait_is_passed_on() {
    let seconds = refusal(429, &[("retry-after", "30")], "");
    assert_eq!(seconds.check_first.unwrap(), "Wait 30 seconds, then call again.");
    let date = refusal(503, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], "");
    assert!(date.check_first.unwrap().starts_with("Wait until Wed, 21 Oct 2026 07:28:00 GMT, then call again."));
    assert_eq!(refusal(429, &[], "").check_first.unwrap(), "Wait a minute, then call again.");
}

#[test]
fn a_redirect_names_the_server_it_leads_to_and_no_path() {
    let error = refusal(301, &[("location", "https://other.example/secret?x")], "");
    assert_eq!(
        error.message,
        "https://example.com answered with a redirect (301) to https://other.example, which was not followed"
    );
    assert!(refusal(301, &[("location", "/moved")], "").message.contains("another address on the same server"));
}

#[test]
fn json_of_another_shape_shows_status_and_the_start_of_the_body() {
    let error = response(200, &[], r#"{"hits": "none"}"#).json::<Vec<u8>>().unwrap_err();
    assert_eq!(error.code, "upstream_unexpected");
    assert_eq!(
        error.message,
        "https://example.com answered with status 200 and JSON of another shape than expected (invalid type: map, \
         expected a sequence at line 1 column 0). The body starts: {\"hits\": \"none\"}"
    );
    let error = response(502, &[], "<html>\n <title>Bad\u{1b} gateway").json::<Value>().unwrap_err();
    assert!(error.message.contains("status 502 and a body that is not JSON"), "{error}");
    assert!(error.message.ends_with("The body starts: <html> <title>Bad gateway"), "{error}");
}

#[test]
fn text_has_to_be_utf8() {
    let answer = contract::Response { status: 200, headers: vec![], body: vec![b'a', 0xff], extra: None };
    let error = Response::new("https://example.com".into(), answer).text().unwrap_err();
    assert_eq!(error.code, "upstream_unexpected");
    assert!(error.message.contains("not UTF-8"), "{error}");
}

#[test]
fn an_excerpt_is_bounded_in_characters() {
    assert_eq!(printable("ünïcödé", 3), "ünï…");
    assert_eq!(printable("abc", 3), "abc");
    let error = refusal(400, &[], &"x".repeat(1_000_000));
    assert!(error.message.len() < 300, "{}", error.message.len());
    assert!(refusal(400, &[], " \n").message.ends_with("The body is empty."));
}
