//! What one question to a database came to.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Unreachable, milliseconds};

/// One question of a guest to a database. It never holds the statement, its parameters or its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// The database by its name in toolcell.toml.
    pub database: String,
    /// Rows that the guest got.
    pub rows: u64,
    /// Bytes of these rows as JSON.
    pub bytes: u64,
    /// From the arrival of the call to its begin.
    #[serde(rename = "startMs", serialize_with = "milliseconds")]
    pub start: Duration,
    /// How long it took, or has taken when the call ended.
    #[serde(rename = "elapsedMs", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// How it ended.
    pub end: QueryEnd,
}

/// How a question to a database ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryEnd {
    /// With rows, or with none that match.
    Answered,
    /// It failed.
    #[serde(serialize_with = "code")]
    Failed(Box<DatabaseFailure>),
    /// It was waiting when the call ended, or when the guest gave it up.
    Pending,
}

impl Query {
    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&DatabaseFailure> {
        if let QueryEnd::Failed(failure) = &self.end { Some(failure) } else { None }
    }

    /// Whether the call waited for it to the end. A question has a little less time than its call, and so may have been
    /// given up a moment before the call was.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let fault = self.failure().map(|failure| &failure.fault);
        let given_up = |fault: &DatabaseFault| {
            matches!(fault, DatabaseFault::Timeout { .. } | DatabaseFault::Unreachable(Unreachable::Timeout { .. }))
        };
        self.end == QueryEnd::Pending || fault.is_some_and(given_up)
    }
}

/// Programs get the code; the rest is worded for people.
fn code<S: Serializer>(failure: &DatabaseFailure, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(failure.fault.code().as_str())
}

/// Why a database gave no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFailure {
    /// The database by its name in toolcell.toml.
    pub database: String,
    /// Where it is, as far as that is known.
    pub place: Option<DatabasePlace>,
    /// What went wrong.
    pub fault: DatabaseFault,
}

/// Where a database is: all of its URL that may be shown, and the variable that holds the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabasePlace {
    /// The server's name or address, without brackets.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The variable that holds the URL.
    pub variable: String,
}

/// What can go wrong with a question to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseFault {
    /// toolcell.toml does not list the database.
    NotListed,
    /// The variable that holds its URL is not set.
    UrlUnset {
        /// The variable.
        variable: String,
    },
    /// The variable does not hold a URL that can be used.
    UrlInvalid {
        /// The variable.
        variable: String,
        /// What is wrong with it, without any part of its value.
        problem: &'static str,
    },
    /// The file of certificate authorities cannot be used.
    CaFile {
        /// What is wrong with it, without its path.
        problem: &'static str,
    },
    /// The server cannot be reached, or the connection was lost.
    Unreachable(Unreachable),
    /// The server is starting up, shutting down or in recovery without accepting connections.
    NotReady,
    /// The server refused the log-in.
    Login(LoginFault),
    /// The role may do more than read.
    Unsafe {
        /// What it may do, or the predefined role that it is a member of.
        power: String,
    },
    /// All connections that the host keeps are in use.
    Busy {
        /// How many there are.
        connections: usize,
        /// How long one was waited for.
        waited: Duration,
    },
    /// The server has no connection left.
    ServerFull,
    /// The statement took longer than it had time.
    Timeout {
        /// The time that it had.
        limit: Duration,
        /// What the database said.
        refusal: Refusal,
    },
    /// The database refused the statement.
    Refused(Refusal),
    /// The statement returns no rows, so that it was not run.
    NoRows,
    /// The question cannot be put as it is. `reason` is a clause.
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a log-in was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFault {
    /// Wrong password, or a user that does not exist.
    Password,
    /// The server wants a password and the URL has none.
    NoPassword,
    /// The server does not let this user in from here, or not at all.
    NotPermitted,
    /// The database that the URL names does not exist.
    NoDatabase,
    /// The role may not connect to that database.
    NoPrivilege,
    /// The server wants a way of authentication that the host does not have.
    Method,
}

/// What a database said when it refused a statement. Bounded, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Five characters (PostgreSQL's appendix A).
    pub sqlstate: String,
    /// What is wrong.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What may mend it.
    pub hint: Option<String>,
    /// Where in the statement, in characters, from 1.
    pub position: Option<u32>,
}
