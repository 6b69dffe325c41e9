//! The contract's values, which the bindings define, as the host's own.

use super::bindings::toolcell::plugin::tool_types;
use crate::{
    failure::{Parts, ToolError},
    outcome::{Blob, Content, Contents},
};

/// What a guest gets in place of what it asked the host for.
pub(super) fn host_error(code: &str, parts: Parts) -> tool_types::HostError {
    tool_types::HostError {
        code: code.to_owned(),
        message: parts.message,
        likely_causes: parts.likely_causes,
        check_first: parts.check_first,
        retryable: parts.retryable,
        extra: None,
    }
}

/// A tool as its plugin describes it, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolSpec {
    /// Unique within the plugin.
    pub name: String,
    /// A short name for people.
    pub title: Option<String>,
    /// What a model reads.
    pub description: String,
    /// JSON text.
    pub input_schema: String,
    /// JSON text.
    pub output_schema: Option<String>,
    /// The tool changes nothing.
    pub read_only: Option<bool>,
    /// What the tool changes may be lost.
    pub destructive: Option<bool>,
    /// Calling again changes nothing more.
    pub idempotent: Option<bool>,
    /// The tool talks to systems outside the host.
    pub open_world: Option<bool>,
}

/// A tool's answer, before its JSON is read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RawOutput {
    /// The parts that the tool wrote.
    pub content: Vec<Content>,
    /// JSON text.
    pub structured: Option<String>,
}

impl RawOutput {
    /// Bytes of everything in it, and of what the parts cost that hold next to nothing.
    pub(crate) fn size(&self) -> u64 {
        let structured = self.structured.as_ref().map_or(0, String::len);
        let parts = self.content.len().saturating_sub(1) * PART;
        (self.content.iter().map(size_of_content).sum::<usize>() + structured + parts) as u64
    }
}

/// Bytes that each part of an answer takes besides what it holds, as the client gets it.
const PART: usize = 64;

fn size_of_content(content: &Content) -> usize {
    match content {
        Content::Text(text) => text.len(),
        Content::Image(blob) | Content::Audio(blob) => blob.data.len() + blob.mime_type.len(),
        Content::Link { uri, name, description, mime_type } => {
            uri.len() + name.len() + length(description.as_ref()) + length(mime_type.as_ref())
        }
        Content::Embedded { uri, mime_type, contents } => {
            let held = match contents {
                Contents::Text(text) => text.len(),
                Contents::Blob(bytes) => bytes.len(),
            };
            uri.len() + length(mime_type.as_ref()) + held
        }
        Content::Other(json) => json.len(),
    }
}

fn length(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

impl From<tool_types::Output> for RawOutput {
    fn from(output: tool_types::Output) -> Self {
        Self { content: output.content.into_iter().map(Content::from).collect(), structured: output.structured }
    }
}

impl From<tool_types::Content> for Content {
    fn from(content: tool_types::Content) -> Self {
        use tool_types::Content as C;
        match content {
            C::Text(text) => Self::Text(text),
            C::Image(blob) => Self::Image(blob.into()),
            C::Audio(blob) => Self::Audio(blob.into()),
            C::Link(link) => {
                Self::Link { uri: link.uri, name: link.name, description: link.description, mime_type: link.mime_type }
            }
            C::Embedded(embedded) => Self::Embedded {
                uri: embedded.uri,
                mime_type: embedded.mime_type,
                contents: match embedded.contents {
                    tool_types::Contents::Text(text) => Contents::Text(text),
                    tool_types::Contents::Blob(bytes) => Contents::Blob(bytes),
                },
            },
            C::Other(json) => Self::Other(json),
        }
    }
}

impl From<tool_types::Blob> for Blob {
    fn from(blob: tool_types::Blob) -> Self {
        Self { data: blob.data, mime_type: blob.mime_type }
    }
}

/// The code of a tool's error whose own is not one.
pub(super) const UNNAMED: &str = "tool_error";

/// As the contract has it. A code stands in texts and logs as it is.
fn is_code(code: &str) -> bool {
    (1..=48).contains(&code.len()) && code.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl From<tool_types::ToolError> for ToolError {
    fn from(error: tool_types::ToolError) -> Self {
        Self {
            code: if is_code(&error.code) { error.code } else { UNNAMED.to_owned() },
            message: error.message,
            likely_causes: error.likely_causes,
            check_first: error.check_first,
            retryable: error.retryable,
        }
    }
}

impl From<tool_types::Tool> for ToolSpec {
    fn from(tool: tool_types::Tool) -> Self {
        Self {
            name: tool.name,
            title: tool.title,
            description: tool.description,
            input_schema: tool.input_schema,
            output_schema: tool.output_schema,
            read_only: tool.hints.read_only,
            destructive: tool.hints.destructive,
            idempotent: tool.hints.idempotent,
            open_world: tool.hints.open_world,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_an_answer_counts() {
        let text = || "x".repeat(1_000);
        let size = |content: Vec<Content>| RawOutput { content, structured: None }.size();
        let blob = || Blob { data: vec![0; 1_000], mime_type: text() };
        let (mime_type, uri) = (|| Some(text()), text);
        assert_eq!(size(vec![Content::Text(text())]), 1_000);
        assert_eq!(size(vec![Content::Image(blob())]), 2_000);
        assert_eq!(size(vec![Content::Audio(blob())]), 2_000);
        let link = Content::Link { uri: uri(), name: text(), description: Some(text()), mime_type: mime_type() };
        assert_eq!(size(vec![link]), 4_000);
        for contents in [Contents::Text(text()), Contents::Blob(vec![0; 1_000])] {
            assert_eq!(size(vec![Content::Embedded { uri: uri(), mime_type: mime_type(), contents }]), 3_000);
        }
        assert_eq!(size(vec![Content::Other(text())]), 1_000);
        assert_eq!(RawOutput { content: Vec::new(), structured: Some(text()) }.size(), 1_000);
        // A hundred thousand times nothing is something.
        assert!(size(vec![Content::Text(String::new()); 100_000]) > 4 << 20);
    }
}
