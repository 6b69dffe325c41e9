//! End-to-end tests: the real binary, real components, and MCP over its stdin and stdout.

mod clients;
mod commands;
mod failure;
mod isolation;
#[path = "../support/peers.rs"]
mod peers;
mod permission;
mod protocol;
mod server;
