//! A failure that the tool itself foresaw.

use std::fmt;

use crate::bindings;

/// Why a tool could not do what it was asked, for the model that asked.
///
/// A good error says what went wrong, what probably caused it and the one thing to check first:
///
/// ```
/// # use toolcell_sdk::ToolError;
/// let error = ToolError::new("story_not_found", "there is no story 42")
///     .cause("the id belongs to a comment")
///     .check_first("Call search_hn and take the id from its result.");
/// assert!(!error.retryable);
/// ```
///
/// `?` makes one from a [`serde_json::Error`]; the functions of [`http`](crate::http), [`cache`](crate::cache) and
/// [`env`](mod@crate::env) return one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    /// Stable, for programs: 1 to 48 of `a-z 0-9 _`.
    pub code: String,
    /// What went wrong, in one sentence.
    pub message: String,
    /// What probably caused it, the likeliest first.
    pub likely_causes: Vec<String>,
    /// The one thing to check or try first.
    pub check_first: Option<String>,
    /// Whether the same call can succeed later.
    pub retryable: bool,
}

impl ToolError {
    /// An error that is not worth a retry and names no cause yet.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), likely_causes: vec![], check_first: None, retryable: false }
    }

    /// Adds a likely cause. The likeliest comes first.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.likely_causes.push(cause.into());
        self
    }

    /// Says what to check or try first.
    #[must_use]
    pub fn check_first(mut self, advice: impl Into<String>) -> Self {
        self.check_first = Some(advice.into());
        self
    }

    /// Says that the same call can succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ToolError {}

/// For JSON that a tool reads or writes itself. The message has line and column.
impl From<serde_json::Error> for ToolError {
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        let what = match error.classify() {
            Category::Syntax => "the text is not JSON",
            Category::Eof => "the JSON ends too early",
            Category::Data => "the JSON is not what was expected",
            Category::Io => "the JSON could not be read or written",
        };
        Self::new("invalid_json", format!("{what}: {error}"))
    }
}

impl From<ToolError> for bindings::ToolError {
    fn from(error: ToolError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            likely_causes: error.likely_causes,
            check_first: error.check_first,
            retryable: error.retryable,
            extra: None,
        }
    }
}

impl From<bindings::toolcell::plugin::tool_types::HostError> for ToolError {
    fn from(error: bindings::toolcell::plugin::tool_types::HostError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            likely_causes: error.likely_causes,
            check_first: Some(error.check_first),
            retryable: error.retryable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builder_fills_every_field_that_crosses_to_the_host() {
        let error = ToolError::new("busy", "the queue is full")
            .cause("rush hour")
            .cause("a bug")
            .check_first("Wait.")
            .retryable();
        let crossed = bindings::ToolError::from(error);
        assert_eq!(crossed.code, "busy");
        assert_eq!(crossed.message, "the queue is full");
        assert_eq!(crossed.likely_causes, ["rush hour", "a bug"]);
        assert_eq!(crossed.check_first.as_deref(), Some("Wait."));
        assert!(crossed.retryable);
    }

    #[test]
    fn json_errors_say_what_is_wrong_and_where() {
        fn parse(text: &str) -> Result<u8, ToolError> {
            Ok(serde_json::from_str(text)?)
        }
        assert_eq!(parse("x").unwrap_err().message, "the text is not JSON: expected value at line 1 column 1");
        assert!(parse("").unwrap_err().message.starts_with("the JSON ends too early: "));
        assert!(parse("300").unwrap_err().message.starts_with("the JSON is not what was expected: "));
        assert_eq!(parse("x").unwrap_err().code, "invalid_json");
    }

    #[test]
    fn an_error_of_the_host_keeps_its_advice() {
        let denied = bindings::toolcell::plugin::tool_types::HostError {
            code: "denied_network".into(),
            message: "https://example.com:443 is not granted".into(),
            likely_causes: vec!["the manifest does not ask for it".into()],
            check_first: "Ask the operator.".into(),
            retryable: false,
            extra: None,
        };
        let error = ToolError::from(denied);
        assert_eq!(error.code, "denied_network");
        assert_eq!(error.likely_causes, ["the manifest does not ask for it"]);
        assert_eq!(error.check_first.as_deref(), Some("Ask the operator."));
    }
}
