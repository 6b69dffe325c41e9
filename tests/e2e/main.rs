//! End-to-end tests: the real binary, real components, and MCP over its stdin and stdout.

mod failure;
mod isolation;
mod permission;
mod protocol;
mod server;
