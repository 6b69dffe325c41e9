use serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::{Text, testing};

/// Adds two numbers.
#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The first.
    a: i32,
    /// The second.
    b: i32,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    /// a + b.
    sum: i32,
}

fn add(Add { a, b }: Add) -> Result<Sum, ToolError> {
    let sum = a.checked_add(b).ok_or_else(|| ToolError::new("overflow", "the sum is too large"))?;
    Ok(Sum { sum })
}

fn tools() -> [Tool; 2] {
    let hello = Tool::new("hello", |_: NoArguments| Ok(Text("hello".into())));
    [Tool::new("add", add).title("Add").read_only(), hello.description("Greets.")]
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_tool_is_listed_with_what_its_types_say() {
    let listed = tools()[0].listed();
    assert_eq!(listed.name, "add");
    assert_eq!(listed.title.as_deref(), Some("Add"));
    assert_eq!(listed.description, "Adds two numbers.");
    assert_eq!(
        json(&listed.input_schema),
        json!({
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "The first."},
                "b": {"type": "integer", "description": "The second."},
            },
            "required": ["a", "b"],
            "additionalProperties": false,
        })
    );
    assert_eq!(json(&listed.output_schema.unwrap())["properties"]["sum"]["description"], "a + b.");
}

#[test]
fn a_tool_without_arguments_or_typed_result_is_listed_plainly() {
    let listed = tools()[1].listed();
    assert_eq!(listed.description, "Greets.");
    assert_eq!(json(&listed.input_schema), json!({"type": "object", "additionalProperties": false}));
    assert_eq!(listed.output_schema, None);
}

#[test]
fn hints_are_absent_until_they_are_given() {
    let plain = Tool::new("add", add).listed().hints;
    assert_eq!((plain.read_only, plain.destructive, plain.idempotent, plain.open_world), (None, None, None, None));
    let writer = Tool::new("add", add).destructive(true).idempotent().open_world(false).listed().hints;
    let expected = (Some(false), Some(true), Some(true), Some(false));
    assert_eq!((writer.read_only, writer.destructive, writer.idempotent, writer.open_world), expected);
    assert_eq!(Tool::new("add", add).read_only().listed().hints.read_only, Some(true));
}

#[test]
fn a_call_reaches_the_tool_by_its_name() {
    let output = testing::call(&tools(), "add", json!({"a": 1, "b": 2})).unwrap();
    assert_eq!(output.structured_json(), Some(r#"{"sum":3}"#));
    let error = testing::call(&tools(), "add", json!({"a": i32::MAX, "b": 1})).unwrap_err();
    assert_eq!(error.code, "overflow");
}

#[test]
fn an_unknown_tool_is_answered_with_the_known_ones() {
    let error = testing::call(&tools(), "sub", json!({})).unwrap_err();
    assert_eq!(error.code, "unknown_tool");
    assert_eq!(error.check_first.as_deref(), Some("Use one of: add, hello."));
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_the_reason() {
    let error = testing::call(&tools(), "add", json!({"a": 1})).unwrap_err();
    assert_eq!(error.code, "invalid_arguments");
    assert_eq!(error.message, "the arguments of `add` cannot be used: missing field `b` at line 1 column 7");
    assert!(testing::call(&tools(), "hello", json!({"x": 1})).is_err());
}

#[test]
fn output_with_a_structured_part_can_have_a_schema() {
    let tool = Tool::new("sum", |_: NoArguments| Output::new().structured(&Sum { sum: 1 })).output_schema::<Sum>();
    let listed = tool.description("Sums.").listed();
    assert_eq!(json(&listed.output_schema.unwrap())["required"], json!(["sum"]));
}

#[test]
#[should_panic(expected = "tool `bare` has no description")]
fn a_tool_without_description_is_a_mistake() {
    #[derive(Deserialize, JsonSchema)]
    struct Bare {}
    let _ = testing::list(&[Tool::new("bare", |Bare {}| Ok(Text(String::new())))]);
}

#[test]
#[should_panic(expected = "the result of tool `list` must be a struct")]
fn a_result_that_is_no_object_is_a_mistake() {
    let _ = testing::list(&[Tool::new("list", |_: NoArguments| Ok(vec![1])).description("Lists.")]);
}
