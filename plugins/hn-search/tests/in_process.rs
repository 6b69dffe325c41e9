//! The component, called in the real host within this process; the API is what each test says it answers.

use serde_json::json;
use toolcell::{
    replay::{Fail, Replay},
    testing::Plugin,
};

const URL: &str = "https://hn.algolia.com/api/v1/search?query=rust&tags=story&hitsPerPage=10&page=0";

fn plugin() -> Plugin {
    Plugin::with_component(env!("CARGO_MANIFEST_DIR"), toolcell_test_guests::plugins::HN_SEARCH)
}

#[test]
fn a_search_answers_as_its_schema_says() {
    let api = Replay::new().answer("GET", URL, 200, json!({"hits": [], "nbHits": 0, "nbPages": 0}));
    let answer = plugin().call("search_hn", json!({"query": "rust"}), api).expect("it answers");
    assert_eq!(answer.structured.expect("it has a schema")["total"], 0);
}

#[test]
fn a_server_that_is_down_is_named() {
    let api = Replay::new().fail("GET", URL, Fail::Refused);
    let error = plugin().call("search_hn", json!({"query": "rust"}), api).expect_err("there is no answer");
    assert_eq!((error.code.as_str(), error.retryable), ("upstream_unreachable", true));
    assert_eq!(error.message, "the connection to hn.algolia.com:443 was refused");
}

#[test]
fn the_examples_hold() {
    plugin().examples();
}
