//! Questions to PostgreSQL databases over the contract's `postgres`.
//!
//! ```no_run
//! # use toolcell_sdk::{postgres, ToolError};
//! # #[derive(serde::Deserialize)] struct User { id: i64, name: String }
//! # fn users(country: &str) -> Result<Vec<User>, ToolError> {
//! let sql = "SELECT id, name FROM users WHERE country = $1";
//! let rows = postgres::query("replica", sql).bind(country).max_rows(50).run()?;
//! rows.typed()
//! # }
//! ```
//!
//! A database is known by the name that the manifest asks for (`[capabilities] postgres`) and the operator configured; its
//! address, user and password stay with the host. Every statement runs alone in a read-only transaction that is rolled
//! back. Errors are ready for `?`; what the database itself said is in [`Error::refusal`].

mod error;
mod query;
mod row;
mod rows;

pub use error::{Error, Refusal};
pub use query::Query;
pub use rows::{Column, Rows};

/// One statement for `database`. Parameters are `$1`, `$2` and so on: see [`Query::bind`].
pub fn query(database: impl Into<String>, sql: impl Into<String>) -> Query {
    Query::new(database.into(), sql.into())
}
