use serde_json::json;
use toolcell_sdk::log::Level;
use toolcell_sdk::testing::{self, FakeHttp};

use super::*;

const URL: &str = "https://docs.example.com/search/search_index.json";
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// The index of a site with one page.
fn index(title: &str) -> serde_json::Value {
    json!({"config": {"indexing": "full"}, "docs": [{"location": "a/", "title": title, "text": ""}]})
}

fn serving(title: &str) -> FakeHttp {
    testing::http().answer("GET", URL, 200, index(title)).header("etag", "\"v1\"")
}

/// The title of the only page, where it came from, and how old it is in seconds.
fn loaded(max_age: Duration) -> Result<(String, Origin, u64), ToolError> {
    let loaded = load(max_age)?;
    let title = loaded.index()?.sections[0].page.to_owned();
    Ok((title, loaded.origin, loaded.age.as_secs()))
}

#[test]
fn the_cache_answers_within_the_age_asked_for() {
    let _url = testing::env("DOCS_URL", URL);
    let http = serving("One").install();
    assert_eq!(loaded(TEN_MINUTES), Ok(("One".into(), Origin::Server, 0)));
    testing::advance(Duration::from_secs(599));
    assert_eq!(loaded(TEN_MINUTES), Ok(("One".into(), Origin::Cache, 599)));
    let request = &http.requests()[0];
    assert_eq!(request.timeout_ms, Some(20_000));
    assert!(request.headers.contains(&("accept-encoding".into(), "identity".into())), "{request:?}");
}

#[test]
fn an_update_is_seen_once_the_age_is_reached_or_when_asked() {
    let _url = testing::env("DOCS_URL", URL);
    for (passed, max_age) in [(TEN_MINUTES, TEN_MINUTES), (Duration::ZERO, Duration::ZERO)] {
        let _cache = testing::cache().install();
        let http = serving("One").answer("GET", URL, 200, index("Two")).install();
        loaded(max_age).unwrap();
        testing::advance(passed);
        assert_eq!(loaded(max_age), Ok(("Two".into(), Origin::Server, 0)));
        assert!(http.requests()[1].headers.contains(&("if-none-match".into(), "\"v1\"".into())));
        assert_eq!(loaded(TEN_MINUTES), Ok(("Two".into(), Origin::Cache, 0)));
    }
}

#[test]
fn what_the_server_confirms_is_as_good_as_new() {
    let _url = testing::env("DOCS_URL", URL);
    let _http = serving("One").answer("GET", URL, 304, "").install();
    loaded(TEN_MINUTES).unwrap();
    testing::advance(TEN_MINUTES);
    assert_eq!(loaded(TEN_MINUTES), Ok(("One".into(), Origin::Confirmed, 0)));
    testing::advance(Duration::from_secs(5));
    assert_eq!(loaded(TEN_MINUTES), Ok(("One".into(), Origin::Cache, 5)));
}

#[test]
fn without_an_etag_the_whole_index_is_read_again() {
    let _url = testing::env("DOCS_URL", URL);
    let fake = testing::http().answer("GET", URL, 200, index("One")).answer("GET", URL, 200, index("One"));
    let http = fake.install();
    loaded(Duration::ZERO).unwrap();
    assert_eq!(loaded(Duration::ZERO), Ok(("One".into(), Origin::Server, 0)));
    assert!(!http.requests()[1].headers.iter().any(|(name, _)| name == "if-none-match"));
}

#[test]
fn another_address_is_another_index() {
    let other = "https://other.example/searchindex.json";
    let _http = serving("One").answer("GET", other, 200, index("Other")).install();
    for (url, title) in [(URL, "One"), (other, "Other")] {
        let _url = testing::env("DOCS_URL", url);
        assert_eq!(loaded(TEN_MINUTES), Ok((title.into(), Origin::Server, 0)));
    }
}

#[test]
fn bytes_of_another_form_in_the_cache_are_not_used() {
    let _url = testing::env("DOCS_URL", URL);
    let _http = serving("One").answer("GET", URL, 200, index("Two")).install();
    cache::set(KEY, "{}", KEEP).unwrap();
    assert_eq!(loaded(TEN_MINUTES), Ok(("One".into(), Origin::Server, 0)));
    let label = Label { url: URL, etag: None };
    cache::set(KEY, postcard::to_allocvec(&(label, "no index")).unwrap(), KEEP).unwrap();
    let error = loaded(TEN_MINUTES).unwrap_err();
    assert_eq!((error.code.as_str(), error.retryable), ("unreadable_index", true));
    assert_eq!(loaded(TEN_MINUTES), Ok(("Two".into(), Origin::Server, 0)));
}

#[test]
fn a_cache_that_fails_costs_a_line_and_the_request() {
    let _url = testing::env("DOCS_URL", URL);
    let denied = ToolError::new("denied_cache", "the operator has not granted a cache");
    let _cache = testing::cache().fail(denied).install();
    let _http = serving("One").install();
    assert_eq!(loaded(TEN_MINUTES), Ok(("One".into(), Origin::Server, 0)));
    let lines = testing::take_logs();
    assert_eq!(lines[0], (Level::Warn, "searched without the cache: the operator has not granted a cache".into()));
}

#[test]
fn a_server_that_fails_is_told_with_the_way_to_the_older_copy() {
    let _url = testing::env("DOCS_URL", URL);
    let unreachable = ToolError::new("upstream_unreachable", "nobody answers").check_first("Look at the network.");
    let _http = serving("One").fail("GET", URL, unreachable).answer("GET", URL, 503, "").install();
    loaded(TEN_MINUTES).unwrap();
    testing::advance(Duration::from_secs(30 * 60));
    let advice = "To search the copy that is 30 min old, call again with `max_age_seconds` 3600.";
    let error = loaded(TEN_MINUTES).unwrap_err();
    assert_eq!(error.check_first, Some(format!("{advice} Otherwise: Look at the network.")));
    let error = loaded(TEN_MINUTES).unwrap_err();
    assert_eq!((error.code.as_str(), error.retryable), ("upstream_failed", true));
    assert!(error.check_first.unwrap().starts_with(advice));
    assert_eq!(loaded(KEEP), Ok(("One".into(), Origin::Cache, 1800)));
}

#[test]
fn what_docs_url_has_to_be_is_told_without_what_it_is() {
    assert_eq!(loaded(TEN_MINUTES).unwrap_err().code, "missing_environment_variable");
    let cases = [
        ("docs.example.com/secret", "is not an address: relative URL without a base"),
        ("http://docs.example.com/secret", "does not begin with `https://`"),
        ("https://user@docs.example.com/secret", "has a user or a password in it"),
        ("https://:password@docs.example.com/secret", "has a user or a password in it"),
    ];
    for (value, message) in cases {
        let _url = testing::env("DOCS_URL", value);
        let error = loaded(TEN_MINUTES).unwrap_err();
        assert_eq!(error.code, "invalid_docs_url");
        assert_eq!(error.message, format!("the environment variable DOCS_URL {message}"));
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn a_wrong_address_leads_back_to_docs_url() {
    let _url = testing::env("DOCS_URL", URL);
    let moved = "https://docs.example.com/latest/search/search_index.json";
    let fake = testing::http().answer("GET", URL, 404, "").answer("GET", URL, 301, "").header("location", moved);
    let _http = fake.answer("GET", URL, 304, "").install();
    for code in ["upstream_not_found", "upstream_redirected", "upstream_redirected"] {
        let error = loaded(TEN_MINUTES).unwrap_err();
        assert_eq!(error.code, code);
        assert!(error.check_first.as_ref().unwrap().contains("DOCS_URL"), "{error:?}");
    }
}

#[test]
fn an_index_that_is_too_large_is_refused() {
    let _url = testing::env("DOCS_URL", URL);
    let _http = testing::http().answer("GET", URL, 200, vec![b' '; MAX_BYTES + 1]).install();
    let error = loaded(TEN_MINUTES).unwrap_err();
    assert_eq!(error.code, "docs_too_large");
    assert!(error.message.contains("https://docs.example.com has 8388609 bytes"), "{error}");
}
