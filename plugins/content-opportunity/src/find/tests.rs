use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use toolcell_sdk::testing::{self, FakeHttp};

use super::*;

const STORIES: &str = "https://hn.algolia.com/api/v1/search?query=wasm&tags=story&hitsPerPage=50";
const FEED: &str = "https://www.reddit.com/search.rss?q=wasm&sort=relevance&t=all&type=link&limit=50";
const SUBREDDIT: &str =
    "https://www.reddit.com/r/rust/search.rss?q=wasm&sort=new&t=week&type=link&limit=50&restrict_sr=1";

fn story() -> Value {
    json!({"hits": [{"objectID": "1", "title": "How to run wasm", "url": "https://example.com/wasm", "author": "alice",
        "points": 100, "num_comments": 50, "created_at_i": 1_774_353_600}]})
}

fn feed() -> &'static str {
    r#"<feed xmlns="http://www.w3.org/2005/Atom"><entry><author><name>/u/bob</name></author>
       <category term="rust" label="r/rust"/>
       <content type="html">&lt;a href=&quot;https://example.com/wasm&quot;&gt;[link]&lt;/a&gt;</content><id>t3_a</id>
       <link href="https://www.reddit.com/r/rust/comments/a/wasm/"/><published>2026-03-31T12:00:00+00:00</published>
       <title>Running wasm</title></entry></feed>"#
}

fn find(arguments: Value) -> Result<Value, ToolError> {
    let input: FindOpportunities = serde_json::from_value(arguments).unwrap();
    let ranking = find_at(&input, UNIX_EPOCH + Duration::from_secs(1_774_958_400))?;
    Ok(serde_json::to_value(ranking).unwrap())
}

fn wasm() -> Value {
    json!({"topic": "wasm", "date_range": "all"})
}

fn both(stories: u16, feed: u16) -> FakeHttp {
    let body = |status| if status == 200 { self::feed() } else { "" };
    testing::http().answer("GET", STORIES, stories, story()).answer("GET", FEED, feed, body(feed))
}

#[test]
fn posts_of_both_sources_with_the_same_link_are_one_opportunity() {
    let _http = both(200, 200).install();
    let ranking = find(wasm()).unwrap();
    let opportunity = &ranking["opportunities"][0];
    assert_eq!((&ranking["total"], &opportunity["title"]), (&json!(1), &json!("How to run wasm")));
    assert_eq!(opportunity["posts"].as_array().unwrap().len(), 2);
    // 30 * 0.74 + 25 * 0.69 + 20 * 1 + 15 * 1 + 10 * 0.5
    assert_eq!(opportunity["score"], 79.5);
    assert_eq!(opportunity["reasons"][0], "interest +22.2: 100 points");
    assert_eq!(ranking["sources"][0], json!({"source": "hacker_news", "status": "ok", "posts": 1}));
    assert!(ranking["sources"][1]["note"].as_str().unwrap().contains("neither points nor comments"), "{ranking}");
    assert_eq!(testing::take_progress().len(), 2);
}

#[test]
fn one_source_that_fails_leaves_the_other_and_says_why() {
    for (http, failed, code, posts) in
        [(both(200, 429), 1, "upstream_rate_limited", 1), (both(503, 200), 0, "upstream_failed", 1)]
    {
        let _http = http.install();
        let ranking = find(wasm()).unwrap();
        let (bad, good) = (&ranking["sources"][failed], &ranking["sources"][1 - failed]);
        assert_eq!((&bad["status"], &bad["error"]["code"]), (&json!("failed"), &json!(code)), "{ranking}");
        assert!(bad["error"]["check_first"].as_str().unwrap().starts_with("Wait"), "{bad}");
        assert_eq!((&good["status"], &good["posts"]), (&json!("ok"), &json!(posts)));
        assert_eq!(ranking["total"], 1);
    }
}

#[test]
fn both_sources_failing_is_an_error_that_names_both() {
    let denied = ToolError::new("denied_network", "https://www.reddit.com is not granted").cause("not reviewed");
    let _http = testing::http().answer("GET", STORIES, 503, "").fail("GET", FEED, denied).install();
    let error = find(wasm()).unwrap_err();
    assert_eq!((error.code.as_str(), error.retryable), ("all_sources_failed", true));
    let message = "neither source answered. https://hn.algolia.com failed on its side (503); https://www.reddit.com is not granted";
    assert_eq!(error.message, message);
    assert_eq!(error.likely_causes[1], "Reddit: not reviewed");
    assert!(error.check_first.unwrap().starts_with("Wait a moment"));
}

#[test]
fn every_argument_reaches_the_sources() {
    let stories = format!("{STORIES}&numericFilters=created_at_i%3E%3D1774353600");
    let feed =
        "https://www.reddit.com/r/rust+wasm/search.rss?q=wasm&sort=relevance&t=week&type=link&limit=50&restrict_sr=1";
    let http = testing::http().answer("GET", &stories, 200, json!({"hits": []}));
    let _http = http.answer("GET", feed, 200, "<feed/>").install();
    let ranking =
        find(json!({"topic": "wasm", "subreddit_filter": ["rust", "wasm"], "date_range": "week", "limit": 5})).unwrap();
    assert_eq!(ranking["hint"], "No post matches. Try a longer `date_range` than `week`, or fewer words.");
}

#[test]
fn one_subreddit_is_searched_alone() {
    let _http = testing::http().answer("GET", SUBREDDIT, 200, feed()).install();
    let arguments = json!({"subreddit": "rust", "words": "wasm", "sort": "new", "date_range": "week"});
    let ranking = search_subreddit(serde_json::from_value(arguments).unwrap()).unwrap();
    let ranking = serde_json::to_value(ranking).unwrap();
    assert_eq!(ranking["sources"][0]["status"], "not_asked");
    assert_eq!(ranking["opportunities"][0]["posts"][0]["community"], "r/rust");
}
