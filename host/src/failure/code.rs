//! The stable codes of failures.

use crate::receipt::Denial;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)*) => {
        /// The code of a failure that the host finds. A failure that a tool foresaw has a code of the tool's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Code {
            /// All of them, each once.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as programs read it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What it means, for docs/errors.md.
            #[cfg(test)]
            pub(super) const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+),)*
                }
            }
        }
    };
}

codes! {
    /// The arguments do not satisfy the tool's input schema.
    InvalidArguments = "invalid_arguments",
    /// A request, socket or name look-up was refused.
    DeniedNetwork = "denied_network",
    /// Keeping something from one call to the next was refused.
    DeniedCache = "denied_cache",
    /// The server that keeps things from one call to the next gave no answer.
    CacheUnreachable = "cache_unreachable",
    /// A database was refused.
    DeniedDatabase = "denied_database",
    /// A path was refused.
    DeniedFiles = "denied_files",
    /// A server gave no answer.
    UpstreamUnreachable = "upstream_unreachable",
    /// A call exchanged more with servers than it may, or a server answered too slowly.
    UpstreamLimit = "upstream_limit",
    /// toolcell.toml does not say where a granted database is, or says it in a way that cannot be used.
    DatabaseNotConfigured = "database_not_configured",
    /// A database's server gave no answer.
    DatabaseUnreachable = "database_unreachable",
    /// A database's server refused the log-in.
    DatabaseLogin = "database_login",
    /// The role for a database can do more than read.
    DatabaseUnsafe = "database_unsafe",
    /// No connection to a database was free.
    DatabaseBusy = "database_busy",
    /// A statement took longer than it had time.
    DatabaseTimeout = "database_timeout",
    /// A database refused a statement.
    DatabaseRefused = "database_refused",
    /// A plugin put a question to a database that cannot be put.
    InvalidQuery = "invalid_query",
    /// A variable that was granted, or that a credential is made of, is not set or cannot be used.
    MissingVariable = "missing_variable",
    /// The plugin panicked or trapped.
    Trap = "trap",
    /// The plugin's call stack is exhausted.
    StackOverflow = "stack_overflow",
    /// The plugin wanted more memory than it may have.
    MemoryLimit = "memory_limit",
    /// The plugin wanted more of something else than a call may have.
    ResourceLimit = "resource_limit",
    /// The call did not end in time.
    Deadline = "deadline",
    /// The answer is larger than an answer may be.
    ResultTooLarge = "result_too_large",
    /// The answer is not as the tool's output schema says.
    InvalidOutput = "invalid_output",
    /// The plugin ended its process.
    Exited = "exited",
    /// The host carries as much as it can, or as much as it may for this plugin or this user.
    Busy = "busy",
    /// The call could not be recorded, and the operator lets none run unrecorded.
    NotRecorded = "not_recorded",
    /// The client withdrew the request.
    Cancelled = "cancelled",
    /// The tool is not served any more.
    ToolWithdrawn = "tool_withdrawn",
    /// A bug of Toolcell's.
    Unexpected = "unexpected",
}

impl Code {
    /// The code of a refusal.
    #[must_use]
    pub fn of(denial: &Denial) -> Self {
        match denial {
            Denial::Cache { .. } => Self::DeniedCache,
            Denial::Database { .. } => Self::DeniedDatabase,
            Denial::File(_) => Self::DeniedFiles,
            Denial::Credential(_) => Self::MissingVariable,
            Denial::NotAsked(_)
            | Denial::NotGranted { .. }
            | Denial::SpecialAddress { .. }
            | Denial::Socket
            | Denial::NameLookup(_) => Self::DeniedNetwork,
        }
    }
}
