use serde_json::{Value, json};
use toolcell_sdk::testing;

use super::*;

const PLAIN: &str = "https://hn.algolia.com/api/v1/search?query=rust&tags=story&hitsPerPage=10&page=0";

/// 2026-03-31T12:00:00Z, as Unix time.
const NOON: u64 = 1_774_958_400;

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOON)
}

fn search(arguments: Value) -> Result<Value, ToolError> {
    let input: SearchHn = serde_json::from_value(arguments).unwrap();
    let found = search_at(&input, noon)?;
    Ok(serde_json::to_value(found).unwrap())
}

/// The URL that a search asks for, answered with an empty page.
fn url_of(arguments: Value, url: &str) {
    let _http = testing::http().answer("GET", url, 200, json!({"hits": [], "nbHits": 0, "nbPages": 0})).install();
    search(arguments).unwrap();
}

#[test]
fn defaults_ask_for_ten_stories_by_relevance() {
    url_of(json!({"query": "rust"}), PLAIN);
}

#[test]
fn every_argument_reaches_the_api() {
    url_of(
        json!({
            "query": "wasm & more", "sort": "date", "kind": "ask_hn", "author": "pg", "min_points": 100,
            "since": "2026-03-31", "limit": 50, "page": 3,
        }),
        "https://hn.algolia.com/api/v1/search_by_date?query=wasm+%26+more&tags=ask_hn%2Cauthor_pg&hitsPerPage=50&page=2\
         &numericFilters=points%3E%3D100%2Ccreated_at_i%3E%3D1774915200",
    );
}

#[test]
fn the_last_days_are_counted_back_from_now() {
    let two_days_before = NOON - 2 * 86_400;
    url_of(
        json!({"query": "rust", "last_days": 2}),
        &format!("{PLAIN}&numericFilters=created_at_i%3E%3D{two_days_before}"),
    );
    assert_eq!(days_before(noon(), 36_500), 0);
}

#[test]
fn a_day_that_is_none_is_told() {
    for day in ["yesterday", "2026-02-30", "31.03.2026", "2026-03-31T00:00"] {
        let error = search(json!({"query": "", "since": day})).unwrap_err();
        assert_eq!(error.code, "invalid_arguments");
        assert!(error.message.starts_with("`since` is not a day: "), "{error}");
        assert!(error.check_first.unwrap().contains("YYYY-MM-DD"));
    }
}

#[test]
fn since_and_last_days_exclude_each_other() {
    let error = search(json!({"query": "", "since": "2026-03-31", "last_days": 1})).unwrap_err();
    assert_eq!(error.message, "`since` and `last_days` are both given");
}

#[test]
fn stories_come_back_whole_and_jobs_without_points() {
    let _http = testing::http()
        .answer(
            "GET",
            PLAIN,
            200,
            json!({
                "hits": [
                    {"objectID": "1", "title": "A", "url": "https://a.example/", "author": "x", "points": 5,
                     "num_comments": 2, "created_at": "2026-03-30T10:00:00Z", "_tags": ["story"]},
                    {"objectID": "2", "title": "B", "url": "", "author": "y", "points": null,
                     "num_comments": null, "created_at": "2026-03-29T10:00:00Z"},
                ],
                "nbHits": 2, "nbPages": 1, "page": 0, "hitsPerPage": 10,
            }),
        )
        .install();
    assert_eq!(
        search(json!({"query": "rust"})).unwrap(),
        json!({
            "stories": [
                {"id": "1", "title": "A", "url": "https://a.example/", "author": "x", "points": 5, "comments": 2,
                 "created_at": "2026-03-30T10:00:00Z", "hn_url": "https://news.ycombinator.com/item?id=1"},
                {"id": "2", "title": "B", "author": "y", "created_at": "2026-03-29T10:00:00Z",
                 "hn_url": "https://news.ycombinator.com/item?id=2"},
            ],
            "total": 2, "page": 1, "pages": 1,
        })
    );
}

#[test]
fn an_empty_page_comes_with_a_hint() {
    let empty = |total: u64, pages: u32| Page { hits: vec![], nb_hits: total, nb_pages: pages };
    let input = |arguments| serde_json::from_value::<SearchHn>(arguments).unwrap();
    let plain = input(json!({"query": "zzz"}));
    assert!(found(&plain, empty(0, 0)).hint.unwrap().starts_with("No story matches. Use fewer"));
    let narrow = input(json!({"query": "zzz", "min_points": 1, "kind": "job"}));
    assert!(found(&narrow, empty(0, 0)).hint.unwrap().contains("without min_points, kind,"));
    let beyond = input(json!({"query": "rust", "page": 9}));
    assert_eq!(found(&beyond, empty(30, 3)).hint.unwrap(), "There are 3 pages; ask for one of them.");
}

#[test]
fn failures_of_the_api_are_told_apart() {
    let cases =
        [(429, "upstream_rate_limited", true), (503, "upstream_failed", true), (400, "upstream_refused", false)];
    for (status, code, retryable) in cases {
        let _http = testing::http().answer("GET", PLAIN, status, json!({"message": "no"})).install();
        let error = search(json!({"query": "rust"})).unwrap_err();
        assert_eq!((error.code.as_str(), error.retryable), (code, retryable));
        assert!(error.message.contains("https://hn.algolia.com"), "{error}");
    }
}

#[test]
fn an_answer_of_another_shape_is_told_with_its_start() {
    let _http = testing::http().answer("GET", PLAIN, 200, json!({"results": []})).install();
    let error = search(json!({"query": "rust"})).unwrap_err();
    assert_eq!(error.code, "upstream_unexpected");
    assert!(error.message.contains("missing field `hits`") && error.message.contains(r#"{"results":[]}"#), "{error}");
}

#[test]
fn a_request_has_a_timeout() {
    let http = testing::http().answer("GET", PLAIN, 200, json!({"hits": [], "nbHits": 0, "nbPages": 0})).install();
    search(json!({"query": "rust"})).unwrap();
    assert_eq!(http.requests()[0].timeout_ms, Some(10_000));
}
