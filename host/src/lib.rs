//! Toolcell: a native MCP host whose tools are WebAssembly components, each call in an instance of its own.

pub mod call;
pub mod cli;
pub mod config;
pub mod env_file;
pub mod failure;
pub mod host;
pub mod mcp;
pub mod outcome;
pub mod plugin;
pub mod policy;
pub mod sandbox;
pub mod source;
pub mod text;
mod write_file;
