//! One request and what answers it.

use serde_json::Value;

use super::Fault;
use crate::receipt::Refusal;

/// An HTTP request and what comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpAnswer {
    /// For example `GET`.
    pub method: String,
    /// The whole URL, query included.
    pub url: String,
    /// What comes of it.
    pub reply: HttpReply,
}

/// What comes of an HTTP request.
#[derive(Debug, Clone, PartialEq)]
pub enum HttpReply {
    /// An answer. Its length is stated by the host.
    Answer {
        /// 200 to 599.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body as it is.
        body: Vec<u8>,
    },
    /// No answer.
    Fail(Fail),
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fail {
    /// Nothing listens on the port.
    Refused,
    /// No connection came about in the time allowed.
    Timeout,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub(super) headers: Vec<(String, String)>,
    pub(super) bytes: Vec<u8>,
}

impl From<Value> for Body {
    fn from(json: Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { headers, bytes: json.to_string().into_bytes() }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self { headers: Vec::new(), bytes: text.into() }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self { headers: Vec::new(), bytes }
    }
}

/// A statement and what comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseAnswer {
    /// The database by its name in the manifest.
    pub database: String,
    /// The statement.
    pub sql: String,
    /// Its parameters.
    pub parameters: Vec<Value>,
    /// What comes of it.
    pub reply: Result<Rows, Box<DatabaseError>>,
}

/// The rows that a statement returns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// Names and types, as PostgreSQL names them.
    pub columns: Vec<(String, String)>,
    /// Each an array of one value for each column.
    pub rows: Vec<Value>,
    /// Whether there were more.
    pub truncated: bool,
}

/// What is answered instead of rows, as the contract's `postgres` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseError {
    /// One of those that the contract names.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What probably caused it.
    pub likely_causes: Vec<String>,
    /// The one thing to check first.
    pub check_first: String,
    /// Whether the same can succeed later.
    pub retryable: bool,
    /// What the database itself said, if it did.
    pub refusal: Option<Refusal>,
}

impl DatabaseAnswer {
    pub(super) fn matches(&self, database: &str, sql: &str, parameters: &[Value]) -> bool {
        self.database == database && self.sql == sql && self.parameters == parameters
    }

    pub(super) fn request(&self) -> String {
        statement(&self.database, &self.sql, &self.parameters)
    }
}

impl DatabaseError {
    pub(super) fn broken(database: &str, fault: Fault) -> Self {
        let (code, message, cause) = match fault {
            Fault::Refusing => (
                "database_unreachable",
                format!("the connection to the database {database} was refused"),
                "the database is not running",
            ),
            Fault::Silent => (
                "database_timeout",
                format!("the database {database} took the statement and did not answer in time"),
                "the database is overloaded",
            ),
        };
        Self {
            code: code.to_owned(),
            message,
            likely_causes: vec![cause.to_owned()],
            check_first: format!("whether the database {database} is running"),
            retryable: true,
            refusal: None,
        }
    }

    pub(super) fn unexpected(database: &str) -> Self {
        Self {
            code: "invalid_query".to_owned(),
            message: format!("no answer is given for this statement to the database {database}"),
            likely_causes: vec!["the example or the test lacks it".to_owned()],
            check_first: "the statements that the example or the test answers".to_owned(),
            retryable: false,
            refusal: None,
        }
    }
}

/// A statement as reports name it.
pub(super) fn statement(database: &str, sql: &str, parameters: &[Value]) -> String {
    let sql = words(sql);
    match parameters {
        [] => format!("{database}: {sql}"),
        parameters => format!("{database}: {sql} with {}", Value::from(parameters)),
    }
}

fn words(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}
