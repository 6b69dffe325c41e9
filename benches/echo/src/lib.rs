//! A small plugin made with the SDK, as the benchmarks call it in a sandbox, and as a library, natively.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolcell_sdk::{Text, Tool, ToolError};

toolcell_sdk::plugin!(tools);

/// The tools of this plugin.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new("echo", echo).read_only(),
        Tool::new("echo_text", echo_text).read_only(),
        Tool::new("panics", panics).read_only(),
    ]
}

/// Returns its arguments. Reads nothing else and never fails.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Echo {
    /// Any text.
    pub message: String,
    /// Any number.
    pub count: u32,
}

/// # Errors
///
/// None: every tool returns a `Result`.
pub fn echo(input: Echo) -> Result<Echo, ToolError> {
    Ok(input)
}

/// The same work in the guest, but the answer is a text without a schema, so that the host does nothing with it.
#[expect(clippy::needless_pass_by_value, reason = "a tool is given its arguments")]
fn echo_text(input: Echo) -> Result<Text, ToolError> {
    serde_json::to_string(&input).map(Text).map_err(|error| ToolError::new("unwritable", error.to_string()))
}

/// Panics with the message.
#[derive(Deserialize, JsonSchema)]
struct Panics {
    /// What the panic says.
    message: String,
}

fn panics(Panics { message }: Panics) -> Result<Text, ToolError> {
    panic!("{message}");
}
