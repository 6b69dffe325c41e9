//! End-to-end tests: the real binary, real components, and MCP over its stdin and stdout.
#![expect(clippy::print_stderr, reason = "what is measured, and what a failing test was told, is for people")]

mod client;
mod clients;
mod coverage;
mod failure;
mod folder;
mod http;
mod input;
mod isolation;
mod load;
mod log;
#[path = "../support/peers.rs"]
mod peers;
mod permission;
mod protocol;
mod reload;
mod shipped;
mod upstream;
