use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    Newest,
    Oldest,
}

/// Lists things.
#[derive(Serialize, Deserialize, JsonSchema)]
struct List {
    /// How many.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 50))]
    limit: u32,
    order: Order,
    ratio: Option<f64>,
    nested: Vec<Nested>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Nested {
    id: u64,
}

fn ten() -> u32 {
    10
}

#[test]
fn references_titles_and_number_formats_are_gone_and_bounds_stay() {
    let schema = of_arguments::<List>();
    let text = schema.as_value().to_string();
    for absent in ["$schema", "$ref", "$defs", "title", "format"] {
        assert!(!text.contains(&format!("\"{absent}\"")), "{absent} in {text}");
    }
    assert_eq!(
        schema.as_value()["properties"]["limit"],
        json!({
            "type": "integer", "description": "How many.", "minimum": 1, "maximum": 50, "default": 10
        })
    );
    assert_eq!(schema.as_value()["properties"]["order"], json!({"type": "string", "enum": ["newest", "oldest"]}));
    assert_eq!(schema.as_value()["required"], json!(["order", "nested"]));
}

#[test]
fn arguments_refuse_unknown_members_and_results_do_not() {
    assert_eq!(of_arguments::<List>().get("additionalProperties"), Some(&json!(false)));
    assert_eq!(of_result::<List>().get("additionalProperties"), None);
}

#[test]
fn an_author_who_takes_unknown_members_gets_them() {
    #[derive(Deserialize, JsonSchema)]
    struct Open {
        #[serde(flatten)]
        _rest: std::collections::BTreeMap<String, String>,
    }
    assert_eq!(of_arguments::<Open>().get("additionalProperties"), Some(&json!({"type": "string"})));
}

#[test]
fn a_result_names_as_required_what_is_always_written() {
    assert_eq!(of_result::<List>().as_value()["required"], json!(["limit", "order", "ratio", "nested"]));
}

#[test]
fn the_description_is_taken_out_of_the_schema() {
    let mut schema = of_arguments::<List>();
    assert_eq!(take_description(&mut schema).as_deref(), Some("Lists things."));
    assert_eq!(take_description(&mut schema), None);
}

#[test]
fn lines_of_a_doc_comment_are_joined_to_paragraphs() {
    /// One sentence that
    /// goes on.
    ///
    /// Another paragraph:
    /// - one
    /// - two
    #[derive(Deserialize, JsonSchema)]
    struct Documented {
        /// A field that
        /// goes on.
        _field: String,
    }
    let mut schema = of_arguments::<Documented>();
    let description = take_description(&mut schema).unwrap();
    assert_eq!(description, "One sentence that goes on.\n\nAnother paragraph:\n- one\n- two");
    assert_eq!(schema.as_value()["properties"]["_field"]["description"], "A field that goes on.");
}

#[test]
fn a_format_that_json_schema_knows_stays() {
    #[derive(Deserialize, JsonSchema)]
    struct At {
        #[schemars(extend("format" = "date"))]
        _day: String,
    }
    assert_eq!(of_arguments::<At>().as_value()["properties"]["_day"]["format"], "date");
}

#[test]
#[should_panic(expected = "clients refuse `oneOf` at the root")]
fn an_enum_as_arguments_is_a_mistake() {
    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    enum Either {
        A {},
        B {},
    }
    let mut schema = of_arguments::<Either>();
    schema.insert("type".to_owned(), "object".into());
    assert_object(&schema, "the arguments of tool `either`");
}
