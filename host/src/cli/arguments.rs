//! The arguments of a call as they are typed, and what a tool takes.

use std::io::{self, Write};

use anyhow::bail;
use serde_json::{Map, Value};

use super::{list::first_sentence, terminal};
use crate::{plugin::Tool, text};

/// The arguments as a tool takes them.
pub(super) fn parse(tool: &str, text: &str) -> anyhow::Result<Map<String, Value>> {
    let expected = format!("expected a JSON object in quotes, such as: toolcell call {tool} '{{\"key\": \"value\"}}'");
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => bail!("the arguments are JSON, but not an object: {text}\n{expected}"),
        Err(error) => bail!("the arguments are not JSON ({error}): {text}\n{expected}"),
    }
}

/// Lists what a tool takes, from its input schema, for a person who calls it without a client that shows the schema.
pub(super) fn write(tool: &Tool, out: &mut impl Write) -> io::Result<()> {
    let schema = tool.input_schema();
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return writeln!(out, "\n{} takes any JSON object", tool.name());
    };
    writeln!(out, "\n{} takes:", tool.name())?;
    let width = properties.keys().map(String::len).max().unwrap_or(0);
    for (name, property) in properties {
        let mut words = vec![kind(property)];
        if !is_required(name) {
            words.push("optional".to_owned());
        }
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let mut line = words.join(", ");
        if !description.is_empty() {
            line.push_str(": ");
            line.push_str(first_sentence(description));
        }
        writeln!(out, "{}", terminal::hanging(&format!("  {name:width$}  "), &text::shown(&line, 500)))?;
    }
    Ok(())
}

/// The type of a property in a word or two; `JSON` where the schema says it in more.
fn kind(property: &Value) -> String {
    match property.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "JSON".to_owned(),
    }
}
