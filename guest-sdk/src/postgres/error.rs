use std::fmt;

use crate::ToolError;
use crate::bindings::toolcell::plugin::postgres as contract;

/// Why a statement has no rows.
///
/// `?` makes a [`ToolError`] of it: the host's own words on what happened and what to check first. A tool that can say more
/// looks at [`refusal`](Self::refusal) before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What went wrong, as the host tells it.
    pub failure: ToolError,
    /// What the database said, where the statement reached it and it refused.
    pub refusal: Option<Box<Refusal>>,
}

/// What the database itself said when it refused a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Five characters (PostgreSQL's appendix A), for example `42703` for a column that does not exist.
    pub sqlstate: String,
    /// What is wrong, perhaps in the database's own language.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What the database suggests.
    pub hint: Option<String>,
    /// Where in the statement, in characters, from 1.
    pub position: Option<u32>,
}

impl Error {
    /// The five characters of what the database said, if it said something.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        self.refusal.as_ref().map(|refusal| refusal.sqlstate.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl std::error::Error for Error {}

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        error.failure
    }
}

impl From<contract::Error> for Error {
    fn from(contract::Error { failure, refusal }: contract::Error) -> Self {
        Self { failure: failure.into(), refusal: refusal.map(|refusal| Box::new(refusal.into())) }
    }
}

impl From<contract::Refusal> for Refusal {
    fn from(refusal: contract::Refusal) -> Self {
        let contract::Refusal { sqlstate, message, detail, hint, position, extra: _ } = refusal;
        Self { sqlstate, message, detail, hint, position }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::toolcell::plugin::tool_types::HostError;

    #[test]
    fn what_the_database_said_is_kept_beside_the_hosts_words() {
        let crossed = contract::Error {
            failure: HostError {
                code: "database_refused".into(),
                message: "replica refused the statement".into(),
                likely_causes: vec!["a column is misspelt".into()],
                check_first: "Read the names of the columns.".into(),
                retryable: false,
                extra: None,
            },
            refusal: Some(contract::Refusal {
                sqlstate: "42703".into(),
                message: "column \"emial\" does not exist".into(),
                detail: None,
                hint: Some("Perhaps you meant \"email\".".into()),
                position: Some(8),
                extra: None,
            }),
        };
        let error = Error::from(crossed);
        assert_eq!((error.sqlstate(), error.to_string().as_str()), (Some("42703"), "replica refused the statement"));
        let refusal = error.refusal.clone().unwrap();
        assert_eq!((refusal.position, refusal.hint.as_deref()), (Some(8), Some("Perhaps you meant \"email\".")));
        let tool_error = ToolError::from(error);
        assert_eq!(tool_error.code, "database_refused");
        assert_eq!(tool_error.check_first.as_deref(), Some("Read the names of the columns."));
    }
}
