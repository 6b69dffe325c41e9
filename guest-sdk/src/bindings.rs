//! What the contract's WIT generates, and the two exports in its terms. Only [`plugin!`](crate::plugin) uses it.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::pedantic,
    clippy::result_large_err,
    clippy::allow_attributes_without_reason,
    reason = "most of this module is generated from wit/plugin.wit"
)]

wit_bindgen::generate!({
    world: "plugin",
    path: "wit",
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "toolcell_sdk::bindings",
    additional_derives: [PartialEq],
});

pub use exports::toolcell::plugin::tools::Guest;
pub use toolcell::plugin::tool_types::{Output, Tool, ToolError};

/// The export `list-tools`.
pub fn list_tools(tools: &[crate::Tool]) -> Vec<Tool> {
    tools.iter().map(crate::Tool::listed).collect()
}

/// The export `call-tool`.
pub fn call_tool(tools: &[crate::Tool], name: &str, arguments: &str) -> Result<Output, ToolError> {
    match crate::tool::call(tools, name, arguments) {
        Ok(output) => Ok(output.into()),
        Err(error) => Err(error.into()),
    }
}
