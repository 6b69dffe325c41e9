use serde_json::{Value, json};
use toolcell_sdk::testing;

use super::*;

const TEXTS: [(&str, &str); 3] = [("a", "text"), ("b", "text"), ("c", "text")];

fn error(sqlstate: &str, message: &str, position: u32) -> Error {
    let failure = ToolError::new("database_refused", format!("replica refused it: {message} (SQLSTATE {sqlstate})"))
        .cause("the statement is wrong")
        .check_first("Correct it.");
    let position = (position > 0).then_some(position);
    let refusal = Refusal { sqlstate: sqlstate.into(), message: message.into(), position, ..Refusal::default() };
    Error { failure, refusal: Some(Box::new(refusal)) }
}

/// The names that the database tells when it is asked for tables or, with a statement, for the columns of its tables.
fn known(statement: Option<&str>, rows: Value) -> testing::InstalledPostgres {
    let (sql, parameters) = match statement {
        Some(sql) => (catalog::COLUMNS, json!([statement::names(sql)])),
        None => (catalog::TABLES, json!([])),
    };
    testing::postgres().answer("replica", sql, parameters, &TEXTS, rows).install()
}

#[test]
fn an_unknown_column_comes_with_the_nearest() {
    let sql = "SELECT u.emial FROM users u";
    let _replica = known(Some(sql), json!([["id", "id", "users"], ["email", "email", "users"]]));
    let told = explain(error("42703", "column u.emial does not exist", 8), sql);
    assert_eq!(told.code, "unknown_column");
    assert_eq!(
        told.message,
        "replica refused it: column u.emial does not exist (SQLSTATE 42703); there stands `u.emial FROM users u`, after \
         `SELECT`"
    );
    let check = "Whether `email` (users) is meant; `describe_tables` has the columns of each table.";
    assert_eq!(told.check_first.unwrap(), check);
}

#[test]
fn without_a_name_that_is_like_it_the_databases_own_hint_counts() {
    let sql = "SELECT q FROM users";
    let _replica = known(Some(sql), json!([["id", "id", "users"]]));
    let mut refused = error("42703", "column \"q\" does not exist", 8);
    refused.refusal.as_mut().unwrap().hint = Some("Perhaps you meant another.".into());
    let check = "Perhaps you meant another. `describe_tables` has the columns of each table.";
    assert_eq!(explain(refused, sql).check_first.unwrap(), check);
}

#[test]
fn an_unknown_table_comes_with_the_nearest_of_any_schema() {
    let sql = "SELECT * FROM oders";
    let rows = json!([["sales", "orders", "sales.orders"], ["sales", "orders_archive", "sales.orders_archive"]]);
    let _replica = known(None, rows);
    let told = explain(error("42P01", "relation \"oders\" does not exist", 15), sql);
    assert_eq!(told.code, "unknown_table");
    assert_eq!(
        told.check_first.unwrap(),
        "Whether one of these is meant: `sales.orders`, `sales.orders_archive`; \
         `describe_tables` has the tables of each schema."
    );
}

#[test]
fn a_table_that_is_missing_in_from_is_not_looked_for() {
    let sql = "SELECT u.id FROM users";
    let told = explain(error("42P01", "missing FROM-clause entry for table \"u\"", 8), sql);
    assert_eq!(told.code, "unknown_table");
    assert_eq!(told.check_first.unwrap(), "Put `u` into FROM, or use the alias that is there.");
}

#[test]
fn a_syntax_error_shows_where_it_is() {
    let told = explain(error("42601", "syntax error at or near \"FORM\"", 10), "SELECT * FORM users");
    assert_eq!(told.code, "syntax_error");
    assert!(told.message.ends_with("(SQLSTATE 42601); there stands `FORM users`, after `SELECT *`"), "{told}");
    let several = explain(error("42601", "cannot insert multiple commands", 0), "SELECT 1; SELECT 2");
    assert!(several.message.ends_with("multiple commands (SQLSTATE 42601)"), "{several}");
    assert!(several.check_first.unwrap().starts_with("Call once for each statement"));
}

#[test]
fn what_is_not_allowed_is_told_apart() {
    let cases = [
        ("25006", "cannot execute INSERT in a read-only transaction", "read_only", false),
        ("42501", "permission denied for table secrets", "permission_denied", false),
        ("40001", "canceling statement due to conflict with recovery", "replica_conflict", true),
    ];
    for (sqlstate, message, code, retryable) in cases {
        let told = explain(error(sqlstate, message, 0), "SELECT 1");
        assert_eq!((told.code.as_str(), told.retryable), (code, retryable));
        assert!(told.message.contains(message), "{told}");
    }
}

#[test]
fn what_the_database_adds_is_told() {
    let mut conflict = error("40001", "canceling statement due to conflict with recovery", 0);
    conflict.refusal.as_mut().unwrap().detail = Some("User was holding a relation lock for too long.".into());
    assert_eq!(
        explain(conflict, "SELECT 1").message,
        "replica refused it: canceling statement due to conflict with recovery (SQLSTATE 40001); \
         User was holding a relation lock for too long"
    );
}

#[test]
fn what_takes_too_long_keeps_the_hosts_words_and_gets_advice() {
    let mut late = error("57014", "canceling statement due to statement timeout", 0);
    late.failure = ToolError::new("database_timeout", "replica did not answer within 29s");
    let told = explain(late, "SELECT pg_sleep(60)");
    assert_eq!((told.code.as_str(), told.message.as_str()), ("database_timeout", "replica did not answer within 29s"));
    assert!(told.check_first.unwrap().contains("EXPLAIN"));
}

#[test]
fn any_other_refusal_is_passed_on_with_its_place() {
    let told = explain(error("42883", "function foo(integer) does not exist", 8), "SELECT foo(1)");
    assert_eq!(told.code, "database_refused");
    assert_eq!(
        told.message,
        "replica refused it: function foo(integer) does not exist (SQLSTATE 42883); there stands `foo(1)`, after `SELECT`"
    );
    let plain = error("22012", "division by zero", 0);
    assert_eq!(explain(plain.clone(), "SELECT 1/0"), plain.failure);
}

#[test]
fn a_database_that_was_not_reached_is_told_in_the_hosts_words() {
    let failure =
        ToolError::new("database_unreachable", "db.example:5432 refused").check_first("pg_isready").retryable();
    assert_eq!(explain(Error { failure: failure.clone(), refusal: None }, "SELECT 1"), failure);
}

#[test]
fn a_statement_without_rows_would_only_write() {
    let failure = ToolError::new("database_refused", "the statement was not run on replica: it returns no rows");
    let told = explain(Error { failure, refusal: None }, "UPDATE users SET email = ''");
    assert_eq!(told.code, "read_only");
    assert_eq!(told.message, "nothing was changed: the statement was not run on replica: it returns no rows");
}

#[test]
fn a_statement_that_the_host_does_not_take_gets_advice() {
    let failure = ToolError::new("invalid_query", "the number of the statement's parameters is 1, and 0 were given");
    let told = explain(Error { failure: failure.clone(), refusal: None }, "SELECT $1");
    assert_eq!((told.code, told.message), (failure.code, failure.message));
    assert!(told.check_first.unwrap().starts_with("Write values into the statement"));
}

#[test]
fn details_and_hints_are_cut() {
    let mut refused = error("42P01", "missing FROM-clause entry for table \"u\"", 8);
    let refusal = refused.refusal.as_mut().unwrap();
    (refusal.detail, refusal.hint) = (Some("é".repeat(1_000)), Some("è".repeat(1_000)));
    let told = explain(refused, "SELECT u.id FROM users");
    assert_eq!(told.message.matches('é').count(), MAX_SAID);
    assert_eq!(told.check_first.unwrap().matches('è').count(), MAX_SAID);
}
