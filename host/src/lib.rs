//! Toolcell: a native MCP host whose tools are WebAssembly components, each call in an instance of its own.
//!
//! # A request
//!
//! [`host::Host::call`] shows all of it: the registry finds the [`plugin::Tool`], the tool's input schema turns JSON into
//! [`plugin::Arguments`], the sandbox runs them in a fresh store and instance, the output schema is held against the answer,
//! and an [`outcome::Outcome`] comes back with the receipt of what the call did.
//!
//! # Code map, in reading order
//!
//! | module | what it is |
//! |---|---|
//! | [`host`] | a request on one screen |
//! | [`call`], [`outcome`], [`receipt`], [`failure`] | what goes in, what comes out, what it did, and every way to fail |
//! | [`policy`] | pure decisions: rules, addresses, limits, grants; no wasmtime, no MCP, no file |
//! | [`plugin`] | manifest, lock file, loading, registry, schemas, hot reload |
//! | [`sandbox`] | the only place that names wasmtime: engine, limits, imports, outgoing HTTP, databases, caches, files, compiled code |
//! | [`mcp`] | the only place that names rmcp: both protocol eras over stdio |
//! | [`replay`], [`trial`], [`smoke`], [`testing`], [`checklist`] | a plugin run on its examples' answers alone: for its author |
//! | `build` | from source to component, one file for each language |
//! | [`wit_package`] | the doc comments that a component carries, put in and read |
//! | [`cli`] | one file for each command; the only place that prints |
//!
//! Imports run one way: cli, mcp, host, plugin, sandbox, policy; `call`, `replay`, `receipt`, `outcome`, `failure` and
//! `wit_package` may be used by all. What tries a plugin out or builds it sits beside mcp.
//!
//! # Invariants
//!
//! - Nothing that a guest wrote in one call can be read by another, save in a cache of its own plugin or a folder, where that was
//!   granted.
//! - No byte of a guest reaches the host's stdout: it carries MCP alone.
//! - No capability without an entry in the lock file; every doubt closes, none opens. Only a call that a [`replay`] answers, and
//!   that therefore reaches nothing, needs no entry.
//! - A call ends by its deadline, in a loop as well as waiting; cancelling and disconnecting end it too.
//! - A result that is not an error satisfies the tool's output schema.

mod build;
pub mod call;
pub mod checklist;
pub mod cli;
pub mod config;
pub mod env_file;
pub mod failure;
pub mod host;
pub mod mcp;
mod nearest;
pub mod outcome;
pub mod plugin;
pub mod policy;
pub mod receipt;
pub mod replay;
pub mod sandbox;
pub mod smoke;
pub mod source;
pub mod testing;
pub mod text;
pub mod trial;
pub mod wit_package;
mod write_file;
