//! The Rust template of `toolcell new` compiles, and its own tests pass. Its placeholders stand in strings only.

#[expect(clippy::needless_pass_by_value, reason = "a tool is given its arguments; a first plugin keeps to that")]
#[path = "../templates/rust/src/lib.rs"]
mod template;
