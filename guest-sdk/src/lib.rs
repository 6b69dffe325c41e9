//! Write tools for Toolcell in Rust.
//!
//! A tool is a function from typed arguments to a typed result. Both types derive [`schemars::JsonSchema`]; their doc
//! comments become the descriptions that a model reads. [`plugin!`] exports the tools.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use toolcell_sdk::{Tool, ToolError};
//!
//! toolcell_sdk::plugin!(tools);
//!
//! fn tools() -> Vec<Tool> {
//!     vec![Tool::new("count_lines", count_lines).title("Count lines").read_only()]
//! }
//!
//! /// Counts the lines of a text. Reads nothing but its arguments and never fails.
//! #[derive(Deserialize, JsonSchema)]
//! struct CountLines {
//!     /// The text to count in.
//!     text: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct LineCount {
//!     /// How many lines the text has. A last line without a line break counts.
//!     lines: usize,
//! }
//!
//! fn count_lines(input: CountLines) -> Result<LineCount, ToolError> {
//!     Ok(LineCount { lines: input.text.lines().count() })
//! }
//! # fn main() {}
//! ```
//!
//! The derive macros name the crates `serde` and `schemars`, so an author's `Cargo.toml` lists both beside this one:
//! that is shorter than a `crate = "..."` attribute on every type. `serde` 1 and `schemars` 1 are expected.
//!
//! Beside the result a tool has [`http`], [`postgres`], [`cache`], [`log`], [`progress`] and [`mod@env`]. On any target but WebAssembly the
//! functions of those modules talk to stand-ins, so that plain `cargo test` tests a plugin; see [`testing`].
//!
//! # Invariants
//!
//! - A call builds no schema, draws no random number and reads no environment unless the tool does.
//! - Nothing is kept from one call to the next but what the tool puts into the [`cache`]: the host drops the whole instance.

#[doc(hidden)]
pub mod bindings;
pub mod cache;
pub mod env;
mod error;
mod host;
pub mod http;
pub mod log;
mod output;
pub mod postgres;
pub mod progress;
mod schema;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod tool;

pub use error::ToolError;
pub use output::{Answer, Blob, Content, Contents, Embedded, Link, Output, Text};
pub use tool::{NoArguments, Tool};
pub use {schemars, serde, serde_json};

/// Exports the tools of this crate to the host.
///
/// Takes the path of a function without arguments that returns the tools, `Vec<Tool>` or `[Tool; N]`. It runs at every
/// call, so it only builds the tools. Use it once, in the crate that becomes the component. On other targets it exports
/// nothing.
#[macro_export]
macro_rules! plugin {
    ($tools:path) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exports are generated, and their names are the contract's")]
        const _: () = {
            struct Plugin;

            impl $crate::bindings::Guest for Plugin {
                fn list_tools() -> ::std::vec::Vec<$crate::bindings::Tool> {
                    $crate::bindings::list_tools($tools().as_ref())
                }

                fn call_tool(
                    name: ::std::string::String,
                    arguments: ::std::string::String,
                ) -> ::std::result::Result<$crate::bindings::Output, $crate::bindings::ToolError> {
                    $crate::bindings::call_tool($tools().as_ref(), &name, &arguments)
                }
            }

    $crate::bindings::export!(Plugin with_types_in $crate::bindings);
        };

        // Elsewhere the tools are type-checked and count as used.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            let tools = $tools();
            let _: &[$crate::Tool] = tools.as_ref();
        };
    };
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
