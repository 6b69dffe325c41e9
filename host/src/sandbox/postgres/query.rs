//! One question: a read-only transaction of one statement, its rows as JSON, and what is done after the answer.

use futures_util::{TryStreamExt, future::join};
use tokio::time::Instant;
use tokio_postgres::{
    Column, Row, Statement, Transaction,
    types::{FromSql, Kind, Type},
};

use super::{
    decode::{self, is_known},
    error,
    parameter::Parameter,
    pool::{Pool, Pooled},
};
use crate::{
    policy::units::bytes_text,
    receipt::{DatabaseFault, Unreachable},
};

/// Bytes that a server may send for each byte of JSON that becomes of it, at worst: a small integer takes 8 of the first
/// and 2 of the second.
const WIRE_BYTES: u64 = 4;
/// Bytes that a server may send beside the rows.
const BESIDE_ROWS: u64 = 1 << 20;

/// What a plugin asks.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) sql: String,
    /// A JSON value for each parameter.
    pub(super) parameters: Vec<String>,
    pub(super) max_rows: u32,
    /// Bytes of JSON that the rows may have together.
    pub(super) max_bytes: u64,
}

/// What the database answers.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Names and types.
    pub(super) columns: Vec<(String, String)>,
    /// Each row as a JSON array.
    pub(super) rows: Vec<String>,
    /// Bytes of all rows.
    pub(super) bytes: u64,
    /// Whether there are more rows than were asked for, or than there is room for.
    pub(super) is_truncated: bool,
}

/// Why an attempt has no answer.
enum Ended {
    /// The connection was dead before the statement got to it.
    Lost,
    Failed(DatabaseFault),
}

impl From<DatabaseFault> for Ended {
    fn from(fault: DatabaseFault) -> Self {
        Self::Failed(fault)
    }
}

impl Question {
    /// Puts the question, again where the connection was found dead.
    pub(super) async fn put(&self, pool: &Pool, until: Instant) -> Result<Answer, DatabaseFault> {
        match self.attempt(pool, until).await {
            Ok(answer) => Ok(answer),
            Err(Ended::Failed(fault)) => Err(fault),
            Err(Ended::Lost) => {
                pool.forget_idle();
                self.attempt(pool, until).await.map_err(|ended| match ended {
                    Ended::Failed(fault) => fault,
                    Ended::Lost => DatabaseFault::Unreachable(Unreachable::Cut),
                })
            }
        }
    }

    async fn attempt(&self, pool: &Pool, until: Instant) -> Result<Answer, Ended> {
        let (connection, is_used) = pool.get(until).await?;
        let mut session = Session { connection: Some(connection), is_over: false };
        let answer = self.ask(&mut session, until).await;
        match answer {
            Err(Ended::Lost) if !is_used => Err(DatabaseFault::Unreachable(Unreachable::Cut).into()),
            answer => answer,
        }
    }

    async fn ask(&self, session: &mut Session, until: Instant) -> Result<Answer, Ended> {
        let connection = session.connection.as_mut().expect("the session has its connection until it is dropped");
        let meter = connection.meter.clone();
        meter.allow(self.max_bytes.saturating_mul(WIRE_BYTES).saturating_add(BESIDE_ROWS));
        let transaction = connection.client.build_transaction().read_only(true).start().await;
        let transaction = match transaction {
            Ok(transaction) => transaction,
            Err(error) if error::is_dead(&error) => return Err(Ended::Lost),
            Err(error) => return Err(error::of_login(&error).into()),
        };
        let mut answer = Answer::default();
        let end = self.rows(&transaction, until, &mut answer).await;
        drop(transaction);
        let is_full = meter.is_over();
        match end {
            // All rows came, or as many as were asked for: the session can go on.
            Ok(is_done) => session.is_over = is_done,
            Err(DatabaseFault::Unreachable(_)) if is_full && !answer.rows.is_empty() => answer.is_truncated = true,
            Err(DatabaseFault::Unreachable(_)) if is_full => return Err(self.too_large().into()),
            Err(fault) => {
                session.is_over = !matches!(fault, DatabaseFault::Unreachable(_) | DatabaseFault::NotReady);
                return Err(fault.into());
            }
        }
        if answer.is_truncated && answer.rows.is_empty() {
            return Err(self.too_large().into());
        }
        Ok(answer)
    }

    fn too_large(&self) -> DatabaseFault {
        let limit = bytes_text(self.max_bytes);
        DatabaseFault::Invalid { reason: format!("one row of its answer is larger than the {limit} that all may have") }
    }

    /// Runs the statement; whether it ran to its end.
    async fn rows(
        &self,
        transaction: &Transaction<'_>,
        until: Instant,
        answer: &mut Answer,
    ) -> Result<bool, DatabaseFault> {
        let began = Instant::now();
        let limit = until.saturating_duration_since(began);
        let failed = |error: tokio_postgres::Error| error::of_statement(&error, limit, began.elapsed());
        // A SELECT, so that the transaction has a snapshot: from then on nothing can make it write (SQLSTATE 25001).
        let milliseconds = limit.as_millis().max(1);
        let set = format!("SELECT pg_catalog.set_config('statement_timeout', '{milliseconds}', true)");
        let (set, statement) = join(transaction.batch_execute(&set), transaction.prepare(&self.sql)).await;
        set.map_err(failed)?;
        let mut statement = statement.map_err(failed)?;
        if statement.columns().is_empty() {
            return Err(DatabaseFault::NoRows);
        }
        let parameters = self.parameters(&statement)?;
        answer.columns =
            statement.columns().iter().map(|column| (column.name().to_owned(), type_name(column))).collect();
        if let Some((sql, before)) = self.with_text(statement.columns()) {
            statement = transaction.prepare(&sql).await.map_err(|error| unwrapped(failed(error), before))?;
        }
        let portal = transaction.bind_raw(&statement, &parameters).await.map_err(failed)?;
        // One more than is asked for, to know whether there are more.
        let fetched = i32::try_from(self.max_rows.saturating_add(1)).unwrap_or(i32::MAX);
        let rows = transaction.query_portal_raw(&portal, fetched).await.map_err(failed)?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            if answer.rows.len() == self.max_rows as usize {
                answer.is_truncated = true;
                continue;
            }
            let json = json_of(&row)?;
            answer.bytes += json.len() as u64;
            if answer.bytes > self.max_bytes {
                answer.bytes -= json.len() as u64;
                answer.is_truncated = true;
                return Ok(false);
            }
            answer.rows.push(json);
        }
        Ok(true)
    }

    fn parameters(&self, statement: &Statement) -> Result<Vec<Parameter>, DatabaseFault> {
        let (given, expected) = (self.parameters.len(), statement.params().len());
        if given != expected {
            let reason = format!("the number of the statement's parameters is {expected}, and {given} were given");
            return Err(DatabaseFault::Invalid { reason });
        }
        let values = self.parameters.iter().zip(statement.params()).zip(1..);
        let values = values.map(|((json, kind), number)| Parameter::new(number, json, kind));
        values.collect::<Result<_, _>>().map_err(|reason| DatabaseFault::Invalid { reason })
    }

    /// The statement again with the columns as text whose types have no JSON form here, and how many characters stand before
    /// it; `None` where all have one.
    fn with_text(&self, columns: &[Column]) -> Option<(String, u32)> {
        if columns.iter().all(|column| is_known(column.type_())) {
            return None;
        }
        let names: Vec<_> = (1..=columns.len()).map(|number| format!("c{number}")).collect();
        let shown = names.iter().zip(columns).map(|(name, column)| match column.type_().kind() {
            _ if is_known(column.type_()) => format!("q.{name}"),
            Kind::Array(_) => format!("q.{name}::pg_catalog.text[]"),
            _ => format!("q.{name}::pg_catalog.text"),
        });
        let head = format!("SELECT {} FROM (", shown.collect::<Vec<_>>().join(", "));
        let sql = self.sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        let before = u32::try_from(head.chars().count()).unwrap_or(u32::MAX);
        // The statement may end in a comment.
        Some((format!("{head}{sql}\n) AS q ({})", names.join(", ")), before))
    }
}

/// A fault of the statement with columns as text, in terms of the statement as it was asked.
fn unwrapped(fault: DatabaseFault, before: u32) -> DatabaseFault {
    match fault {
        DatabaseFault::Refused(refusal) => {
            let position = refusal.position.and_then(|position| position.checked_sub(before)).filter(|at| *at > 0);
            DatabaseFault::Refused(crate::receipt::Refusal { position, ..refusal })
        }
        fault => fault,
    }
}

/// A type as PostgreSQL names it, arrays with `[]` at their end.
fn type_name(column: &Column) -> String {
    match column.type_().kind() {
        Kind::Array(element) => format!("{}[]", element.name()),
        _ => column.type_().name().to_owned(),
    }
}

fn json_of(row: &Row) -> Result<String, DatabaseFault> {
    let protocol = DatabaseFault::Unreachable(Unreachable::Protocol);
    let mut json = "[".to_owned();
    for (index, column) in row.columns().iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        let value: Option<Raw> = row.try_get(index).map_err(|_| protocol.clone())?;
        let written = decode::write(&mut json, column.type_(), value.map(|Raw(bytes)| bytes));
        written.map_err(|_| protocol.clone())?;
    }
    json.push(']');
    Ok(json)
}

/// A value as it came.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }
}

/// A connection while a question is put on it. Dropped, it sees to what is left after the answer, for which no call waits.
struct Session {
    connection: Option<Pooled>,
    /// Whether the statement came to its end, so that the connection can be used again.
    is_over: bool,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Without a runtime the process is about to end, and its connections with it.
        let (Some(connection), Ok(runtime)) = (self.connection.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let is_over = self.is_over;
        runtime.spawn(async move {
            if is_over && connection.reset().await {
                return;
            }
            // Its place in the pool is free when the database has stopped.
            connection.stop().await;
            drop(Pooled::take(connection));
        });
    }
}
