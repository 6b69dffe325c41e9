//! How much work a schema makes. A few references can stand for more parts than could ever be checked, and checking cannot
//! be interrupted, so the parts are counted before the first value comes.

use std::{collections::HashMap, ptr};

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Parts of a schema once every reference is replaced by what it refers to.
const MAX_PARTS: u64 = 10_000;
/// Patterns in a schema: each takes memory for as long as its plugin is served.
const MAX_PATTERNS: usize = 32;
/// Parts of a small schema, which no value is too large for.
const SMALL: u64 = 100;
/// Parts times values that are checked: some seconds of work, if every part had to look at every value.
const MAX_WORK: u64 = 200_000_000;

/// What a schema can cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Work {
    parts: u64,
}

impl Work {
    /// Counts the parts of a schema.
    ///
    /// # Errors
    ///
    /// When they are too many, or a reference leads nowhere.
    pub(super) fn of(root: &Value) -> Result<Self, String> {
        if patterns(root) > MAX_PATTERNS {
            return Err(format!("it has more than {MAX_PATTERNS} patterns"));
        }
        let parts = Count { root, known: HashMap::new() }.parts(root)?;
        if parts > MAX_PARTS {
            return Err(format!("it has more than {MAX_PARTS} parts once each $ref is replaced by what it refers to"));
        }
        Ok(Self { parts })
    }

    /// Whether a value is small enough to be checked in reasonable time.
    pub(super) fn is_reasonable_for(self, value: &Value) -> bool {
        self.parts <= SMALL || self.parts.saturating_mul(values(value)) <= MAX_WORK
    }
}

struct Count<'a> {
    root: &'a Value,
    /// The parts of what was counted; 1 while it is being counted, for what refers to itself: the validator remembers what
    /// it has checked by such a reference.
    known: HashMap<*const Value, u64>,
}

impl<'a> Count<'a> {
    fn parts(&mut self, value: &'a Value) -> Result<u64, String> {
        let members: Vec<&Value> = match value {
            Value::Object(members) => members.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => return Ok(0),
        };
        if let Some(known) = self.known.insert(ptr::from_ref(value), 1) {
            self.known.insert(ptr::from_ref(value), known);
            return Ok(known);
        }
        let mut parts = 1_u64;
        for member in members {
            parts = parts.saturating_add(self.parts(member)?);
        }
        for keyword in ["$ref", "$dynamicRef"] {
            if let Some(reference) = value.get(keyword).and_then(Value::as_str) {
                let target = self.target(reference).ok_or_else(|| format!("{keyword} {reference:?} leads nowhere"))?;
                parts = parts.saturating_add(self.parts(target)?);
            }
        }
        self.known.insert(ptr::from_ref(value), parts);
        Ok(parts)
    }

    /// What a reference within the schema refers to: a JSON pointer (RFC 6901, section 6) or an anchor.
    fn target(&self, reference: &str) -> Option<&'a Value> {
        let pointer = percent_decode_str(reference.strip_prefix('#')?).decode_utf8().ok()?;
        match &*pointer {
            "" => Some(self.root),
            pointer if pointer.starts_with('/') => self.root.pointer(pointer),
            anchor => anchored(self.root, anchor),
        }
    }
}

fn anchored<'a>(value: &'a Value, anchor: &str) -> Option<&'a Value> {
    let is_it = |keyword| value.get(keyword).and_then(Value::as_str) == Some(anchor);
    if is_it("$anchor") || is_it("$dynamicAnchor") {
        return Some(value);
    }
    match value {
        Value::Object(members) => members.values().find_map(|member| anchored(member, anchor)),
        Value::Array(items) => items.iter().find_map(|item| anchored(item, anchor)),
        _ => None,
    }
}

fn patterns(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.iter().fold(0, |sum, (key, member)| {
            let here = match (key.as_str(), member) {
                ("pattern", Value::String(_)) => 1,
                ("patternProperties", Value::Object(patterns)) => patterns.len(),
                _ => 0,
            };
            sum + here + patterns(member)
        }),
        Value::Array(items) => items.iter().map(patterns).sum(),
        _ => 0,
    }
}

/// Values within a value, itself included.
fn values(value: &Value) -> u64 {
    match value {
        Value::Object(members) => members.values().map(values).sum::<u64>() + 1,
        Value::Array(items) => items.iter().map(values).sum::<u64>() + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Each of its definitions refers to the next one twice.
    fn doubling(times: usize) -> Value {
        let twice = |to| json!({"allOf": [{"$ref": format!("#/$defs/{to}")}, {"$ref": format!("#/$defs/{to}")}]});
        let mut definitions: serde_json::Map<_, _> = (0..times).map(|i| (i.to_string(), twice(i + 1))).collect();
        definitions.insert(times.to_string(), json!({"type": "object"}));
        json!({"type": "object", "$defs": definitions, "properties": {"x": {"$ref": "#/$defs/0"}}})
    }

    #[test]
    fn references_are_counted_as_what_they_refer_to() {
        let few = Work::of(&doubling(3)).expect("it is small");
        assert!((30..100).contains(&few.parts), "{few:?}");
        assert_eq!(
            Work::of(&doubling(60)),
            Err("it has more than 10000 parts once each $ref is replaced by what it refers to".to_owned())
        );
        let back = json!({"a": {"not": {"$ref": "#"}}, "b": {"$ref": "#/a%20b"}, "a b": {"$anchor": "c"}, "d": {"$ref": "#c"}});
        assert_eq!(Work::of(&back), Ok(Work { parts: 9 }));
        assert_eq!(Work::of(&json!({"$ref": "#/x"})), Err("$ref \"#/x\" leads nowhere".to_owned()));
    }

    #[test]
    fn patterns_are_counted() {
        let named: serde_json::Map<_, _> = (0..40).map(|i| (i.to_string(), json!({}))).collect();
        assert!(Work::of(&json!({"patternProperties": named})).is_err());
        // A property of that name is none.
        assert_eq!(patterns(&json!({"properties": {"pattern": {"type": "string", "pattern": "a"}}})), 1);
    }

    #[test]
    fn a_large_value_is_not_held_against_a_large_schema() {
        let many = json!(vec![0; 1_000_000]);
        assert!(Work { parts: 100 }.is_reasonable_for(&many));
        assert!(Work { parts: 150 }.is_reasonable_for(&many));
        assert!(!Work { parts: 1_000 }.is_reasonable_for(&many));
    }
}
