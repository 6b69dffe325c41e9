use serde_json::Value;

use crate::bindings::toolcell::plugin::postgres as contract;
use crate::host;

use super::{Error, Rows};

/// Rows that come back at most when a query does not say.
const MAX_ROWS: u32 = 1_000;

/// A statement that has not been run yet.
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until it is run"]
pub struct Query {
    database: String,
    sql: String,
    parameters: Vec<Value>,
    max_rows: u32,
}

impl Query {
    pub(super) fn new(database: String, sql: String) -> Self {
        Self { database, sql, parameters: vec![], max_rows: MAX_ROWS }
    }

    /// Gives the next parameter its value, the first one first.
    ///
    /// It is sent as a parameter and never becomes part of the statement. A string is read as the database reads its text for
    /// the parameter's type, so that dates, decimals and identifiers are strings; `None` is NULL.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.parameters.push(value.into());
        self
    }

    /// Bounds the rows that come back: 1 to 100,000, and 1,000 unless said. Further rows are not fetched.
    pub fn max_rows(mut self, rows: u32) -> Self {
        self.max_rows = rows;
        self
    }

    /// Runs the statement and waits for its rows.
    ///
    /// # Errors
    ///
    /// Those of the host: `denied_database`, `database_not_configured`, `database_unreachable`, `database_login`,
    /// `database_unsafe`, `database_busy`, `database_timeout`, `database_refused` and `invalid_query`.
    pub fn run(self) -> Result<Rows, Error> {
        let query = contract::Query {
            database: self.database,
            sql: self.sql,
            parameters: self.parameters.iter().map(Value::to_string).collect(),
            max_rows: self.max_rows,
            extra: None,
        };
        Ok(Rows::from(host::run(&query)?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::query;
    use crate::testing;

    #[test]
    fn the_query_arrives_as_it_was_built() {
        let sql = "SELECT $1, $2, $3, $4";
        let columns = [("a", "int8"), ("b", "text"), ("c", "text[]"), ("d", "text")];
        let parameters = json!([7, "it's", ["x", "y"], null]);
        let replica = testing::postgres().answer("replica", sql, parameters.clone(), &columns, json!([])).install();
        let bound = query("replica", sql).bind(7).bind("it's").bind(vec!["x", "y"]).bind(None::<String>);
        assert!(bound.max_rows(5).run().unwrap().is_empty());
        let sent = &replica.queries()[0];
        assert_eq!((sent.database.as_str(), sent.sql.as_str(), sent.max_rows), ("replica", sql, 5));
        assert_eq!(sent.parameters, ["7", r#""it's""#, r#"["x","y"]"#, "null"]);
    }

    #[test]
    fn rows_are_bounded_also_where_nobody_says_so() {
        let replica = testing::postgres().answer("replica", "SELECT 1", json!([]), &[("a", "int4")], json!([[1]]));
        let replica = replica.install();
        query("replica", "SELECT 1").run().unwrap();
        assert_eq!(replica.queries()[0].max_rows, 1_000);
    }
}
