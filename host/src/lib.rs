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
//! | [`call`], [`user`], [`outcome`], [`receipt`], [`failure`] | what goes in, what comes out, what it did, and every way to fail |
//! | [`users`] | from a name to the user, with what they may do |
//! | [`observe`], [`audit`] | what those are told who watch calls, and the log of who called what |
//! | [`trace_context`] | where a call stands in a distributed trace |
//! | [`policy`] | pure decisions: rules, addresses, limits, grants; no wasmtime, no MCP, no file |
//! | [`plugin`] | manifest, lock file, loading, registry, schemas, hot reload |
//! | [`sandbox`] | the only place that names wasmtime: engine, limits, imports, outgoing HTTP, databases, caches, files, compiled code |
//! | [`telemetry`] | those who watch calls for an operator: metrics and traces |
//! | [`auth`] | who calls over HTTP: tokens, OAuth, a trusted gateway |
//! | [`mcp`] | the only place that names rmcp: both protocol eras over stdio and HTTP |
//! | [`console`] | the status page: calls as they run, failures in full, tools to try |
//! | [`replay`], [`trial`], [`smoke`], [`testing`], [`checklist`] | a plugin run on its examples' answers alone: for its author |
//! | `build` | from source to component, one file for each language |
//! | [`wit_package`] | the doc comments that a component carries, put in and read |
//! | [`cli`] | one file for each command; the only place that prints |
//!
//! Imports run one way: cli, mcp, auth, host, plugin, sandbox, policy; `call`, `user`, `trace_context`, `replay`, `receipt`,
//! `outcome`, `failure` and `wit_package` may be used by all. `telemetry`, `audit` and what tries a plugin out or builds it sit
//! beside mcp.
//!
//! # Invariants
//!
//! - Nothing that a guest wrote in one call can be read by another, save in a cache of its own plugin for the same user, or in a
//!   folder, where that was granted.
//! - What a user may not call does not exist for them: it is neither listed nor told from a name that nothing has.
//! - No byte of a guest reaches the host's stdout: it carries MCP alone.
//! - No capability without an entry in the lock file; every doubt closes, none opens. Only a call that a [`replay`] answers, and
//!   that therefore reaches nothing, needs no entry.
//! - A call ends by its deadline, in a loop as well as waiting; cancelling and disconnecting end it too.
//! - Over HTTP nobody calls who has not proved who they are, save from the same machine before there is a first token; what proves
//!   it goes no further than [`auth`].
//! - A result that is not an error satisfies the tool's output schema.

pub mod audit;
pub mod auth;
mod build;
pub mod call;
pub mod checklist;
pub mod cli;
pub mod config;
pub mod console;
pub mod env_file;
pub mod failure;
pub mod host;
pub mod mcp;
mod nearest;
pub mod observe;
pub mod outcome;
pub mod plugin;
pub mod policy;
pub mod receipt;
mod redact;
pub mod replay;
pub mod sandbox;
pub mod smoke;
pub mod source;
pub mod telemetry;
pub mod testing;
pub mod text;
pub mod trace_context;
pub mod trial;
pub mod user;
pub mod users;
pub mod wit_package;
mod write_file;
