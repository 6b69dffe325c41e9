//! Inputs made up at random, and what has to hold for each of them.
//!
//! Each module has one function `run`, which panics when it does not. libFuzzer calls them for hours (`libfuzzer/`);
//! `cargo test` calls them with the inputs in `corpus/` and for a few seconds with changes of those.

pub mod cache;
pub mod component;
pub mod jsonrpc;
pub mod lock;
pub mod manifest;
pub mod network;
pub mod schema;
mod text;

/// What has to hold for one input.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 7] = [
    ("cache", cache::run),
    ("component", component::run),
    ("jsonrpc", jsonrpc::run),
    ("lock", lock::run),
    ("manifest", manifest::run),
    ("network", network::run),
    ("schema", schema::run),
];
