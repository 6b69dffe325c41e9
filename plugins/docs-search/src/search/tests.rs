use serde_json::{Value, json};
use toolcell_sdk::testing::{self, InstalledHttp, SetVariable};

use super::*;

const URL: &str = "https://docs.example.com/search/search_index.json";

fn site() -> (SetVariable, InstalledHttp) {
    let documents: Vec<Value> = (1..=20)
        .map(|number| json!({"location": format!("p{number}/"), "title": format!("Page {number}"), "text": "Of the cache."}))
        .chain([json!({"location": "ttl/", "title": "Guide", "text": ""})])
        .chain([json!({"location": "ttl/#ttl", "title": "Time to live", "text": "The ttl of the cache."})])
        .collect();
    let index = json!({"config": {"indexing": "full"}, "docs": documents});
    (testing::env("DOCS_URL", URL), testing::http().answer("GET", URL, 200, index).install())
}

fn search(arguments: Value) -> Result<Value, ToolError> {
    let found = search_docs(serde_json::from_value(arguments).unwrap())?;
    Ok(serde_json::to_value(found).unwrap())
}

#[test]
fn a_match_has_title_section_address_and_excerpt() {
    let _site = site();
    let found = search(json!({"words": "TTL"})).unwrap();
    let result = &found["results"][0];
    assert_eq!(result["title"], "Guide");
    assert_eq!(result["section"], "Time to live");
    assert_eq!(result["url"], "https://docs.example.com/ttl/#ttl");
    assert_eq!(result["excerpt"], "The ttl of the cache.");
    assert!(result["score"].as_f64().unwrap() > 0.0, "{result}");
    assert_eq!((&found["total"], &found["sections"]), (&json!(1), &json!(21)));
    assert_eq!((&found["answered_from"], &found["age_seconds"]), (&json!("server"), &json!(0)));
}

#[test]
fn the_limit_holds_and_the_total_counts_all() {
    let _site = site();
    for (arguments, results) in [(json!({"words": "cache"}), 10), (json!({"words": "cache", "limit": 2}), 2)] {
        let found = search(arguments).unwrap();
        assert_eq!((found["results"].as_array().unwrap().len(), &found["total"]), (results, &json!(21)));
    }
}

#[test]
fn the_result_says_that_it_came_from_the_cache_and_how_old_it_is() {
    let _site = site();
    search(json!({"words": "cache"})).unwrap();
    testing::advance(Duration::from_secs(90));
    let found = search(json!({"words": "cache"})).unwrap();
    assert_eq!((&found["answered_from"], &found["age_seconds"]), (&json!("cache"), &json!(90)));
}

#[test]
fn nothing_found_comes_with_a_hint() {
    let _site = site();
    let found = search(json!({"words": "zebra"})).unwrap();
    assert_eq!((&found["total"], &found["results"]), (&json!(0), &json!([])));
    assert!(found["hint"].as_str().unwrap().starts_with("No section has any of the words."));
}

#[test]
fn words_without_a_letter_are_told_before_any_request() {
    let error = search(json!({"words": " -- "})).unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("invalid_arguments", "`words` has no letter and no digit")
    );
}

#[test]
fn each_word_counts_once() {
    assert_eq!(asked("Cache cache, TTL!").unwrap(), ["cache", "ttl"]);
}
