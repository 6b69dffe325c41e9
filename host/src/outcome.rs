//! What comes back from a call: an answer or a failure, and the receipt of what the call did.

use crate::{failure::Failure, receipt::Receipt};

/// The end of a call.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or why there is none.
    pub result: Result<Output, Failure>,
    /// What the call did, whatever came of it.
    pub receipt: Receipt,
}

/// The answer of a tool, as the contract's `output` carries it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// The parts that the tool wrote. May be empty when there is `structured`.
    pub content: Vec<Content>,
    /// Satisfies the tool's output schema where the tool has one.
    pub structured: Option<serde_json::Value>,
}

/// One part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// An image.
    Image(Blob),
    /// A sound.
    Audio(Blob),
    /// A resource that the client can fetch.
    Link {
        /// Where the resource is.
        uri: String,
        /// Its name.
        name: String,
        /// What it is.
        description: Option<String>,
        /// Its media type.
        mime_type: Option<String>,
    },
    /// A resource given in the answer itself.
    Embedded {
        /// Where the resource is.
        uri: String,
        /// Its media type.
        mime_type: Option<String>,
        /// What it holds.
        contents: Contents,
    },
    /// Any newer MCP content block, as the text of its JSON object.
    Other(String),
}

/// Bytes and what they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Blob {
    /// The bytes, not encoded.
    pub data: Vec<u8>,
    /// For example `image/png`.
    pub mime_type: String,
}

/// What an embedded resource holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Contents {
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}
