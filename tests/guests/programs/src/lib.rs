//! What the guest programs share: the bindings of the contract, and a macro that makes a function a plugin with one
//! tool.
//!
//! The programs use the bindings themselves and not the SDK, so that they can do what the SDK would not let them do.
#![allow(
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "what the programs share is short, and read by nobody else"
)]

pub mod story;

/// What `wit-bindgen` makes of `wit/plugin.wit`.
#[expect(missing_docs, reason = "generated; wit/plugin.wit documents the contract")]
#[allow(unreachable_pub, unsafe_code, clippy::pedantic, clippy::allow_attributes_without_reason, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "plugin",
        pub_export_macro: true,
        default_bindings_module: "toolcell_test_programs::bindings",
    });
}

pub use bindings::exports::toolcell::plugin::tools::{Guest, Output, Tool, ToolError};
pub use bindings::toolcell::plugin::{cache, http, log, postgres, progress, tool_types::Hints};
pub use serde_json::{Value, json};

use bindings::toolcell::plugin::tool_types::Content;

/// What a tool answers. The error is boxed because it is large.
pub type Answer = Result<Output, Box<ToolError>>;

/// Makes this program a plugin with one tool: what it looks like (a [`Tool`]), and the function that answers a call
/// (`fn(&Value) -> Answer`).
///
/// The exports have names that linkers of other targets refuse, so there are none on those: there a program is only
/// type-checked.
#[macro_export]
macro_rules! plugin {
    ($tool:expr, $call:path) => {
        /// The plugin.
        pub struct Program;

        impl $crate::Guest for Program {
            fn list_tools() -> Vec<$crate::Tool> {
                vec![$tool]
            }

            fn call_tool(_name: String, arguments: String) -> Result<$crate::Output, $crate::ToolError> {
                $call(&$crate::parse(&arguments)).map_err(|error| *error)
            }
        }

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "the exports are generated, and their names are the contract's")]
        const _: () = {
            $crate::bindings::export!(Program);
        };
    };
}

/// A tool that takes any object and promises nothing about its result.
pub fn tool(name: &str, description: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        title: None,
        description: description.to_owned(),
        input_schema: json!({ "type": "object" }).to_string(),
        output_schema: None,
        hints: Hints { read_only: None, destructive: None, idempotent: None, open_world: None },
        extra: None,
    }
}

/// An answer of one text.
pub fn text(text: impl ToString) -> Answer {
    Ok(Output { content: vec![Content::Text(text.to_string())], structured: None, extra: None })
}

/// An answer of structured content alone. The host gets the text as it is, valid JSON or not.
pub fn structured(json: impl ToString) -> Answer {
    Ok(Output { content: Vec::new(), structured: Some(json.to_string()), extra: None })
}

/// A failure that the tool foresaw, with nothing but a code and a message.
pub fn failed(code: &str, message: impl ToString) -> Answer {
    Err(Box::new(ToolError {
        code: code.to_owned(),
        message: message.to_string(),
        likely_causes: Vec::new(),
        check_first: None,
        retryable: false,
        extra: None,
    }))
}

/// The arguments of a call.
///
/// # Panics
///
/// When the host passes text that is not JSON, which it never does.
pub fn parse(arguments: &str) -> Value {
    serde_json::from_str(arguments).expect("the host passes JSON")
}
