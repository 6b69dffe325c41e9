//! JSON Schemas in the form that MCP clients take: 2020-12, an object at the root, no `$schema`, no references.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};

/// The schema of a tool's arguments. Members that it does not list are refused, unless the type says otherwise.
pub(crate) fn of_arguments<T: JsonSchema>() -> Schema {
    let mut schema = settings().for_deserialize().into_generator().into_root_schema_for::<T>();
    clean(&mut schema);
    if schema.get("additionalProperties").is_none() && schema.get("unevaluatedProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    schema
}

/// The schema of a tool's result.
pub(crate) fn of_result<T: JsonSchema>() -> Schema {
    let mut schema = settings().for_serialize().into_generator().into_root_schema_for::<T>();
    clean(&mut schema);
    schema
}

/// Takes the root's description out of the schema: it describes the tool, and a model need not read it twice.
pub(crate) fn take_description(schema: &mut Schema) -> Option<String> {
    match schema.remove("description") {
        Some(serde_json::Value::String(text)) => Some(text),
        _ => None,
    }
}

/// # Panics
///
/// When clients would refuse the schema: its root has to be a plain object. `whose` names it.
pub(crate) fn assert_object(schema: &Schema, whose: &str) {
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    assert!(is_object, "{whose} must be a struct with named fields: clients take an object only (or return `Text`)");
    for keyword in ["oneOf", "anyOf", "allOf"] {
        assert!(
            schema.get(keyword).is_none(),
            "{whose} must be a plain struct: clients refuse `{keyword}` at the root, which enums and flattened enums make"
        );
    }
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    })
}

fn clean(schema: &mut Schema) {
    // The root's title is the name of the Rust type, which tells a model nothing.
    schema.remove("title");
    RecursiveTransform(remove_number_format).transform(schema);
    RecursiveTransform(join_lines).transform(schema);
}

/// `uint32` and the like are not formats of JSON Schema; strict clients warn about them. The bounds stay.
fn remove_number_format(schema: &mut Schema) {
    let is_number_format = schema.get("format").and_then(|format| format.as_str()).is_some_and(|format| {
        format.starts_with("int") || format.starts_with("uint") || format == "float" || format == "double"
    });
    if is_number_format {
        schema.remove("format");
    }
}

/// A doc comment is broken into lines for its source file. A model gets paragraphs; lists keep their lines.
fn join_lines(schema: &mut Schema) {
    let Some(serde_json::Value::String(text)) = schema.get_mut("description") else { return };
    let mut joined = String::with_capacity(text.len());
    for line in text.lines() {
        let starts_anew = line.is_empty() || line.starts_with(['-', '*', ' ']) || joined.ends_with('\n');
        if !joined.is_empty() {
            joined.push(if starts_anew { '\n' } else { ' ' });
        }
        joined.push_str(line);
    }
    *text = joined;
}

#[cfg(test)]
mod tests;
