//! JSON Schemas of arguments and results: bounded, self-contained, and compiled once.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use self::cost::Cost;
use crate::{failure::Mismatch, policy::units::bytes_text, text};

mod cost;

/// Bytes of a schema's text.
const MAX_BYTES: usize = 64 << 10;
/// How deeply a schema may be nested.
const MAX_DEPTH: usize = 32;
/// Objects in a schema.
const MAX_SUBSCHEMAS: usize = 1_000;
/// Mismatches that are reported at once.
const MAX_MISMATCHES: usize = 3;
/// Characters of a mismatch.
const MAX_PROBLEM: usize = 160;
/// Possible mismatches up to which they are looked for: every one takes memory, those of alternatives included.
const MAX_POSSIBLE_MISMATCHES: u64 = 100_000;
/// Bytes that a pattern may take once it is compiled, and that matching it may take: a counted repetition takes a
/// multiple of its text.
const MAX_PATTERN: usize = 512 << 10;
/// The dialect that MCP has as its default since 2025-11-25.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A schema that a client gets as it is and that the host holds tool and caller to.
#[derive(Debug)]
pub struct Schema {
    /// What the client gets.
    pub json: Arc<Map<String, Value>>,
    cost: Cost,
    validator: Validator,
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
    /// refers to something outside or to itself for the same value, is too large, or does not compile.
    pub fn parse(text: &str) -> Result<Self, InvalidSchema> {
        if text.len() > MAX_BYTES {
            return invalid(format!("it has {} bytes; a schema may have {MAX_BYTES}", text.len()));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| InvalidSchema(format!("not JSON: {error}")))?;
        check_bounds(&value, 0, &mut 0)?;
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
        let cost = Cost::of(&value)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            // Linear in time: a pattern such as (a+)+$ would otherwise hold the host.
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN))
            .build(&value)
            .map_err(|error| does_not_compile(&error))?;
        Ok(Self { json: Arc::new(root.clone()), cost, validator })
    }

    /// Patterns in it, each of which takes memory and time to compile.
    pub(super) fn patterns(&self) -> usize {
        self.cost.patterns()
    }

    /// Checks a value; the first few mismatches, each with its place.
    ///
    /// # Errors
    ///
    /// At least one [`Mismatch`].
    pub fn check(&self, value: &Value) -> Result<(), Vec<Mismatch>> {
        let whole = |problem: String| vec![Mismatch { pointer: String::new(), problem }];
        self.cost.check(value).map_err(|problem| whole(problem.to_string()))?;
        if self.validator.is_valid(value) {
            return Ok(());
        }
        if self.cost.mismatches(value).is_ok_and(|most| most > MAX_POSSIBLE_MISMATCHES) {
            return Err(whole("does not match its schema; it is too large to say where".to_owned()));
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
            members.values().try_for_each(|member| check_bounds(member, depth + 1, objects))
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_bounds(item, depth + 1, objects)),
        _ => Ok(()),
    }
}

fn does_not_compile(error: &jsonschema::ValidationError) -> InvalidSchema {
    // That of a pattern that is too large does not say so.
    let or_large = if error.to_string().ends_with("is not a \"regex\"") {
        format!(", or takes more than {} once compiled", bytes_text(MAX_PATTERN as u64))
    } else {
        String::new()
    };
    InvalidSchema(format!("at {}: {error}{or_large}", error.instance_path()))
}

fn invalid<T>(problem: impl Into<String>) -> Result<T, InvalidSchema> {
    Err(InvalidSchema(problem.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::{Duration, Instant};

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
    fn references_within_the_schema_work() {
        let schema =
            json!({"type": "object", "$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}});
        let schema = Schema::parse(&schema.to_string()).expect("the schema is good");
        assert!(schema.check(&json!({"n": "x"})).is_err());
    }

    /// Subschemas in a row, each referring to the next one as often as is said.
    fn chain(length: usize, times: usize, last: &Value) -> Map<String, Value> {
        let next = |i| json!({"allOf": vec![json!({"$ref": format!("#/$defs/d{}", i + 1)}); times]});
        let links = (0..length).map(|i| (format!("d{i}"), next(i)));
        links.chain([(format!("d{length}"), last.clone())]).collect()
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |value, _| json!([value]))
    }

    fn refusal(schema: &Value, value: &Value) -> String {
        let schema = Schema::parse(&schema.to_string()).expect("the schema is good by itself");
        let began = Instant::now();
        let mismatches = schema.check(value).expect_err("the check is refused");
        eprintln!("refused after {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(10));
        mismatches.into_iter().map(|mismatch| mismatch.problem).collect()
    }

    const STEPS: &str =
        "too much to check against its schema, which would take more than 4000000 steps; send less at once";

    #[test]
    fn a_schema_that_doubles_the_work_with_each_reference_does_not_hold_the_host() {
        let defs = chain(60, 2, &json!({"type": "string"}));
        let doubling = json!({"type": "object", "$defs": defs, "properties": {"a": {"$ref": "#/$defs/d0"}}});
        assert_eq!(refusal(&doubling, &json!({"a": 1})), STEPS);
        // What does not come to the doubling is checked.
        let schema = Schema::parse(&doubling.to_string()).expect("the schema is good by itself");
        assert_eq!(schema.check(&json!({"b": 1})), Ok(()));
        let tree = json!({"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
        let deep = (0..100).fold(json!(1), |value, _| json!({"a": value}));
        assert_eq!(refusal(&tree, &deep), STEPS);
    }

    #[test]
    fn many_subschemas_and_many_values_together_do_not_fill_the_memory() {
        let failing = vec![json!({"type": "string"}); 900];
        let schema = json!({"type": "object", "properties": {"a": {"items": {"allOf": failing}}}});
        assert_eq!(refusal(&schema, &json!({"a": vec![1; 1_000_000]})), STEPS);
        let schema_of_text = json!({"type": "object", "properties": {"a": {"maxLength": 5}}});
        assert_eq!(refusal(&schema_of_text, &json!({"a": "x".repeat(3_000_000)})).len(), MAX_PROBLEM + '…'.len_utf8());
        let some = refusal(&schema, &json!({"a": vec![1; 1_000]}));
        assert_eq!(some, "does not match its schema; it is too large to say where");
    }

    #[test]
    fn a_long_way_through_a_nested_value_does_not_overflow_the_stack() {
        let defs = chain(400, 1, &json!({"items": {"$ref": "#/$defs/d0"}}));
        let long = json!({"type": "object", "$defs": defs, "properties": {"a": {"$ref": "#/$defs/d0"}}});
        let expected = "too deeply nested to check against its schema, more than 384 subschemas deep";
        assert_eq!(refusal(&long, &json!({"a": nested(120)})), expected);
        let straight = chain(900, 1, &json!({"type": "string"}));
        let straight = json!({"type": "object", "$defs": straight, "properties": {"a": {"$ref": "#/$defs/d0"}}});
        assert!(Schema::parse(&straight.to_string()).is_err_and(|error| error.0.contains("subschemas")));
        let straight = chain(450, 1, &json!({"type": "string"}));
        let straight = json!({"type": "object", "$defs": straight, "properties": {"a": {"$ref": "#/$defs/d0"}}});
        assert_eq!(refusal(&straight, &json!({"a": 1})), expected);
    }

    /// On a thread with half the stack that a thread of tokio has, with each keyword that goes deeper.
    #[test]
    fn as_deep_as_may_be_fits_the_stack() {
        for keyword in ["allOf", "anyOf", "oneOf", "not", "if", "unevaluatedItems", "dependentSchemas"] {
            let next = |i: usize| json!({"$ref": format!("#/$defs/d{}", i + 1)});
            let around = |i: usize| match keyword {
                "not" => json!({"not": next(i)}),
                "if" => json!({"if": next(i), "then": {}}),
                "unevaluatedItems" => json!({"allOf": [next(i)], "unevaluatedItems": true}),
                "dependentSchemas" => json!({"dependentSchemas": {"k": next(i)}}),
                _ => json!({keyword: [next(i)]}),
            };
            let length = if keyword == "unevaluatedItems" { 8 } else { 180 };
            let mut defs: Map<_, _> = (0..length).map(|i| (format!("d{i}"), around(i))).collect();
            defs.insert(format!("d{length}"), json!({"items": {"$ref": "#/$defs/d0"}, "type": ["array", "object"]}));
            let schema = json!({"type": "object", "$defs": defs, "properties": {"a": {"$ref": "#/$defs/d0"}}});
            let schema = Schema::parse(&schema.to_string()).expect("the schema is good");
            let value = if keyword == "dependentSchemas" { json!({"k": 1}) } else { json!([]) };
            let check = move || {
                let checked = schema.check(&json!({"a": value}));
                assert!(!format!("{checked:?}").contains("too "), "{keyword}: {checked:?}");
            };
            let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(check).expect("a thread");
            thread.join().expect("no panic");
        }
    }

    #[test]
    fn a_subschema_has_to_come_to_an_end() {
        for schema in [
            json!({"type": "object", "allOf2": 1, "$ref": "#"}),
            json!({"type": "object", "properties": {"a": {"not": {"$ref": "#/properties/a"}}}}),
        ] {
            assert_eq!(problem(&schema), "a subschema refers to itself, and so says nothing");
        }
        let at = |subschema: Value| json!({"type": "object", "properties": {"a": subschema}});
        assert_eq!(problem(&at(json!({"$ref": "#/$defs/b"}))), "$ref \"#/$defs/b\" leads nowhere; expected \"#/…\"");
        assert_eq!(problem(&at(json!({"$ref": "#b"}))), "$ref \"#b\" leads nowhere; expected \"#/…\"");
        assert!(problem(&at(json!({"$dynamicRef": "#b"}))).starts_with("$dynamicRef is not understood here"));
        assert!(problem(&at(json!({"$id": "b"}))).starts_with("$id stands in a subschema"));
        let encoded = json!({"type": "object", "$defs": {"a<b> c/d": {"type": "null"}},
            "properties": {"a": {"$ref": "#/$defs/a%3Cb%3E%20c~1d"}}});
        assert!(Schema::parse(&encoded.to_string()).expect("the schema is good").check(&json!({"a": 1})).is_err());
    }

    #[test]
    fn patterns_take_little_memory_and_time() {
        let at = |pattern: &str| json!({"type": "object", "properties": {"a": {"pattern": pattern}}});
        assert_eq!(
            problem(&at("(\\w{90}){90}")),
            "at /properties/a/pattern: \"(\\\\w{90}){90}\" is not a \"regex\", or takes more than 512KiB once compiled"
        );
        let many: Map<_, _> = (0..101).map(|i| (i.to_string(), json!({"pattern": "a"}))).collect();
        assert_eq!(problem(&json!({"type": "object", "properties": many})), "it has more than 100 patterns");
        for pattern in ["^[\\w.+-]{1,64}@[\\w.-]{1,255}$", "^\\d{4}-\\d{2}-\\d{2}T[0-9:.]{8,15}Z$", "(a+)+$"] {
            let schema = Schema::parse(&at(pattern).to_string()).expect("people write such patterns");
            assert!(schema.check(&json!({"a": "a".repeat(100_000) + "!"})).is_err());
        }
        assert_eq!(refusal(&at("^[01]*1[01]{400}$"), &json!({"a": "01".repeat(1_000_000)})), STEPS);
        let slow = Schema::parse(&at("^[01]*1[01]{400}2").to_string()).expect("the schema is good");
        let (began, long) = (Instant::now(), json!({"a": "0110100".repeat(100_000)}));
        assert!(slow.check(&long).is_err());
        eprintln!("700,000 characters against a slow pattern took {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}
