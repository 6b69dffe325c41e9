use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
/// else in the statement); or with `invalid_query` (parameters such as $1, or a row that is too large) or
/// `unreadable_json` (a number beyond a double).
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
    #[schemars(with = "Vec<Vec<Value>>")]
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
    let columns = rows.columns.iter().map(|it| Column { name: it.name.clone(), type_name: it.type_name.clone() });
    let columns: Vec<_> = columns.collect();
    let truncated = rows.truncated;
    let rows = rows.into_raw()?;
    if columns.iter().any(|column| column.type_name.starts_with("json")) {
        rows.iter().try_for_each(|row| readable(row))?;
    }
    Ok(Answer { columns, row_count: rows.len(), rows, truncated })
}

/// The database's own JSON can hold numbers that are too large for those who read the answer.
fn readable(row: &RawValue) -> Result<(), ToolError> {
    let Err(error) = serde_json::from_str::<Value>(row.get()) else { return Ok(()) };
    Err(ToolError::new("unreadable_json", format!("a row holds JSON that cannot be passed on: {error}"))
        .cause("a number in a json or jsonb column is larger than a double, about 1.8e308")
        .check_first(
            "Select the column as text, as by body::text, or the members that are needed, as by body ->> 'id'.",
        ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use toolcell_sdk::testing;

    use super::*;

    const SQL: &str = "SELECT a, b FROM t";

    fn query(limit: Option<u32>) -> Result<Value, ToolError> {
        let arguments = limit.map_or_else(|| json!({"sql": SQL}), |limit| json!({"sql": SQL, "limit": limit}));
        let answer = query_replica(serde_json::from_value(arguments).unwrap())?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    #[test]
    fn the_limit_is_the_databases_and_100_unless_given() {
        let columns = [("a", "int8"), ("b", "text")];
        for (limit, asked) in [(None, 100), (Some(10_000), 10_000)] {
            let replica = testing::postgres().answer("replica", SQL, json!([]), &columns, json!([[1, "x"]])).install();
            let columns = json!([{"name": "a", "type": "int8"}, {"name": "b", "type": "text"}]);
            let answer = json!({"columns": columns, "rows": [[1, "x"]], "row_count": 1, "truncated": false});
            assert_eq!(query(limit).unwrap(), answer);
            assert_eq!(replica.queries()[0].max_rows, asked);
        }
    }

    #[test]
    fn json_that_nobody_could_read_is_told_before() {
        let row = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        assert_eq!(readable(&row(r#"[{"a": 1e308, "b": 12345678901234567890123}]"#)), Ok(()));
        let error = readable(&row(r#"[{"a": 1e400}]"#)).unwrap_err();
        assert_eq!(error.code, "unreadable_json");
        assert!(error.message.contains("number out of range"), "{error}");
    }
}
