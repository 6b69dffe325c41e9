//! What a plugin's unit tests need: a stand-in for each thing that the host gives.
//!
//! Everything here is kept per thread, so tests run side by side. It exists on native targets only.
//!
//! ```
//! use serde_json::json;
//! use toolcell_sdk::{http, testing};
//!
//! let _http = testing::http().answer("GET", "https://example.com/?q=a", 200, json!({"hits": []})).install();
//! let response = http::get("https://example.com/").query("q", "a").send().unwrap();
//! assert_eq!(response.status, 200);
//! ```

pub(crate) mod cache;
mod example;
pub(crate) mod host;
mod http;
mod postgres;

use serde_json::Value;

use crate::log::Level;
use crate::{Output, Tool, ToolError, bindings};

pub use cache::{FakeCache, InstalledCache, advance, cache};
pub use example::examples;
pub use http::{FakeHttp, InstalledHttp, http};
pub use postgres::{FakePostgres, InstalledPostgres, postgres};

/// Calls the tool named `name` as the host does, with JSON in and out.
///
/// # Errors
///
/// Those of the tool, and `unknown_tool` and `invalid_arguments` as the plugin itself answers them. The host checks the
/// arguments against the schema before that; this function does not.
#[expect(clippy::needless_pass_by_value, reason = "tests pass json!({...})")]
pub fn call(tools: &[Tool], name: &str, arguments: Value) -> Result<Output, ToolError> {
    crate::tool::call(tools, name, &arguments.to_string())
}

/// What the host is told about the tools when it loads the plugin.
///
/// # Panics
///
/// As the plugin would then: when a tool has no description or a schema that clients refuse.
#[must_use]
pub fn list(tools: &[Tool]) -> Vec<bindings::Tool> {
    bindings::list_tools(tools)
}

/// Sets the environment variable `name` for [`env::var`](crate::env::var) until the guard is dropped.
pub fn env(name: &str, value: &str) -> SetVariable {
    host::set_variable(name, Some(value));
    SetVariable { name: name.to_owned() }
}

/// Unsets the variable that [`env()`] set when it is dropped.
#[must_use = "the variable is unset when this is dropped"]
#[derive(Debug)]
pub struct SetVariable {
    name: String,
}

impl Drop for SetVariable {
    fn drop(&mut self) {
        host::set_variable(&self.name, None);
    }
}

/// Takes the lines that this thread has logged so far.
#[must_use]
pub fn take_logs() -> Vec<(Level, String)> {
    host::take_logs()
}

/// Takes what this thread has reported as progress so far.
#[must_use]
pub fn take_progress() -> Vec<Progress> {
    host::take_progress()
}

/// One report of progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How many units are done.
    pub done: f64,
    /// Of how many, where the tool knows.
    pub total: Option<f64>,
    /// What goes on.
    pub message: Option<String>,
}
