use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use toolcell_sdk::{ToolError, postgres};

use crate::{DATABASE, refusal};

/// Runs one SQL statement on the team's PostgreSQL read replica (the database that the operator configured as
/// `replica`) and returns its rows. Use it to look up or count what is in the application's database; ask
/// `describe_tables` for the names of tables and columns first. It cannot write: the database's role and a read-only
/// transaction allow SELECT, WITH, VALUES, TABLE, SHOW and EXPLAIN. The data may be some seconds behind the primary.
/// Returns at most `limit` rows, and at most 3.5 MiB of them, within 30 s. No rows are a result too, not an error.
/// Fails with `unknown_column` or `unknown_table` (with the nearest names), `syntax_error` (with the place),
/// `permission_denied`, `read_only`, `replica_conflict`, or a `database_` code: `database_timeout` (too slow),
/// `database_unreachable`, `database_login`, `database_not_configured`, `database_busy`, `database_refused` (anything
/// else in the statement); or with `invalid_query` (parameters such as $1, or a row that is too large).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryReplica {
    /// One statement in PostgreSQL's SQL, without parameters. Select the columns that are needed and narrow by WHERE; with
    /// ORDER BY the rows that `limit` keeps are always the same. Names with capital letters need double quotes.
    #[schemars(
        length(min = 1, max = 20_000),
        extend("examples" = ["SELECT id, email FROM users WHERE created_at >= now() - interval '1 day' ORDER BY id"])
    )]
    sql: String,
    /// How many rows to return at most. The others are not fetched.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: u32,
}

fn hundred() -> u32 {
    100
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// What each value of a row is, in order.
    columns: Vec<Column>,
    /// Each row as an array with one value for each column. NULL is null; `int8` beyond 2^53 and `numeric` are strings with
    /// every digit; times are RFC 3339 in UTC; `bytea` is base64; `json` and arrays are themselves.
    #[schemars(with = "Vec<Vec<serde_json::Value>>")]
    rows: Vec<Box<RawValue>>,
    /// How many rows these are.
    row_count: usize,
    /// Whether the statement has more rows than `limit`, or than 3.5 MiB.
    truncated: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Column {
    /// The name, which need not be unique.
    name: String,
    /// The type as PostgreSQL names it, for example `int8`, `timestamptz` or `text[]`.
    #[serde(rename = "type")]
    type_name: String,
}

pub(crate) fn query_replica(QueryReplica { sql, limit }: QueryReplica) -> Result<Answer, ToolError> {
    let rows = postgres::query(DATABASE, &sql).max_rows(limit).run().map_err(|error| refusal::explain(error, &sql))?;
    let columns = rows.columns.iter();
    Ok(Answer {
        columns: columns.map(|it| Column { name: it.name.clone(), type_name: it.type_name.clone() }).collect(),
        row_count: rows.len(),
        truncated: rows.truncated,
        rows: rows.into_raw()?,
    })
}
