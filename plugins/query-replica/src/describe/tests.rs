use serde_json::{Value, json};
use toolcell_sdk::testing::{self, FakePostgres};

use super::*;

const COLUMNS: [(&str, &str); 7] = [
    ("name", "text"),
    ("kind", "text"),
    ("comment", "text"),
    ("estimated_rows", "int8"),
    ("columns", "jsonb"),
    ("primary_key", "jsonb"),
    ("foreign_keys", "jsonb"),
];

fn tables(schema: &str, name_contains: &str, rows: Value) -> FakePostgres {
    testing::postgres().answer("replica", TABLES, json!([schema, name_contains]), &COLUMNS, rows)
}

fn with_schemas(fake: FakePostgres, schemas: Value) -> FakePostgres {
    fake.answer("replica", catalog::SCHEMAS, json!([]), &[("name", "text"), ("tables", "int8")], schemas)
}

fn describe(arguments: Value) -> Result<Value, ToolError> {
    let described = describe_tables(serde_json::from_value(arguments).unwrap())?;
    Ok(serde_json::to_value(described).unwrap())
}

#[test]
fn a_table_comes_with_its_columns_and_keys() {
    let key = json!([{"columns": ["user_id"], "schema": "public", "table": "users", "referenced_columns": ["id"]}]);
    let columns = json!([
        {"name": "id", "type": "bigint", "nullable": false, "comment": null},
        {"name": "user_id", "type": "bigint", "nullable": true, "comment": "Who ordered"},
    ]);
    let replica =
        tables("sales", "", json!([["orders", "table", "All of them", 1200, columns, ["id"], key]])).install();
    assert_eq!(
        describe(json!({"schema": "sales"})).unwrap(),
        json!({
            "schema": "sales",
            "tables": [{
                "name": "orders", "kind": "table", "comment": "All of them", "estimated_rows": 1200,
                "columns": [
                    {"name": "id", "type": "bigint", "nullable": false},
                    {"name": "user_id", "type": "bigint", "nullable": true, "comment": "Who ordered"},
                ],
                "primary_key": ["id"],
                "foreign_keys": key,
            }],
            "table_count": 1, "truncated": false,
        })
    );
    assert_eq!(replica.queries()[0].max_rows, 100);
}

#[test]
fn the_schema_is_public_unless_another_is_given_and_many_tables_come_with_a_hint() {
    let view = json!([["totals", "materialized_view", null, null, [], [], []]]);
    let _replica = tables("public", "TOT", view).truncated().install();
    let described = describe(json!({"name_contains": "TOT"})).unwrap();
    assert_eq!(described["tables"][0]["kind"], "materialized_view");
    assert_eq!(described["hint"], "There are more tables: narrow by `name_contains`.");
}

#[test]
fn no_tables_are_a_result_that_says_where_some_are() {
    let hint = |schemas: Value| {
        let _replica = with_schemas(tables("public", "x", json!([])), schemas).install();
        describe(json!({"name_contains": "x"})).unwrap()["hint"].take()
    };
    let narrowed = "No table has `x` in its name; without `name_contains` there are 7.";
    assert_eq!(hint(json!([["public", 7], ["sales", 3]])), narrowed);
    let elsewhere = "No table of this schema may be read. Schemas with tables: `sales`.";
    assert_eq!(hint(json!([["public", 0], ["sales", 3]])), elsewhere);
    assert_eq!(hint(json!([["public", 0]])), "The replica's role may read no table of any schema.");
}

#[test]
fn a_schema_that_is_not_there_is_an_error_with_those_that_are() {
    let check = |schema: &str, schemas: Value| {
        let _replica = with_schemas(tables(schema, "", json!([])), schemas).install();
        let error = describe(json!({"schema": schema})).unwrap_err();
        assert_eq!((error.code.as_str(), error.retryable), ("unknown_schema", false));
        assert!(error.message.contains(&format!("`{schema}`")), "{error}");
        error.check_first.unwrap()
    };
    assert_eq!(check("Sales", json!([["public", 7], ["sales", 3]])), "Whether this is meant: `sales`.");
    assert_eq!(check("weather", json!([["public", 7], ["empty", 0]])), "Use one of the schemas with tables: `public`.");
    assert!(check("weather", json!([])).starts_with("Ask the operator"));
    let many: Vec<Value> = (0..12).map(|n| json!([format!("tenant_{n}"), 1])).collect();
    assert!(check("weather", many.into()).ends_with("`tenant_9` and 2 more."));
}

#[test]
fn a_database_that_is_down_is_told_in_the_hosts_words() {
    let failure = ToolError::new("database_unreachable", "db.example:5432 was not reached").retryable();
    let down = postgres::Error { failure: failure.clone(), refusal: None };
    let _replica = testing::postgres().fail("replica", TABLES, json!(["public", ""]), down).install();
    assert_eq!(describe(json!({})).unwrap_err(), failure);
}
