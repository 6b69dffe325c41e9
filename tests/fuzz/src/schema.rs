//! JSON Schemas of plugins and values held to them: both end soon, whatever a plugin or a caller thought up.
//!
//! A NUL byte stands between the schema and the value.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolcell::plugin::Schema;

use crate::text;

/// Far more than either takes; a machine that has much else to do may take longer than one expects.
const SOON: Duration = Duration::from_secs(20);

/// Compiles the schema and checks the value, and a few others.
///
/// # Panics
///
/// When either takes long, or a mismatch names a place that is not there.
pub fn run(input: &[u8]) {
    let Some(text) = text::of(input) else { return };
    let (schema, value) = text.split_once('\0').unwrap_or((text, "{}"));
    let began = Instant::now();
    let parsed = Schema::parse(schema);
    assert!(began.elapsed() < SOON, "compiling took {:?}", began.elapsed());
    let Ok(parsed) = parsed else { return };
    let own: Option<Value> = serde_json::from_str(schema).ok();
    assert_eq!(own, Some(Value::Object((*parsed.json).clone())), "clients get what the plugin wrote");
    let value: Value = serde_json::from_str(value).unwrap_or_default();
    for value in [value, json!({}), json!({"a": {"a": [1, "x", {"a": null}]}, "b": -1.5e300})] {
        let began = Instant::now();
        if let Err(mismatches) = parsed.check(&value) {
            assert!((1..=3).contains(&mismatches.len()));
            for mismatch in mismatches {
                assert!(value.pointer(&mismatch.pointer).is_some(), "{mismatch:?}");
                assert!(!mismatch.problem.is_empty() && mismatch.problem.len() < 1_000, "{mismatch:?}");
            }
        }
        assert!(began.elapsed() < SOON, "checking took {:?}", began.elapsed());
    }
}
