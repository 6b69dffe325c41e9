//! What a tool may return.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value;

use crate::{ToolError, bindings, schema};

pub use crate::bindings::toolcell::plugin::tool_types::{Blob, Content, Contents, Embedded, Link};

/// What a tool may return: a struct that derives `Serialize` and `JsonSchema`, [`Text`] or [`Output`].
///
/// A struct gives the tool its output schema, and the host refuses a result that does not satisfy it.
pub trait Answer {
    /// The output schema, where the type alone fixes one.
    fn schema() -> Option<Schema>;

    /// The answer in the contract's terms.
    ///
    /// # Errors
    ///
    /// `unwritable_result` when the value has no JSON form, for example a map whose keys are not strings.
    fn into_output(self) -> Result<Output, ToolError>;
}

impl<T: Serialize + JsonSchema> Answer for T {
    fn schema() -> Option<Schema> {
        Some(schema::of_result::<T>())
    }

    fn into_output(self) -> Result<Output, ToolError> {
        Output::new().structured(&self)
    }
}

/// Plain text as the whole answer. The tool has no output schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Answer for Text {
    fn schema() -> Option<Schema> {
        None
    }

    fn into_output(self) -> Result<Output, ToolError> {
        Ok(Output::new().text(self.0))
    }
}

/// An answer made of parts, for what typed JSON cannot express: images, audio, links, several texts.
///
/// With a structured part, give the tool its schema by [`Tool::output_schema`](crate::Tool::output_schema).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    content: Vec<Content>,
    structured: Option<String>,
}

impl Output {
    /// An answer without parts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Content::Text(text.into()))
    }

    /// Adds an image with its media type, for example `image/png`.
    #[must_use]
    pub fn image(self, data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        self.with(Content::Image(Blob { data: data.into(), mime_type: mime_type.into() }))
    }

    /// Adds sound with its media type, for example `audio/wav`.
    #[must_use]
    pub fn audio(self, data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        self.with(Content::Audio(Blob { data: data.into(), mime_type: mime_type.into() }))
    }

    /// Adds a resource that the client can fetch by itself.
    #[must_use]
    pub fn link(self, link: Link) -> Self {
        self.with(Content::Link(link))
    }

    /// Adds a resource together with its contents.
    #[must_use]
    pub fn embedded(self, resource: Embedded) -> Self {
        self.with(Content::Embedded(resource))
    }

    /// Adds a content block that MCP knows and this crate does not, as the JSON object that MCP defines for it.
    #[must_use]
    pub fn other(self, block: &Value) -> Self {
        self.with(Content::Other(block.to_string()))
    }

    /// Sets the structured part: a value whose JSON is an object.
    ///
    /// # Errors
    ///
    /// `unwritable_result` when the value has no JSON form, for example a map whose keys are not strings.
    pub fn structured(mut self, value: &impl Serialize) -> Result<Self, ToolError> {
        let json = serde_json::to_string(value).map_err(|error| {
            ToolError::new("unwritable_result", format!("the tool's result has no JSON form: {error}"))
                .cause("a bug in the plugin: a map with keys that are not strings, or a Serialize that fails")
                .check_first("Report it to the author of the plugin.")
        })?;
        self.structured = Some(json);
        Ok(self)
    }

    /// The parts, in the order they were added.
    #[must_use]
    pub fn content(&self) -> &[Content] {
        &self.content
    }

    /// The structured part as JSON text.
    #[must_use]
    pub fn structured_json(&self) -> Option<&str> {
        self.structured.as_deref()
    }

    fn with(mut self, part: Content) -> Self {
        self.content.push(part);
        self
    }
}

impl Answer for Output {
    fn schema() -> Option<Schema> {
        None
    }

    fn into_output(self) -> Result<Output, ToolError> {
        Ok(self)
    }
}

impl From<Output> for bindings::Output {
    fn from(output: Output) -> Self {
        Self { content: output.content, structured: output.structured, extra: None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Sum {
        sum: i32,
    }

    #[test]
    fn a_struct_becomes_structured_json_with_a_schema() {
        let output = Sum { sum: 3 }.into_output().unwrap();
        assert_eq!(output.structured_json(), Some(r#"{"sum":3}"#));
        assert!(output.content().is_empty());
        assert_eq!(<Sum as Answer>::schema().unwrap().as_value()["required"], json!(["sum"]));
    }

    #[test]
    fn text_and_output_promise_no_schema() {
        assert!(<Text as Answer>::schema().is_none());
        assert!(<Output as Answer>::schema().is_none());
        let output = Text("hello".into()).into_output().unwrap();
        assert_eq!(output.content(), [Content::Text("hello".into())]);
        assert_eq!(output.structured_json(), None);
    }

    #[test]
    fn parts_keep_their_order_and_kind() {
        let output = Output::new()
            .text("see")
            .image([1, 2], "image/png")
            .audio([3], "audio/wav")
            .other(&json!({"type": "video"}))
            .structured(&json!({"ok": true}))
            .unwrap();
        let crossed = bindings::Output::from(output);
        assert_eq!(
            crossed.content,
            [
                Content::Text("see".into()),
                Content::Image(Blob { data: vec![1, 2], mime_type: "image/png".into() }),
                Content::Audio(Blob { data: vec![3], mime_type: "audio/wav".into() }),
                Content::Other(r#"{"type":"video"}"#.into()),
            ]
        );
        assert_eq!(crossed.structured.as_deref(), Some(r#"{"ok":true}"#));
    }

    #[test]
    fn a_value_without_json_form_is_an_error() {
        let keyed_by_list = BTreeMap::from([(vec![1], 2)]);
        let error = Output::new().structured(&keyed_by_list).unwrap_err();
        assert_eq!(error.code, "unwritable_result");
        assert!(error.message.contains("key must be a string"), "{error}");
    }
}
