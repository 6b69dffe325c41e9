//! The contract's own `output` and `tool-error`, which a component may use without exporting the contract: told by their
//! types, because a component's types have no names.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Deserializer, de::Error};

use super::shape::{Case, Field, Kind, Label, Shape};
use crate::sandbox::bindings::toolcell::plugin::tool_types;

/// The type `output`.
pub(super) fn output() -> Shape {
    let blob = record(&[("data", Kind::Bytes.into()), ("mime-type", text())]);
    let link = record(&[
        ("uri", text()),
        ("name", text()),
        ("description", optional(text())),
        ("mime-type", optional(text())),
    ]);
    let contents = variant(&[("text", text()), ("blob", Kind::Bytes.into())]);
    let embedded = record(&[("uri", text()), ("mime-type", optional(text())), ("contents", contents)]);
    let content = variant(&[
        ("text", text()),
        ("image", blob.clone()),
        ("audio", blob),
        ("link", link),
        ("embedded", embedded),
        ("other", text()),
    ]);
    record(&[("content", list(content)), ("structured", optional(text())), ("extra", optional(text()))])
}

/// The type `tool-error`.
pub(super) fn tool_error() -> Shape {
    record(&[
        ("code", text()),
        ("message", text()),
        ("likely-causes", list(text())),
        ("check-first", optional(text())),
        ("retryable", Kind::Bool.into()),
        ("extra", optional(text())),
    ])
}

fn text() -> Shape {
    Kind::String.into()
}

fn optional(shape: Shape) -> Shape {
    Kind::Option(Box::new(shape)).into()
}

fn list(item: Shape) -> Shape {
    Kind::List(Box::new(item)).into()
}

fn record(fields: &[(&str, Shape)]) -> Shape {
    let field = |(name, shape): &(&str, Shape)| Field { label: Label::of(name), shape: shape.clone() };
    Kind::Record(fields.iter().map(field).collect()).into()
}

fn variant(cases: &[(&str, Shape)]) -> Shape {
    let case = |(name, shape): &(&str, Shape)| Case { label: Label::of(name), payload: Some(shape.clone()) };
    Kind::Variant(cases.iter().map(case).collect()).into()
}

/// An `output`, from the JSON that a value of its type has.
pub(super) fn read_output(json: &str) -> Option<tool_types::Output> {
    let Output { content, structured } = serde_json::from_str(json).ok()?;
    Some(tool_types::Output { content: content.into_iter().map(Into::into).collect(), structured, extra: None })
}

/// A `tool-error`, from the JSON that a value of its type has.
pub(super) fn read_error(json: &str) -> Option<tool_types::ToolError> {
    let ToolError { code, message, likely_causes, check_first, retryable } = serde_json::from_str(json).ok()?;
    Some(tool_types::ToolError { code, message, likely_causes, check_first, retryable, extra: None })
}

#[derive(Deserialize)]
struct Output {
    content: Vec<Content>,
    structured: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Text(String),
    Image(Blob),
    Audio(Blob),
    Link { uri: String, name: String, description: Option<String>, mime_type: Option<String> },
    Embedded { uri: String, mime_type: Option<String>, contents: Contents },
    Other(String),
}

#[derive(Deserialize)]
struct Blob {
    #[serde(deserialize_with = "bytes")]
    data: Vec<u8>,
    mime_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Contents {
    Text(String),
    Blob(#[serde(deserialize_with = "bytes")] Vec<u8>),
}

#[derive(Deserialize)]
struct ToolError {
    code: String,
    message: String,
    likely_causes: Vec<String>,
    check_first: Option<String>,
    retryable: bool,
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    BASE64.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl From<Content> for tool_types::Content {
    fn from(content: Content) -> Self {
        let blob = |Blob { data, mime_type }| tool_types::Blob { data, mime_type };
        match content {
            Content::Text(text) => Self::Text(text),
            Content::Image(image) => Self::Image(blob(image)),
            Content::Audio(audio) => Self::Audio(blob(audio)),
            Content::Link { uri, name, description, mime_type } => {
                Self::Link(tool_types::Link { uri, name, description, mime_type })
            }
            Content::Embedded { uri, mime_type, contents } => {
                let contents = match contents {
                    Contents::Text(text) => tool_types::Contents::Text(text),
                    Contents::Blob(bytes) => tool_types::Contents::Blob(bytes),
                };
                Self::Embedded(tool_types::Embedded { uri, mime_type, contents })
            }
            Content::Other(json) => Self::Other(json),
        }
    }
}
