//! Databases: the real binary and a real PostgreSQL.

mod attacks;
mod outage;
mod refusals;
mod tls;
mod types;

use serde_json::{Value, json};

use crate::{client::Client, folder::Folder, postgres_server::Postgres};

/// A plugin that asks, its grant, and where the database is.
pub const ASKS: &str = "capabilities.postgres = [\"replica\"]";
const CONFIG: &str = "[postgres.replica]\nurl-env = \"REPLICA_URL\"\n";

/// A folder with the guest `queries`, granted the database.
pub fn folder(manifest: &str, config: &str) -> Folder {
    let folder = Folder::new(&[("queries", &format!("{ASKS}\n{manifest}"))]);
    folder.write("toolcell.toml", &format!("{CONFIG}{config}"));
    folder.lock();
    folder
}

/// A server of that folder which finds the database at this URL.
pub fn serve(folder: &Folder, url: &str) -> Client {
    folder.write(".env", &format!("REPLICA_URL={url}\n"));
    folder.serve_with(&["--locked", "--env-file", ".env"])
}

/// A host with one database.
fn on(postgres: &Postgres) -> (Folder, Client) {
    let folder = folder("", "");
    let client = serve(&folder, &postgres.url());
    (folder, client)
}

/// The structured answer of a call that has one.
fn answer(client: &mut Client, arguments: Value) -> Value {
    let mut result = client.call("queries", arguments);
    assert_eq!(result["isError"], false, "{result}");
    result["structuredContent"].take()
}

fn rows(client: &mut Client, sql: &str) -> Value {
    answer(client, json!({"sql": sql}))["rows"].take()
}

/// What a plugin reads of a question that fails.
fn caught(client: &mut Client, sql: &str) -> Value {
    let answer = answer(client, json!({"sql": sql, "catch": true}));
    assert!(answer["code"].is_string(), "{sql}: {answer}");
    answer
}

#[test]
pub fn a_question_is_answered_and_the_receipt_lists_it() {
    let postgres = Postgres::start();
    let (_folder, mut client) = on(&postgres);
    let sql = "SELECT n, word FROM numbers WHERE n > $1 ORDER BY n";
    let result = client.call("queries", json!({"sql": sql, "parameters": [997]}));
    let expected = json!({
        "columns": [["n", "int4"], ["word", "text"]],
        "rows": [[998, "word 998"], [999, "word 999"], [1000, "word 1000"]],
        "truncated": false,
    });
    assert_eq!(result["structuredContent"], expected, "{result}");
    let query = &result["_meta"]["toolcell/receipt"]["queries"][0];
    assert_eq!((&query["database"], &query["rows"], &query["end"]), (&json!("replica"), &json!(3), &json!("answered")));
    assert!(!result.to_string().contains("numbers"), "{result}");

    let list = client.request("tools/list", json!({}));
    let hints = &list["result"]["tools"][0]["annotations"];
    assert_eq!((&hints["readOnlyHint"], &hints["openWorldHint"]), (&json!(true), &json!(true)), "{list}");

    let few = answer(&mut client, json!({"sql": "SELECT n FROM numbers ORDER BY n", "max_rows": 2}));
    assert_eq!((&few["rows"], &few["truncated"]), (&json!([[1], [2]]), &json!(true)));
    let all = answer(&mut client, json!({"sql": "SELECT n FROM numbers WHERE n < 3", "max_rows": 2}));
    assert_eq!(all["truncated"], false);
}

#[test]
fn parameters_are_never_part_of_the_statement() {
    let postgres = Postgres::start();
    let (_folder, mut client) = on(&postgres);
    let attack = "'; DROP TABLE numbers; --";
    let ask = |sql: &str, parameters: Value| json!({"sql": sql, "parameters": parameters});
    assert_eq!(answer(&mut client, ask("SELECT $1::text", json!([attack])))["rows"], json!([[attack]]));
    let sql = "SELECT $1::jsonb, $2::int[], $3::timestamptz, $4::numeric, $5::bool";
    let parameters = json!([{"a": [1]}, [1, null], "2024-01-01T00:00:00Z", 12.5, null]);
    let expected = json!([[{"a": [1]}, [1, null], "2024-01-01T00:00:00Z", "12.5", null]]);
    assert_eq!(answer(&mut client, ask(sql, parameters))["rows"], expected);
}
