//! One entry in a file that belongs to somebody else: all else in it stays as it is, comments and order included.

use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstRootNode},
};
use serde_json::{Value, json};
use toml_edit::{DocumentMut, Item};

/// The table of servers in a client's file.
#[derive(Debug)]
pub(super) enum Table {
    /// A member of a JSON object; comments are allowed.
    Json(&'static str),
    /// A table of a TOML file.
    Toml(&'static str),
}

/// What became of a file.
#[derive(Debug, PartialEq)]
pub(super) enum Added {
    /// Its new text.
    Text(String),
    /// The same entry is there.
    Already,
}

/// Why nothing may be added.
#[derive(Debug, PartialEq)]
pub(super) struct Refused(pub(super) String);

/// The entry as the text of a whole file.
pub(super) fn alone(table: &Table, name: &str, entry: &Value) -> String {
    match table {
        Table::Json(key) => format!("{:#}", json!({*key: {name: entry}})),
        Table::Toml(_) => match add(None, table, name, entry) {
            Ok(Added::Text(text)) => text.trim_end().to_owned(),
            Ok(Added::Already) | Err(_) => String::new(),
        },
    }
}

/// Adds the entry to the text of a file.
///
/// # Errors
///
/// [`Refused`], where the file is not understood, or has another entry of that name.
pub(super) fn add(before: Option<&str>, table: &Table, name: &str, entry: &Value) -> Result<Added, Refused> {
    match table {
        Table::Json(key) => add_json(before, key, name, entry),
        Table::Toml(key) => add_toml(before, key, name, entry),
    }
}

fn add_json(before: Option<&str>, key: &str, name: &str, entry: &Value) -> Result<Added, Refused> {
    let Some(before) = before.filter(|text| !text.trim().is_empty()) else {
        return Ok(Added::Text(format!("{:#}\n", json!({key: {name: entry}}))));
    };
    let root = CstRootNode::parse(before, &ParseOptions::default())
        .map_err(|error| Refused(format!("is not JSON, and was left as it is: {error}")))?;
    let not_an_object = |what: &str| Refused(format!("was left as it is: {what} is not an object"));
    let object = root.object_value().ok_or_else(|| not_an_object("what it holds"))?;
    if object.get(key).is_some() && object.object_value(key).is_none() {
        return Err(not_an_object(&format!("{key:?}")));
    }
    let servers = object.object_value_or_set(key);
    if let Some(there) = servers.get(name) {
        let there = there.value().and_then(|value| value.to_serde_value()).unwrap_or_default();
        return already(&there, key, name, entry);
    }
    servers.append(name, input(entry));
    Ok(Added::Text(root.to_string()))
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(members) => {
            CstInputValue::Object(members.iter().map(|(key, value)| (key.clone(), input(value))).collect())
        }
    }
}

fn add_toml(before: Option<&str>, key: &str, name: &str, entry: &Value) -> Result<Added, Refused> {
    let not_toml = |error: toml_edit::TomlError| {
        Refused(format!("is not TOML, and was left as it is: {}", error.to_string().trim_end()))
    };
    let mut document: DocumentMut = before.unwrap_or_default().parse().map_err(not_toml)?;
    let servers = document.entry(key).or_insert_with(|| {
        let mut table = toml_edit::Table::new();
        // Without a header of its own: `[mcp_servers.toolcell]` alone.
        table.set_implicit(true);
        Item::Table(table)
    });
    let Some(servers) = servers.as_table_like_mut() else {
        return Err(Refused(format!("was left as it is: {key:?} is not a table")));
    };
    if let Some(there) = servers.get(name) {
        return already(&of_toml(there), key, name, entry);
    }
    let mut table = toml_edit::Table::new();
    for (key, value) in entry.as_object().into_iter().flatten() {
        if let Some(value) = to_toml(value) {
            table.insert(key, Item::Value(value));
        }
    }
    servers.insert(name, Item::Table(table));
    Ok(Added::Text(document.to_string()))
}

/// The values that entries consist of.
fn to_toml(value: &Value) -> Option<toml_edit::Value> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Array(items) => Some(toml_edit::Value::Array(items.iter().filter_map(to_toml).collect())),
        _ => None,
    }
}

fn of_toml(item: &Item) -> Value {
    let of_value = |value: &toml_edit::Value| match value {
        toml_edit::Value::String(text) => json!(text.value()),
        toml_edit::Value::Array(items) => items.iter().map(|item| json!(item.as_str())).collect(),
        other => json!(other.to_string()),
    };
    match (item.as_table_like(), item.as_value()) {
        (Some(table), _) => table.iter().map(|(key, item)| (key.to_owned(), of_toml(item))).collect(),
        (None, Some(value)) => of_value(value),
        (None, None) => Value::Null,
    }
}

/// An entry of the same name is the same, or somebody else's.
fn already(there: &Value, key: &str, name: &str, entry: &Value) -> Result<Added, Refused> {
    if there == entry {
        return Ok(Added::Already);
    }
    Err(Refused(format!(
        "has another entry {name:?} in {key:?}, which stays as it is:\n{there:#}\nTo add this one:\n{entry:#}\nremove that one, or \
         choose another --name"
    )))
}

#[cfg(test)]
mod tests;
