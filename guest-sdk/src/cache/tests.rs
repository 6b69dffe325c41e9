use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::log::Level;
use crate::testing;

const MINUTE: Duration = Duration::from_secs(60);

fn fetched(value: u32) -> impl FnOnce() -> Result<u32, ToolError> {
    move || Ok(value)
}

fn not_fetched<T>() -> Result<T, ToolError> {
    panic!("it was in the cache")
}

fn unreachable() -> ToolError {
    ToolError::new("cache_unreachable", "the cache at cache.example:6379 does not answer")
}

#[test]
fn a_value_is_fetched_once_within_its_time_and_says_how_old_it_is() {
    assert_eq!(get_or_fetch("k", MINUTE, fetched(1)), Ok(Cached { value: 1, age: None }));
    testing::advance(Duration::from_secs(59));
    let kept = get_or_fetch::<u32>("k", MINUTE, not_fetched);
    assert_eq!(kept, Ok(Cached { value: 1, age: Some(Duration::from_secs(59)) }));
    testing::advance(Duration::from_secs(1));
    assert_eq!(get_or_fetch("k", MINUTE, fetched(2)), Ok(Cached { value: 2, age: None }));
    assert_eq!(testing::take_logs(), []);
}

#[test]
fn an_error_is_not_kept() {
    let error = get_or_fetch::<u32>("k", MINUTE, || Err(ToolError::new("upstream_failed", "503"))).unwrap_err();
    assert_eq!(error.code, "upstream_failed");
    assert_eq!(get("k"), Ok(None));
    assert_eq!(get_or_fetch("k", MINUTE, fetched(1)).unwrap().age, None);
}

#[test]
fn a_value_of_another_shape_is_fetched_again_and_replaced() {
    set("k", json!({"old": true}).to_string(), MINUTE).unwrap();
    assert_eq!(get_or_fetch("k", MINUTE, fetched(1)), Ok(Cached { value: 1, age: None }));
    assert_eq!(get_or_fetch::<u32>("k", MINUTE, not_fetched).unwrap().value, 1);
    assert!(matches!(testing::take_logs().as_slice(), [(Level::Debug, line)] if line.contains("another shape")));
}

#[test]
fn a_cache_that_fails_costs_the_fetch_and_one_line() {
    let _cache = testing::cache().fail(unreachable()).install();
    assert_eq!(get_or_fetch("k", MINUTE, fetched(1)), Ok(Cached { value: 1, age: None }));
    let line = "fetched without the cache: the cache at cache.example:6379 does not answer";
    assert_eq!(testing::take_logs(), [(Level::Warn, line.to_owned())]);
    assert_eq!(get("k"), Err(unreachable()));
    assert_eq!(set("k", "v", MINUTE), Err(unreachable()));
    assert_eq!(delete("k"), Err(unreachable()));
}

#[test]
fn a_value_that_is_not_taken_is_returned_all_the_same() {
    let _cache = testing::cache().max(300).install();
    let long = "x".repeat(50);
    assert_eq!(get_or_fetch("k", MINUTE, || Ok(long.clone())), Ok(Cached { value: long, age: None }));
    assert!(testing::take_logs()[0].1.starts_with("fetched and not cached: "));
    let without_json = BTreeMap::from([(Some(1), 2), (None, 3)]);
    assert_eq!(get_or_fetch("k", MINUTE, || Ok(without_json.clone())).unwrap().value, without_json);
    assert!(testing::take_logs()[0].1.starts_with("fetched and not cached, the value has no form as JSON: "));
}

#[test]
fn bytes_are_set_replaced_and_deleted() {
    set("k", "one", MINUTE).unwrap();
    testing::advance(Duration::from_secs(5));
    assert_eq!(get("k"), Ok(Some(Entry { value: b"one".to_vec(), age: Duration::from_secs(5) })));
    set("k", [2], MINUTE).unwrap();
    assert_eq!(get("k"), Ok(Some(Entry { value: vec![2], age: Duration::ZERO })));
    delete("k").unwrap();
    delete("k").unwrap();
    assert_eq!(get("k"), Ok(None));
}

#[test]
fn a_short_time_to_live_is_not_none_and_a_long_one_does_not_wrap() {
    assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
    assert_eq!(milliseconds(Duration::from_micros(1_001)), 2);
    assert_eq!(milliseconds(Duration::MAX), u64::MAX);
}
