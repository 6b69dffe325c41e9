//! Schemas of WIT types against those that the Rust SDK makes of the same types.

use serde_json::{Value, json};
use toolcell_sdk::{Tool, ToolError, testing};

use super::{
    answer::Answer,
    schema::{self, Way},
    shape::{Case, Field, Integer, Kind, Label, Shape},
};

/// The same types, as they are given to a tool and as it returns them.
macro_rules! types {
    ($module:ident $(, $strict:ident)?) => {
        mod $module {
            use std::collections::HashSet;

            use toolcell_sdk::{
                schemars::JsonSchema,
                serde::{Deserialize, Serialize},
            };

            /// How it is shown.
            #[derive(JsonSchema, Serialize, Deserialize, PartialEq, Eq, Hash)]
            #[serde(crate = "toolcell_sdk::serde", rename_all = "snake_case")]
            #[schemars(crate = "toolcell_sdk::schemars")]
            enum Colour {
                Red,
                /// Like the sea.
                DarkBlue,
                Green,
            }

            #[derive(JsonSchema, Serialize, Deserialize, PartialEq, Eq, Hash)]
            #[serde(crate = "toolcell_sdk::serde", rename_all = "snake_case")]
            #[schemars(crate = "toolcell_sdk::schemars")]
            enum Access {
                Read,
                ListAll,
            }

            #[derive(JsonSchema, Serialize, Deserialize)]
            #[serde(crate = "toolcell_sdk::serde", rename_all = "snake_case"$(, $strict)?)]
            #[schemars(crate = "toolcell_sdk::schemars")]
            struct Point {
                /// To the right.
                x: i8,
                y: Option<u16>,
            }

            #[derive(JsonSchema, Serialize, Deserialize)]
            #[serde(crate = "toolcell_sdk::serde", rename_all = "snake_case"$(, $strict)?)]
            #[schemars(crate = "toolcell_sdk::schemars")]
            enum Figure {
                Nothing,
                /// Where it is.
                Spot(Point),
                Corners(Vec<Point>),
            }

            #[derive(JsonSchema, Serialize, Deserialize)]
            #[serde(crate = "toolcell_sdk::serde", rename_all = "snake_case"$(, $strict)?)]
            #[schemars(crate = "toolcell_sdk::schemars")]
            pub(super) struct Everything {
                is_there: bool,
                small: i8,
                byte: u8,
                short: i16,
                word: u16,
                letter: char,
                text: String,
                list: Vec<String>,
                pair: (u8, String),
                point: Point,
                maybe_point: Option<Point>,
                figure: Figure,
                maybe_figure: Option<Figure>,
                /// Of its border.
                colour: Colour,
                maybe_access: Option<Access>,
                access: HashSet<Access>,
            }
        }
    };
}

types!(given, deny_unknown_fields);
types!(returned);

fn field(name: &str, docs: Option<&str>, kind: impl Into<Shape>) -> Field {
    Field { label: label(name, docs), shape: kind.into() }
}

fn label(name: &str, docs: Option<&str>) -> Label {
    Label { docs: docs.map(ToOwned::to_owned), ..Label::of(name) }
}

fn maybe(kind: impl Into<Shape>) -> Kind {
    Kind::Option(Box::new(kind.into()))
}

/// The same type as both `Everything`, as a component has it.
fn everything() -> Vec<Field> {
    let point = || {
        let y = maybe(Kind::Integer(Integer::U16));
        Kind::Record(vec![field("x", Some("To the right."), Kind::Integer(Integer::S8)), field("y", None, y)])
    };
    let figure = || {
        Kind::Variant(vec![
            Case { label: label("nothing", None), payload: None },
            Case { label: label("spot", Some("Where it is.")), payload: Some(point().into()) },
            Case { label: label("corners", None), payload: Some(Kind::List(Box::new(point().into())).into()) },
        ])
    };
    let access = || vec![label("read", None), label("list-all", None)];
    let colours = vec![label("red", None), label("dark-blue", Some("Like the sea.")), label("green", None)];
    let colour = Shape { kind: Kind::Enum(colours), docs: Some("How it is shown.".to_owned()) };
    let integer = |integer| Kind::Integer(integer);
    vec![
        field("is-there", None, Kind::Bool),
        field("small", None, integer(Integer::S8)),
        field("byte", None, integer(Integer::U8)),
        field("short", None, integer(Integer::S16)),
        field("word", None, integer(Integer::U16)),
        field("letter", None, Kind::Char),
        field("text", None, Kind::String),
        field("list", None, Kind::List(Box::new(Kind::String.into()))),
        field("pair", None, Kind::Tuple(vec![integer(Integer::U8).into(), Kind::String.into()])),
        field("point", None, point()),
        field("maybe-point", None, maybe(point())),
        field("figure", None, figure()),
        field("maybe-figure", None, maybe(figure())),
        field("colour", Some("Of its border."), colour),
        field("maybe-access", None, maybe(Kind::Enum(access()))),
        field("access", None, Kind::Flags(access())),
    ]
}

fn spec() -> toolcell_sdk::bindings::Tool {
    let call = |_: given::Everything| -> Result<returned::Everything, ToolError> {
        Err(ToolError::new("not_called", "only its schemas are looked at"))
    };
    testing::list(&[Tool::new("everything", call).description("Takes and returns everything.")]).remove(0)
}

#[test]
fn arguments_have_the_schema_that_the_sdk_would_give_them() {
    let sdk: Value = serde_json::from_str(&spec().input_schema).expect("it is JSON");
    assert_eq!(Value::from(schema::object(&everything(), Way::In)), sdk);
}

#[test]
fn results_have_the_schema_that_the_sdk_would_give_them() {
    let sdk: Value = serde_json::from_str(&spec().output_schema.expect("it has one")).expect("it is JSON");
    let ours = Answer::of(Some(Kind::Record(everything()).into())).schema().expect("it has one");
    assert_eq!(ours, sdk);
}

/// JSON Schema has no widths; the SDK leaves the bounds of wide integers out, and every bound is told here.
#[test]
fn integers_have_their_bounds() {
    let schema = |integer| schema::schema(&Kind::Integer(integer).into(), Way::In);
    assert_eq!(schema(Integer::S64), json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}));
    assert_eq!(schema(Integer::U64), json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}));
    assert_eq!(schema(Integer::U32), json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}));
}
