//! A component's values to JSON text, which never takes more than an answer may have: what comes after is only counted.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;
use wasmtime::component::Val;

use super::{
    schema::NOT_FINITE,
    shape::{Kind, Label, Shape},
};
use crate::failure::Failure;

/// Bytes that are encoded at once: a multiple of three, so that pieces of base64 join without padding between them.
const PIECE: usize = 3 * 1_024;

/// The JSON text of a value, which is in a member of that name where one is given.
///
/// # Errors
///
/// [`Failure::ResultTooLarge`], with the size that the text would have had.
pub(super) fn json(shape: &Shape, value: &Val, member: Option<&str>, limit: u64) -> Result<String, Failure> {
    let mut text = Text { kept: String::new(), size: 0, limit };
    if let Some(member) = member {
        text.push("{");
        text.string(member);
        text.push(":");
    }
    write(shape, value, &mut text).map_err(|Unlike| super::answer::unlike())?;
    if member.is_some() {
        text.push("}");
    }
    text.finish()
}

/// JSON that is kept up to the limit and counted beyond.
struct Text {
    kept: String,
    size: u64,
    limit: u64,
}

impl Text {
    fn push(&mut self, json: &str) {
        self.size += json.len() as u64;
        if self.size <= self.limit {
            self.kept.push_str(json);
        }
    }

    fn string(&mut self, text: &str) {
        // Quotes and escapes only ever add.
        if self.size + text.len() as u64 > self.limit {
            self.size += text.len() as u64 + 2;
        } else {
            self.push(&Value::from(text).to_string());
        }
    }

    fn bytes(&mut self, bytes: &[Val]) -> Result<(), Unlike> {
        self.push("\"");
        for piece in bytes.chunks(PIECE) {
            let bytes = piece.iter().map(|byte| if let Val::U8(byte) = byte { Ok(*byte) } else { Err(Unlike) });
            self.push(&BASE64.encode(bytes.collect::<Result<Vec<_>, _>>()?));
        }
        self.push("\"");
        Ok(())
    }

    fn finish(self) -> Result<String, Failure> {
        let Self { kept, size, limit } = self;
        if size > limit { Err(Failure::ResultTooLarge { size, limit }) } else { Ok(kept) }
    }
}

impl std::fmt::Write for Text {
    fn write_str(&mut self, json: &str) -> std::fmt::Result {
        self.push(json);
        Ok(())
    }
}

/// A value that its shape does not have, which the runtime's own check of types rules out.
struct Unlike;

fn write(shape: &Shape, value: &Val, text: &mut Text) -> Result<(), Unlike> {
    match (&shape.kind, value) {
        (Kind::Bool, Val::Bool(value)) => number(text, value),
        (Kind::Integer(_), Val::S8(value)) => number(text, value),
        (Kind::Integer(_), Val::U8(value)) => number(text, value),
        (Kind::Integer(_), Val::S16(value)) => number(text, value),
        (Kind::Integer(_), Val::U16(value)) => number(text, value),
        (Kind::Integer(_), Val::S32(value)) => number(text, value),
        (Kind::Integer(_), Val::U32(value)) => number(text, value),
        (Kind::Integer(_), Val::S64(value)) => number(text, value),
        (Kind::Integer(_), Val::U64(value)) => number(text, value),
        // Debug writes the shortest text that reads as the same number, of that width, and a fraction or an exponent.
        (Kind::Float32, Val::Float32(value)) => match not_finite(f64::from(*value)) {
            Some(name) => text.string(name),
            None => number(text, format_args!("{value:?}")),
        },
        (Kind::Float64, Val::Float64(value)) => match not_finite(*value) {
            Some(name) => text.string(name),
            None => number(text, format_args!("{value:?}")),
        },
        (Kind::Char, Val::Char(value)) => text.string(value.encode_utf8(&mut [0; 4])),
        (Kind::String, Val::String(value)) => text.string(value),
        (Kind::Bytes, Val::List(bytes)) => text.bytes(bytes)?,
        (Kind::List(item), Val::List(items)) => list(items.iter().map(|value| (&**item, value)), text)?,
        (Kind::Tuple(shapes), Val::Tuple(items)) => list(shapes.iter().zip(items), text)?,
        (Kind::Record(fields), Val::Record(values)) => {
            for (index, (field, (_, value))) in fields.iter().zip(values).enumerate() {
                text.push(if index == 0 { "{" } else { "," });
                text.string(&field.label.json);
                text.push(":");
                write(&field.shape, value, text)?;
            }
            text.push("}");
        }
        (Kind::Enum(labels), Val::Enum(name)) => text.string(json_name(labels, name)?),
        (Kind::Flags(labels), Val::Flags(names)) => {
            text.push("[");
            for (index, name) in names.iter().enumerate() {
                text.push(if index == 0 { "" } else { "," });
                text.string(json_name(labels, name)?);
            }
            text.push("]");
        }
        (Kind::Variant(cases), Val::Variant(name, payload)) => {
            let case = cases.iter().find(|case| case.label.wit == *name).ok_or(Unlike)?;
            match (&case.payload, payload) {
                (Some(shape), Some(payload)) => tagged(&case.label.json, Some((shape, payload)), text)?,
                _ => text.string(&case.label.json),
            }
        }
        (Kind::Option(_), Val::Option(None)) => text.push("null"),
        (Kind::Option(item), Val::Option(Some(value))) if item.is_option() => {
            tagged("some", Some((item, value)), text)?;
        }
        (Kind::Option(item), Val::Option(Some(value))) => write(item, value, text)?,
        (Kind::Result(ends), Val::Result(Ok(value))) => tagged("ok", ends.ok.as_ref().zip(value.as_deref()), text)?,
        (Kind::Result(ends), Val::Result(Err(value))) => tagged("err", ends.err.as_ref().zip(value.as_deref()), text)?,
        _ => return Err(Unlike),
    }
    Ok(())
}

fn number(text: &mut Text, value: impl std::fmt::Display) {
    let _ = write!(text, "{value}");
}

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_nan() => Some(NOT_FINITE[0]),
        f64::INFINITY => Some(NOT_FINITE[1]),
        f64::NEG_INFINITY => Some(NOT_FINITE[2]),
        _ => None,
    }
}

fn list<'a>(items: impl Iterator<Item = (&'a Shape, &'a Val)>, text: &mut Text) -> Result<(), Unlike> {
    text.push("[");
    for (index, (shape, value)) in items.enumerate() {
        text.push(if index == 0 { "" } else { "," });
        write(shape, value, text)?;
    }
    text.push("]");
    Ok(())
}

fn tagged(name: &str, value: Option<(&Shape, &Val)>, text: &mut Text) -> Result<(), Unlike> {
    text.push("{");
    text.string(name);
    text.push(":");
    match value {
        Some((shape, value)) => write(shape, value, text)?,
        None => text.push("null"),
    }
    text.push("}");
    Ok(())
}

fn json_name<'a>(labels: &'a [Label], wit: &str) -> Result<&'a str, Unlike> {
    labels.iter().find(|label| label.wit == wit).map(|label| label.json.as_str()).ok_or(Unlike)
}
