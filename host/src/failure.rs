//! Every way a call can fail. The model reads the text, programs read the code; both are API.
//!
//! What a failure says is in `wording`; a report puts that together with what the host saw.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    call::CallId,
    policy::Rate,
    receipt::{CacheFault, DatabaseFailure, Denial, Exchange, Server},
};

mod code;
mod credential;
pub mod database;
#[cfg(test)]
mod document;
mod files;
pub mod network;
mod report;
pub mod state;
mod wording;

pub use self::{
    code::Code,
    report::{Report, seen_beside},
    wording::Parts,
};

/// Why a call has no answer. Closed: whatever fits nowhere else is [`Failure::Unexpected`], and is a bug.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The arguments do not satisfy the tool's input schema; the plugin was not started.
    InvalidArguments {
        /// The first few mismatches.
        mismatches: Vec<Mismatch>,
    },
    /// A trap or exit right after the host refused something: the refusal is what to mend.
    Denied {
        /// What was refused last.
        denial: Denial,
    },
    /// A trap or exit right after a server did not answer.
    Unreachable {
        /// What failed last.
        exchange: Box<Exchange>,
    },
    /// A trap or exit right after a database did not answer.
    Database {
        /// What failed last.
        failure: Box<DatabaseFailure>,
    },
    /// A trap or exit after the cache gave no answer.
    CacheUnreachable {
        /// Why it gave none.
        fault: CacheFault,
    },
    /// A trap or exit while a granted variable is not set, neither on the host nor for the user.
    MissingVariable {
        /// The variables that are granted and not set.
        names: Vec<String>,
        /// Whose call it was, where that is not whoever started the program.
        user: Option<String>,
    },
    /// The plugin panicked or trapped.
    Trapped {
        /// The panic message, or the kind of trap.
        reason: String,
        /// `file:line` in the plugin's source, if the component carries it.
        source: Option<String>,
    },
    /// The plugin's call stack is exhausted.
    StackOverflow,
    /// The plugin wanted more memory than it may have.
    MemoryLimit {
        /// Bytes that it may have.
        limit: u64,
        /// Bytes that it wanted in all.
        wanted: u64,
    },
    /// The plugin wanted more of something else than a call may have: handles, tables, bytes passed to the host.
    ResourceLimit {
        /// What it wanted too much of.
        resource: &'static str,
    },
    /// The call did not end by its deadline.
    Deadline {
        /// The time that it had.
        limit: Duration,
        /// What it was waiting for, if the host knows.
        waiting_for: Option<WaitingFor>,
    },
    /// The answer is larger than an answer may be.
    ResultTooLarge {
        /// Bytes of the answer.
        size: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// The answer is not JSON where it has to be, or does not satisfy the tool's output schema.
    InvalidOutput {
        /// What is wrong with it.
        mismatches: Vec<Mismatch>,
    },
    /// The plugin ended its process instead of answering.
    Exited {
        /// Its exit status.
        status: i32,
    },
    /// The host carries as much as it can, or as much as it may for this plugin or this user.
    Busy {
        /// What is full.
        full: Full,
        /// When there may be room again.
        retry_after: Duration,
    },
    /// The call could not be recorded, and the operator lets none run unrecorded; the plugin was not started.
    NotRecorded,
    /// The client withdrew the request.
    Cancelled,
    /// The tool foresaw this failure and says so itself.
    Tool(ToolError),
    /// The tool was listed before and is not any more.
    ToolWithdrawn {
        /// The plugin that had it.
        plugin: String,
        /// Why it is not served, in a few words.
        reason: String,
        /// The command that a person runs.
        mend: Option<String>,
    },
    /// A bug of Toolcell's.
    Unexpected {
        /// What happened, for the report.
        what: String,
    },
}

/// What has no room for another call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The host as a whole; what of it, in words.
    Host(&'static str),
    /// The plugin: as many calls of it are under way as may be, whoever makes them.
    Plugin,
    /// The user: as many of their calls are under way as may be.
    Calls(u32),
    /// The user: they called as often as they may.
    Rate(Rate),
}

impl Full {
    /// Whose room it is, for programs: `host`, `plugin` or `user`.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Host(_) => "host",
            Self::Plugin => "plugin",
            Self::Calls(_) | Self::Rate(_) => "user",
        }
    }
}

/// What a call that missed its deadline was waiting for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitingFor {
    /// A server's answer to an HTTP request.
    Server(Server),
    /// A database's answer, by the database's name in toolcell.toml.
    Database(String),
}

/// One place where JSON does not satisfy its schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// JSON pointer to the value (RFC 6901); empty for the whole.
    pub pointer: String,
    /// What was expected and what came.
    pub problem: String,
}

/// A failure that the tool itself foresaw, as the contract's `tool-error` carries it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolError {
    /// Stable, for programs.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// What probably caused it.
    pub likely_causes: Vec<String>,
    /// The one thing to check first.
    pub check_first: Option<String>,
    /// Whether the same call can succeed later.
    pub retryable: bool,
}

impl Failure {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        let code = match self {
            Self::InvalidArguments { .. } => Code::InvalidArguments,
            Self::Denied { denial } => Code::of(denial),
            Self::Unreachable { exchange } if exchange.is_over_limit() => Code::UpstreamLimit,
            Self::Unreachable { .. } => Code::UpstreamUnreachable,
            Self::CacheUnreachable { .. } => Code::CacheUnreachable,
            Self::Database { failure } => failure.fault.code(),
            Self::MissingVariable { .. } => Code::MissingVariable,
            Self::Trapped { .. } => Code::Trap,
            Self::StackOverflow => Code::StackOverflow,
            Self::MemoryLimit { .. } => Code::MemoryLimit,
            Self::ResourceLimit { .. } => Code::ResourceLimit,
            Self::Deadline { .. } => Code::Deadline,
            Self::ResultTooLarge { .. } => Code::ResultTooLarge,
            Self::InvalidOutput { .. } => Code::InvalidOutput,
            Self::Exited { .. } => Code::Exited,
            Self::Busy { .. } => Code::Busy,
            Self::NotRecorded => Code::NotRecorded,
            Self::Cancelled => Code::Cancelled,
            Self::Tool(error) => return &error.code,
            Self::ToolWithdrawn { .. } => Code::ToolWithdrawn,
            Self::Unexpected { .. } => Code::Unexpected,
        };
        code.as_str()
    }
}

/// The failure of a call that ended in a panic of the host itself. Logged, so that the call's id leads to the panic's
/// message, which is above it in the log.
pub(crate) fn host_panic(call: CallId) -> Failure {
    tracing::error!(%call, "the host panicked; this is a bug in toolcell");
    Failure::Unexpected { what: format!("the host panicked during call {call}") }
}
