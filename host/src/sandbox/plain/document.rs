//! docs/plain-components.md, whose table is written from the code: each type of WIT, its schema, and a value.

use std::{env, fs};

use serde_json::{Value, json};

use super::{
    decode, encode,
    schema::{self, Way},
    shape::{Case, Ends, Field, Integer, Kind, Label, Shape},
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/plain-components.md");
const VARIABLE: &str = "TOOLCELL_WRITE_DOCS";

/// What stands around the table.
const BEGIN: &str = "<!-- The table is written by the tests of the code that it is about. -->\n";
const END: &str = "<!-- End of the table. -->\n";

fn labels(names: &[&str]) -> Vec<Label> {
    names.iter().map(|name| Label::of(name)).collect()
}

fn boxed(kind: Kind) -> Box<Shape> {
    Box::new(kind.into())
}

/// A type as WIT writes it, its shape, and values.
fn types() -> Vec<(&'static str, Kind, Vec<Value>)> {
    let field = |name: &str, kind: Kind| Field { label: Label::of(name), shape: kind.into() };
    let integer = |wit, kind, value: Value| (wit, Kind::Integer(kind), vec![value]);
    let circle = Case { label: Label::of("circle"), payload: Some(Kind::Float64.into()) };
    let nothing = Case { label: Label::of("nothing"), payload: None };
    let ends = |ok: Option<Kind>, err: Option<Kind>| {
        Kind::Result(Box::new(Ends { ok: ok.map(Shape::from), err: err.map(Shape::from) }))
    };
    let page = vec![field("page-no", Kind::Integer(Integer::U16)), field("title", Kind::Option(boxed(Kind::String)))];
    vec![
        ("bool", Kind::Bool, vec![json!(true)]),
        integer("s8", Integer::S8, json!(-128)),
        integer("u8", Integer::U8, json!(255)),
        integer("s16", Integer::S16, json!(-32_768)),
        integer("u16", Integer::U16, json!(65_535)),
        integer("s32", Integer::S32, json!(i32::MIN)),
        integer("u32", Integer::U32, json!(u32::MAX)),
        integer("s64", Integer::S64, json!(i64::MIN)),
        integer("u64", Integer::U64, json!(u64::MAX)),
        ("f32", Kind::Float32, vec![json!(0.1), json!("Infinity")]),
        ("f64", Kind::Float64, vec![json!(0.1), json!("NaN")]),
        ("char", Kind::Char, vec![json!("ß")]),
        ("string", Kind::String, vec![json!("text")]),
        ("list<u8>", Kind::Bytes, vec![json!("AP+A")]),
        ("list<string>", Kind::List(boxed(Kind::String)), vec![json!(["a", "b"])]),
        (
            "tuple<u8, string>",
            Kind::Tuple(vec![Kind::Integer(Integer::U8).into(), Kind::String.into()]),
            vec![json!([1, "a"])],
        ),
        (
            "record { page-no: u16, title: option<string> }",
            Kind::Record(page),
            vec![json!({"page_no": 1, "title": "a"}), json!({"page_no": 1, "title": null})],
        ),
        ("enum { red, dark-blue }", Kind::Enum(labels(&["red", "dark-blue"])), vec![json!("dark_blue")]),
        (
            "variant { nothing, circle(f64) }",
            Kind::Variant(vec![nothing, circle]),
            vec![json!("nothing"), json!({"circle": 1.5})],
        ),
        (
            "flags { read, list-all }",
            Kind::Flags(labels(&["read", "list-all"])),
            vec![json!([]), json!(["read", "list_all"])],
        ),
        ("option<u8>", Kind::Option(boxed(Kind::Integer(Integer::U8))), vec![json!(1), json!(null)]),
        (
            "option<option<bool>>",
            Kind::Option(boxed(Kind::Option(boxed(Kind::Bool)))),
            vec![json!(null), json!({"some": null}), json!({"some": true})],
        ),
        (
            "result<u8, string>",
            ends(Some(Kind::Integer(Integer::U8)), Some(Kind::String)),
            vec![json!({"ok": 1}), json!({"err": "a"})],
        ),
        ("result", ends(None, None), vec![json!({"ok": null}), json!({"err": null})]),
    ]
}

fn table() -> String {
    let mut table = "| WIT | JSON Schema of an argument | JSON |\n|---|---|---|\n".to_owned();
    for (wit, kind, values) in types() {
        let shape = Shape::from(kind);
        for value in &values {
            let read = decode::value(&shape, value).expect("the example is a value of its type");
            let written = encode::json(&shape, &read, None, 1 << 20).expect("it fits");
            assert_eq!(serde_json::from_str::<Value>(&written).expect("it is JSON"), *value, "{wit}");
        }
        let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        table.push_str(&format!("| `{wit}` | `{}` | {} |\n", schema::schema(&shape, Way::In), values.join(", ")));
    }
    table
}

#[test]
fn the_page_of_plain_components_has_the_table_of_the_code() {
    let written = fs::read_to_string(FILE).unwrap_or_default();
    let (before, rest) = written.split_once(BEGIN).expect("the page has a table");
    let (_, after) = rest.split_once(END).expect("the table ends");
    let page = format!("{before}{BEGIN}\n{}\n{END}{after}", table());
    if env::var_os(VARIABLE).is_some() {
        fs::write(FILE, &page).expect("the repository is ours");
    }
    let written = fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        written == page,
        "docs/plain-components.md is not what the code says; to write it anew: {VARIABLE}=1 cargo test -p toolcell --lib page_of_plain"
    );
}
