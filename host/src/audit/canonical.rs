//! One text for each JSON value, so that equal values have equal digests.

use serde_json::Value;

use crate::policy::Digest;

/// The value without white space, the members of each object in the order of their keys' UTF-16 units, as RFC 8785
/// has it. Numbers stand as they would in any answer: 1 and 1.0 are two values.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = Vec::new();
    // What JSON holds can be written as JSON, and is UTF-8.
    write(value, &mut text).ok().and_then(|()| String::from_utf8(text).ok()).unwrap_or_default()
}

/// The digest of a canonical text.
pub(super) fn digest(canonical: &str) -> String {
    Digest::of(canonical.as_bytes()).to_string()
}

/// About how many bytes a value takes in memory: for what waits to be written, where counting exactly would take
/// longer.
pub(super) fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(members) => {
                members.iter().map(|(key, value)| 2 * size_of::<Value>() + key.len() + weight(value)).sum()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

fn write(value: &Value, text: &mut Vec<u8>) -> serde_json::Result<()> {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push(b'{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                serde_json::to_writer(&mut *text, key)?;
                text.push(b':');
                write(value, text)?;
            }
            text.push(b'}');
        }
        Value::Array(items) => {
            text.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write(item, text)?;
            }
            text.push(b']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => serde_json::to_writer(text, value)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_members_means_nothing() {
        let value: Value =
            serde_json::from_str(r#"{ "b": [1, {"z": null, "a": "ä\n"}], "a": 1.5, "\u20ac": true }"#).expect("JSON");
        let text = r#"{"a":1.5,"b":[1,{"a":"ä\n","z":null}],"€":true}"#;
        assert_eq!(canonical(&value), text);
        // As `printf '{"a":1}' | sha256sum` has it.
        assert_eq!(
            digest(&canonical(&json!({"a": 1}))),
            "sha256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
        );
    }

    /// The order of UTF-16 units is not that of characters beyond the first plane (RFC 8785, section 3.2.3).
    #[test]
    fn keys_are_ordered_by_their_units() {
        assert_eq!(canonical(&json!({"\u{fb33}": 1, "\u{1f600}": 2})), "{\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn what_is_large_weighs_much() {
        assert!(weight(&json!({"a": "x".repeat(1 << 20)})) > 1 << 20);
        assert!(weight(&json!(vec![0; 1_000])) > 10_000);
    }
}
