use serde_json::{Value, json};
use toolcell_sdk::testing;

use super::*;

const URL: &str = "https://example.com/page";

fn fetch(arguments: Value) -> Result<Value, ToolError> {
    let page = fetch_page(serde_json::from_value(arguments).unwrap())?;
    Ok(serde_json::to_value(page).unwrap())
}

#[test]
fn a_short_page_comes_whole() {
    let body = "<title>T</title><h1>H</h1><p>text</p>";
    let _http = testing::http().answer("GET", URL, 200, body).header("content-type", "text/html").install();
    assert_eq!(
        fetch(json!({"url": format!("{URL}#part")})).unwrap(),
        json!({
            "url": URL, "title": "T", "content_type": "text/html", "format": "markdown", "content": "# H\n\ntext",
            "start": 0, "total_chars": 9,
        })
    );
}

#[test]
fn a_long_text_comes_in_pieces_of_characters() {
    let body = "äöü".repeat(100);
    let pieces = [(0, 100, Some(100)), (100, 100, Some(200)), (200, 100, None), (250, 50, None)];
    for (start, chars, next) in pieces {
        let _http = testing::http().answer("GET", URL, 200, body.as_str()).install();
        let page = fetch(json!({"url": URL, "start": start, "max_chars": 100})).unwrap();
        assert_eq!(page["content"].as_str().unwrap().chars().count(), chars, "{start}");
        assert_eq!(page.get("next_start"), next.map(Value::from).as_ref(), "{start}");
        assert_eq!((&page["total_chars"], &page["format"]), (&json!(300), &json!("text")));
    }
}

#[test]
fn a_start_beyond_the_end_is_told() {
    let _http = testing::http().answer("GET", URL, 200, "short").install();
    let error = fetch(json!({"url": URL, "start": 5})).unwrap_err();
    assert_eq!(error.message, "`start` is 5, but the text has 5 characters");
}

#[test]
fn an_empty_page_is_a_result() {
    let _http = testing::http().answer("GET", URL, 200, "").install();
    assert_eq!(fetch(json!({"url": URL})).unwrap()["total_chars"], 0);
}

#[test]
fn what_is_no_web_address_is_told_before_any_request() {
    let cases = [
        ("example.com", "`url` is not an address: relative URL without a base"),
        ("ftp://example.com/", "`url` begins with `ftp:`, expected `https:`"),
        ("file:///etc/passwd", "`url` begins with `file:`, expected `https:`"),
    ];
    for (url, message) in cases {
        let error = fetch(json!({"url": url})).unwrap_err();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("invalid_arguments", message));
    }
}
