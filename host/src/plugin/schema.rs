//! JSON Schemas of arguments and results: bounded, self-contained, and compiled once.

mod work;

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use self::work::Work;
use crate::{failure::Mismatch, text};

/// Bytes of a schema's text.
const MAX_BYTES: usize = 64 << 10;
/// How deeply a schema may be nested.
const MAX_DEPTH: usize = 32;
/// Objects in a schema.
const MAX_SUBSCHEMAS: usize = 1_000;
/// Bytes that a compiled pattern, and what it remembers while it matches, may take.
const MAX_PATTERN: usize = 512 << 10;
/// Mismatches that are reported at once.
const MAX_MISMATCHES: usize = 3;
/// Characters of a mismatch.
const MAX_PROBLEM: usize = 160;
/// The dialect that MCP has as its default since 2025-11-25.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A schema that a client gets as it is and that the host holds tool and caller to.
#[derive(Debug)]
pub struct Schema {
    /// What the client gets.
    pub json: Arc<Map<String, Value>>,
    validator: Validator,
    work: Work,
}

/// What is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSchema(String);

impl Schema {
    /// Reads and compiles a schema. Nothing is fetched: a `$ref` has to stay within the schema.
    ///
    /// # Errors
    ///
    /// When the text is not JSON, the root is not an object of `"type": "object"`, the dialect is not 2020-12, or the schema
    /// refers to something outside, is too large, or does not compile.
    pub fn parse(text: &str) -> Result<Self, InvalidSchema> {
        if text.len() > MAX_BYTES {
            return invalid(format!("it has {} bytes; a schema may have {MAX_BYTES}", text.len()));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| InvalidSchema(format!("not JSON: {error}")))?;
        check_bounds(&value, 0, &mut 0)?;
        let work = Work::of(&value).map_err(InvalidSchema)?;
        let Value::Object(root) = &value else {
            return invalid("its root is not an object; expected {\"type\": \"object\", …}");
        };
        if root.get("type").and_then(Value::as_str) != Some("object") {
            return invalid("its root has no \"type\": \"object\"; clients refuse the whole list otherwise");
        }
        if let Some(dialect) = root.get("$schema").filter(|dialect| dialect.as_str() != Some(DIALECT)) {
            return invalid(format!("its dialect is {dialect}; expected {DIALECT:?} or no $schema"));
        }
        if let Some(keyword) = ["anyOf", "oneOf", "allOf"].into_iter().find(|keyword| root.contains_key(*keyword)) {
            return invalid(format!(
                "{keyword} stands at its root, which some clients refuse; move it into a property"
            ));
        }
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            // Linear in time: a pattern such as (a+)+$ would otherwise hold the host.
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN))
            .build(&value)
            .map_err(|error| InvalidSchema(format!("at {}: {error}", error.instance_path())))?;
        Ok(Self { json: Arc::new(root.clone()), validator, work })
    }

    /// Checks a value; the first few mismatches, each with its place.
    ///
    /// # Errors
    ///
    /// At least one [`Mismatch`].
    pub fn check(&self, value: &Value) -> Result<(), Vec<Mismatch>> {
        if !self.work.is_reasonable_for(value) {
            let problem = "it is too large to be checked against a schema of this size".to_owned();
            return Err(vec![Mismatch { pointer: String::new(), problem }]);
        }
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let mismatch = |error: jsonschema::ValidationError| Mismatch {
            pointer: error.instance_path().to_string(),
            problem: text::shown(&error.to_string(), MAX_PROBLEM),
        };
        Err(self.validator.iter_errors(value).take(MAX_MISMATCHES).map(mismatch).collect())
    }
}

fn check_bounds(value: &Value, depth: usize, objects: &mut usize) -> Result<(), InvalidSchema> {
    if depth > MAX_DEPTH {
        return invalid(format!("it is nested more than {MAX_DEPTH} deep"));
    }
    match value {
        Value::Object(members) => {
            *objects += 1;
            if *objects > MAX_SUBSCHEMAS {
                return invalid(format!("it has more than {MAX_SUBSCHEMAS} subschemas"));
            }
            for keyword in ["$ref", "$dynamicRef"] {
                if let Some(target) =
                    members.get(keyword).and_then(Value::as_str).filter(|target| !target.starts_with('#'))
                {
                    return invalid(format!("{keyword} {target:?} leads out of the schema; expected \"#/…\""));
                }
            }
            // Below it, references would mean something else.
            if depth > 0 && members.get("$id").is_some_and(Value::is_string) {
                return invalid("$id stands inside it; only the root may have one");
            }
            members.values().try_for_each(|member| check_bounds(member, depth + 1, objects))
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_bounds(item, depth + 1, objects)),
        _ => Ok(()),
    }
}

fn invalid<T>(problem: impl Into<String>) -> Result<T, InvalidSchema> {
    Err(InvalidSchema(problem.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problem(schema: &Value) -> String {
        Schema::parse(&schema.to_string()).expect_err("the schema is bad").to_string()
    }

    #[test]
    fn mismatches_have_a_place() {
        let schema =
            json!({"type": "object", "properties": {"limit": {"type": "integer", "minimum": 1}}, "required": ["q"]});
        let schema = Schema::parse(&schema.to_string()).expect("the schema is good");
        let mismatches = schema.check(&json!({"limit": "ten"})).expect_err("limit is not a number");
        let shown: Vec<_> = mismatches.iter().map(|m| (m.pointer.as_str(), m.problem.as_str())).collect();
        assert_eq!(shown, [("", "\"q\" is a required property"), ("/limit", "\"ten\" is not of type \"integer\"")]);
        assert_eq!(schema.check(&json!({"limit": 1, "q": 2})), Ok(()));
    }

    #[test]
    fn bad_schemas_are_named() {
        assert_eq!(problem(&json!([])), "its root is not an object; expected {\"type\": \"object\", …}");
        assert!(problem(&json!({"type": "string"})).starts_with("its root has no \"type\": \"object\""));
        assert!(problem(&json!({"type": "object", "anyOf": []})).starts_with("anyOf stands at its root"));
        assert!(
            problem(&json!({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}))
                .starts_with("its dialect is \"http://json-schema.org/draft-07/schema#\"")
        );
        assert_eq!(
            problem(&json!({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}})),
            "$ref \"http://127.0.0.1:1/x\" leads out of the schema; expected \"#/…\""
        );
        assert!(Schema::parse("{").expect_err("not JSON").to_string().starts_with("not JSON: EOF"));
        assert!(Schema::parse(&" ".repeat(MAX_BYTES + 1)).expect_err("too large").to_string().contains("65536"));
        let mut deep = json!({});
        for _ in 0..=MAX_DEPTH {
            deep = json!({ "not": deep });
        }
        assert_eq!(problem(&json!({"type": "object", "properties": deep})), "it is nested more than 32 deep");
        let many: Map<_, _> = (0..MAX_SUBSCHEMAS).map(|i| (i.to_string(), json!({}))).collect();
        assert_eq!(problem(&json!({"type": "object", "properties": many})), "it has more than 1000 subschemas");
    }

    #[test]
    fn a_pattern_is_matched_in_linear_time_and_bounded_memory() {
        let pattern = |pattern: &str| json!({"type": "object", "properties": {"a": {"pattern": pattern}}});
        let schema = Schema::parse(&pattern("^(a+)+$").to_string()).expect("the schema is good");
        let began = std::time::Instant::now();
        assert!(schema.check(&json!({ "a": format!("{}!", "a".repeat(100_000)) })).is_err());
        println!("100,000 characters against (a+)+$: {:?}", began.elapsed());
        assert!(began.elapsed().as_secs() < 10);
        assert!(
            problem(&pattern("(\\w{300}){300}")).contains("/properties/a"),
            "{}",
            problem(&pattern("(\\w{300}){300}"))
        );
        // The linear engine knows neither of these.
        for unbounded in ["(a)\\1", "(?=a)"] {
            problem(&pattern(unbounded));
        }
    }

    #[test]
    fn a_schema_cannot_stand_for_more_than_can_be_checked() {
        let mut definitions: Map<_, _> = (0..60)
            .map(|i| {
                let next = json!({"$ref": format!("#/$defs/{}", i + 1)});
                (i.to_string(), json!({"anyOf": [next, next]}))
            })
            .collect();
        definitions.insert("60".to_owned(), json!({"type": "integer"}));
        let schema = json!({"type": "object", "$defs": definitions, "properties": {"a": {"$ref": "#/$defs/0"}}});
        assert!(problem(&schema).starts_with("it has more than 10000 parts"));
        let nested = json!({"type": "object", "properties": {"a": {"$id": "b", "$ref": "#/c"}}});
        assert_eq!(problem(&nested), "$id stands inside it; only the root may have one");
    }

    #[test]
    fn references_within_the_schema_work() {
        let schema =
            json!({"type": "object", "$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}});
        let schema = Schema::parse(&schema.to_string()).expect("the schema is good");
        assert!(schema.check(&json!({"n": "x"})).is_err());
    }
}
