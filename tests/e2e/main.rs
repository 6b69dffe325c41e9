//! End-to-end tests: the real binary, real components, and MCP over its stdin and stdout.

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
