//! Questions of a call that carries a [`Replay`].

use crate::{
    replay::{DatabaseError, Replay},
    sandbox::bindings::toolcell::plugin::{postgres, tool_types},
};

/// The rows, or the error, that the replay has for this question.
pub(super) fn answer(replay: &Replay, query: &postgres::Query) -> Result<postgres::Rows, Box<DatabaseError>> {
    // What is no JSON equals no parameter of an answer.
    let parameters: Vec<_> =
        query.parameters.iter().map(|json| serde_json::from_str(json).unwrap_or_default()).collect();
    let rows = replay.query(&query.database, &query.sql, &parameters, query.max_rows as usize)?;
    let columns = rows.columns.into_iter().map(|(name, type_name)| postgres::Column { name, type_name });
    Ok(postgres::Rows {
        columns: columns.collect(),
        rows: rows.rows.iter().map(ToString::to_string).collect(),
        truncated: rows.truncated,
        extra: None,
    })
}

impl From<Box<DatabaseError>> for postgres::Error {
    fn from(error: Box<DatabaseError>) -> Self {
        let DatabaseError { code, message, likely_causes, check_first, retryable, refusal } = *error;
        let failure = tool_types::HostError { code, message, likely_causes, check_first, retryable, extra: None };
        Self { failure, refusal: refusal.map(postgres::Refusal::from) }
    }
}
