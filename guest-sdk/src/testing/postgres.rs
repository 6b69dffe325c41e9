use std::cell::RefCell;
use std::thread;

use serde_json::Value;

use crate::bindings::toolcell::plugin::postgres::{Column, Query, Rows};
use crate::postgres::Error;

thread_local! {
    static INSTALLED: RefCell<Option<Installed>> = const { RefCell::new(None) };
}

/// Starts a list of answers for the statements that the code under test is expected to run.
pub fn postgres() -> FakePostgres {
    FakePostgres { answers: vec![] }
}

/// Answers for statements. Each serves one statement, equal ones in the order given.
#[must_use = "the answers serve statements once they are installed"]
#[derive(Debug)]
pub struct FakePostgres {
    answers: Vec<Answer>,
}

#[derive(Debug)]
struct Answer {
    database: String,
    sql: String,
    parameters: Vec<Value>,
    result: Result<Rows, Error>,
}

impl FakePostgres {
    /// Answers a statement with rows: a JSON array for each, of one value for each column. A column is its name and type.
    ///
    /// The statement matches when database, SQL and parameters, a JSON array, are equal; the SQL byte for byte.
    ///
    /// # Panics
    ///
    /// When the parameters are no array, or the rows are not arrays of as many values as there are columns.
    #[expect(clippy::needless_pass_by_value, reason = "tests pass json!([...])")]
    pub fn answer(self, database: &str, sql: &str, parameters: Value, columns: &[(&str, &str)], rows: Value) -> Self {
        let row = |row: &Value| {
            assert!(row.as_array().is_some_and(|row| row.len() == columns.len()), "{row} is no row for {columns:?}");
            row.to_string()
        };
        let rows = array(&rows, "the rows").iter().map(row).collect();
        let column = |(name, kind): &(&str, &str)| Column { name: (*name).to_owned(), type_name: (*kind).to_owned() };
        let columns = columns.iter().map(column).collect();
        self.with(database, sql, &parameters, Ok(Rows { columns, rows, truncated: false, extra: None }))
    }

    /// Says of the rows given last that there are more.
    ///
    /// # Panics
    ///
    /// When there is no answer yet, or the last one is a failure.
    pub fn truncated(mut self) -> Self {
        let Some(Answer { result: Ok(rows), .. }) = self.answers.last_mut() else {
            panic!("`truncated` needs an answer before it")
        };
        rows.truncated = true;
        self
    }

    /// Fails a statement as the host does, for example with the code `database_refused` and what the database said.
    ///
    /// # Panics
    ///
    /// When the parameters are no array.
    #[expect(clippy::needless_pass_by_value, reason = "tests pass json!([...])")]
    pub fn fail(self, database: &str, sql: &str, parameters: Value, error: Error) -> Self {
        self.with(database, sql, &parameters, Err(error))
    }

    /// Serves the statements of this thread until the guard is dropped.
    ///
    /// # Panics
    ///
    /// A statement that no answer is left for fails the test, as does an answer that is left when the guard is dropped.
    pub fn install(self) -> InstalledPostgres {
        let installed = Installed { answers: self.answers, queries: vec![] };
        let before = INSTALLED.replace(Some(installed));
        assert!(before.is_none(), "answers are installed already: drop their guard first");
        InstalledPostgres { _private: () }
    }

    fn with(mut self, database: &str, sql: &str, parameters: &Value, result: Result<Rows, Error>) -> Self {
        let parameters = array(parameters, "the parameters").clone();
        self.answers.push(Answer { database: database.to_owned(), sql: sql.to_owned(), parameters, result });
        self
    }
}

fn array<'a>(value: &'a Value, what: &str) -> &'a Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{what} are no array: {value}"))
}

/// Keeps the answers installed while it lives.
#[must_use = "the answers are removed when this is dropped"]
#[derive(Debug)]
pub struct InstalledPostgres {
    _private: (),
}

impl InstalledPostgres {
    /// What was run so far.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        INSTALLED.with_borrow(|installed| installed.as_ref().map(|it| it.queries.clone()).unwrap_or_default())
    }
}

impl Drop for InstalledPostgres {
    fn drop(&mut self) {
        let left = INSTALLED.take().map(|installed| installed.answers).unwrap_or_default();
        // A test that is failing already should fail with its own message.
        if !thread::panicking() {
            assert!(left.is_empty(), "these statements were expected and never run:{}", describe(&left));
        }
    }
}

struct Installed {
    answers: Vec<Answer>,
    queries: Vec<Query>,
}

pub(super) fn run(query: &Query) -> Result<Rows, Error> {
    let Query { database, sql, .. } = query;
    // The SDK wrote these texts from values.
    let parameters: Vec<Value> =
        query.parameters.iter().map(|json| serde_json::from_str(json).unwrap_or_default()).collect();
    INSTALLED.with_borrow_mut(|installed| {
        let asked = line(database, sql, &parameters);
        let Some(installed) = installed else {
            panic!("unexpected statement: {asked}\nno answers are installed: see toolcell_sdk::testing::postgres()")
        };
        let matches =
            |answer: &Answer| answer.database == *database && answer.sql == *sql && answer.parameters == parameters;
        let Some(index) = installed.answers.iter().position(matches) else {
            panic!("unexpected statement: {asked}\nanswers are left for:{}", describe(&installed.answers))
        };
        installed.queries.push(query.clone());
        installed.answers.remove(index).result
    })
}

fn describe(answers: &[Answer]) -> String {
    if answers.is_empty() {
        return " none".to_owned();
    }
    let lines = answers.iter().map(|answer| line(&answer.database, &answer.sql, &answer.parameters));
    lines.map(|line| format!("\n  {line}")).collect()
}

fn line(database: &str, sql: &str, parameters: &[Value]) -> String {
    format!("{database}: {sql} {}", Value::from(parameters))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ToolError;
    use crate::postgres::query;

    const SQL: &str = "SELECT name FROM users WHERE id = $1";
    const NAME: [(&str, &str); 1] = [("name", "text")];

    #[test]
    fn equal_statements_are_answered_in_order_and_recorded() {
        let down = Error { failure: ToolError::new("database_unreachable", "down").retryable(), refusal: None };
        let replica = postgres()
            .fail("replica", SQL, json!([1]), down.clone())
            .answer("replica", SQL, json!([1]), &NAME, json!([["Ada"]]))
            .truncated()
            .install();
        assert_eq!(query("replica", SQL).bind(1).run().unwrap_err(), down);
        let rows = query("replica", SQL).bind(1).run().unwrap();
        assert_eq!((rows.typed::<(String,)>().unwrap(), rows.truncated), (vec![("Ada".to_owned(),)], true));
        assert_eq!(replica.queries().len(), 2);
    }

    #[test]
    #[should_panic(
        expected = "unexpected statement: replica: SELECT name FROM users WHERE id = $1 [2]\nanswers are left for:\n  \
                    replica: SELECT name FROM users WHERE id = $1 [1]"
    )]
    fn other_parameters_are_another_statement() {
        let _replica = postgres().answer("replica", SQL, json!([1]), &NAME, json!([])).install();
        let _ = query("replica", SQL).bind(2).run();
    }

    #[test]
    #[should_panic(expected = "unexpected statement: primary: ")]
    fn another_database_is_another_statement() {
        let _replica = postgres().answer("replica", SQL, json!([1]), &NAME, json!([])).install();
        let _ = query("primary", SQL).bind(1).run();
    }

    #[test]
    #[should_panic(expected = "no answers are installed")]
    fn a_statement_without_a_fake_fails_the_test() {
        let _ = query("replica", SQL).run();
    }

    #[test]
    #[should_panic(expected = "never run:\n  replica: SELECT name")]
    fn an_answer_that_nobody_asked_for_fails_the_test() {
        let _replica = postgres().answer("replica", SQL, json!([]), &NAME, json!([])).install();
    }

    #[test]
    #[should_panic(expected = "is no row for")]
    fn a_row_has_a_value_for_each_column() {
        let _ = postgres().answer("replica", SQL, json!([]), &NAME, json!([["Ada", 1]]));
    }
}
