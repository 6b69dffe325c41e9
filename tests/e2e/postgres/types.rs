//! Every row of the table in docs/postgres.md, against a real server.

use serde_json::json;

use crate::postgres_server::Postgres;

/// Examples of the table and what each comes as.
fn table() -> Vec<(String, String)> {
    let page = include_str!("../../../docs/postgres.md");
    let table = page.split("| type | JSON |").nth(1).expect("the page has the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
    rows.map(|row| {
        let cells: Vec<_> = row.split(" | ").collect();
        assert_eq!(cells.len(), 4, "{row}");
        (cell(cells[2]), cell(cells[3].trim_end_matches('|')))
    })
    .collect()
}

#[test]
fn every_type_comes_as_the_table_says() {
    let postgres = Postgres::start();
    postgres.admin("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0)");
    let (_folder, mut client) = super::on(&postgres);
    let table = table();
    assert!(table.len() > 30, "{}", table.len());
    // Twice, so that a connection is used again with the types that it knows.
    for (example, expected) in table.iter().chain(&table) {
        let result = client.call("queries", json!({"sql": format!("SELECT {example}"), "raw": true}));
        assert_eq!(result["content"][0]["text"], format!("[{expected}]"), "{example}: {result}");
    }
}

#[test]
fn columns_are_named_with_their_types() {
    let postgres = Postgres::start();
    let (_folder, mut client) = super::on(&postgres);
    let sql = "SELECT 1 AS a, ARRAY['x'] AS b, '::1'::inet AS \"c d\", ARRAY['::1'::inet] AS e -- a comment";
    let answer = super::answer(&mut client, json!({"sql": sql}));
    let columns = json!([["a", "int4"], ["b", "text[]"], ["c d", "inet"], ["e", "inet[]"]]);
    assert_eq!((&answer["columns"], &answer["rows"]), (&columns, &json!([[1, ["x"], "::1/128", ["::1/128"]]])));
}
