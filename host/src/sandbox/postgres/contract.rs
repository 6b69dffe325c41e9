//! The contract's `postgres` on top of the pools.

use super::{query::Question, replay};
use crate::{
    failure::{Code, network},
    receipt::{DatabaseFailure, Refusal},
    sandbox::{bindings::toolcell::plugin::postgres, convert::host_error, state::CallState},
};

impl postgres::Host for CallState {
    async fn run(&mut self, query: postgres::Query) -> Result<postgres::Rows, postgres::Error> {
        let database = self.questions.permitted(&query.database).map_err(|denial| {
            let error = host_error(Code::of(&denial).as_str(), network::denied(&denial));
            self.egress.deny(denial);
            postgres::Error { failure: error, refusal: None }
        })?;
        if let Some(replay) = &self.replay {
            return Ok(replay::answer(replay, &query)?);
        }
        let question = Question {
            sql: query.sql,
            parameters: query.parameters,
            max_rows: query.max_rows,
            max_bytes: self.questions.max_bytes(),
        };
        let answer = self.questions.ask(&database, question).await?;
        let columns = answer.columns.into_iter().map(|(name, type_name)| postgres::Column { name, type_name });
        Ok(postgres::Rows {
            columns: columns.collect(),
            rows: answer.rows,
            truncated: answer.is_truncated,
            extra: None,
        })
    }
}

impl From<DatabaseFailure> for postgres::Error {
    fn from(failure: DatabaseFailure) -> Self {
        let refusal = failure.fault.refusal().cloned().map(postgres::Refusal::from);
        Self { failure: host_error(failure.fault.code().as_str(), failure.parts()), refusal }
    }
}

impl From<Refusal> for postgres::Refusal {
    fn from(refusal: Refusal) -> Self {
        let Refusal { sqlstate, message, detail, hint, position } = refusal;
        Self { sqlstate, message, detail, hint, position, extra: None }
    }
}
