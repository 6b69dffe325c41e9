//! The plugin `query-replica` on a real PostgreSQL: what its tools answer, and what a model reads of each failure in the
//! very state of server, role or statement that causes it.

mod states;

use std::{fs, net::TcpListener};

use serde_json::{Value, json};

use crate::{
    client::Client,
    clients::command,
    failure::Failed,
    folder::Folder,
    peers,
    postgres_server::{Postgres, free_port},
};

/// `analyst` may read some tables; the ways in which a role or a schema can be wrong are beside it.
const SETUP: &str = r#"
    CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, "createdAt" timestamptz, balance numeric(12, 2));
    COMMENT ON TABLE users IS 'People who signed up';
    COMMENT ON COLUMN users.email IS 'Where they are written to';
    INSERT INTO users VALUES (1, 'ada@example.com', '2026-03-31 14:00:00.25+02', 10.50), (2, 'bob@example.com', NULL, NULL);
    ANALYZE users;
    CREATE SCHEMA sales;
    CREATE TABLE sales.orders (id int, line int, user_id bigint REFERENCES users, PRIMARY KEY (id, line));
    CREATE TABLE sales.shipments (id int, line int, at date, FOREIGN KEY (id, line) REFERENCES sales.orders)
        PARTITION BY RANGE (at);
    CREATE TABLE sales.shipments_2026 PARTITION OF sales.shipments FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE VIEW sales.totals AS SELECT user_id, count(*) AS orders FROM sales.orders GROUP BY user_id;
    CREATE SCHEMA hidden;
    CREATE TABLE hidden.plans (id int);
    CREATE ROLE analyst LOGIN PASSWORD 's3cret';
    GRANT SELECT ON users TO analyst;
    GRANT USAGE ON SCHEMA sales TO analyst;
    GRANT SELECT ON ALL TABLES IN SCHEMA sales TO analyst;
"#;

const ANALYST: &str = "analyst:s3cret";

fn server() -> Postgres {
    let server = Postgres::start();
    server.admin(SETUP);
    server
}

/// The plugin as it ships and is granted what it asks for, with less time than it asks for.
fn folder() -> Folder {
    let plugin = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/query-replica");
    let manifest = fs::read_to_string(format!("{plugin}/plugin.toml")).expect("it ships");
    let folder = Folder::new(&[]);
    let component = fs::read(toolcell_test_guests::plugins::QUERY_REPLICA).expect("it is built");
    folder.add_built("query-replica", &manifest.replace("\"30s\"", "\"3s\""), &component);
    folder.write("toolcell.toml", "[postgres.replica]\nurl-env = \"REPLICA_URL\"\n");
    folder.lock();
    folder
}

/// Serves the plugin with this value for `REPLICA_URL`.
fn serve(folder: &Folder, url: &str) -> Client {
    folder.write("replica.env", &format!("REPLICA_URL={url}\n"));
    folder.serve_with(&["--locked", "--env-file", "replica.env"])
}

/// Runs a statement that has rows.
fn rows(client: &mut Client, arguments: Value) -> Value {
    let result = client.call("query_replica", arguments);
    assert_eq!(result["isError"], false, "{result}");
    result["structuredContent"].clone()
}

fn describe(client: &mut Client, arguments: Value) -> Value {
    let result = client.call("describe_tables", arguments);
    assert_eq!(result["isError"], false, "{result}");
    result["structuredContent"].clone()
}

/// A call that fails with this code, and what is told of it.
fn fails(client: &mut Client, tool: &str, arguments: Value, code: &str) -> String {
    let failed = Failed::new(&client.call(tool, arguments));
    assert_eq!(failed.code, code, "{}", failed.text);
    failed.text
}

fn refused(client: &mut Client, sql: &str, code: &str) -> String {
    fails(client, "query_replica", json!({"sql": sql}), code)
}

#[test]
fn what_is_asked_is_answered_in_one_shape() {
    let server = server();
    let folder = folder();
    let mut client = serve(&folder, &server.url_of(ANALYST, "postgres"));
    assert_eq!(client.tools(), ["describe_tables", "query_replica"]);

    let all = rows(&mut client, json!({"sql": "SELECT * FROM users ORDER BY id;"}));
    assert_eq!(
        all,
        json!({
            "columns": [
                {"name": "id", "type": "int8"}, {"name": "email", "type": "text"},
                {"name": "createdAt", "type": "timestamptz"}, {"name": "balance", "type": "numeric"},
            ],
            "rows": [[1, "ada@example.com", "2026-03-31T12:00:00.25Z", "10.50"], [2, "bob@example.com", null, null]],
            "row_count": 2, "truncated": false,
        })
    );
    let none = rows(&mut client, json!({"sql": "SELECT id FROM users WHERE false"}));
    let id = json!([{"name": "id", "type": "int8"}]);
    assert_eq!(none, json!({"columns": id, "rows": [], "row_count": 0, "truncated": false}));

    let many = "SELECT n FROM generate_series(1, 20000) n";
    let counted = |answer: &Value| (answer["row_count"].as_u64(), answer["truncated"].as_bool());
    assert_eq!(counted(&rows(&mut client, json!({"sql": many}))), (Some(100), Some(true)));
    assert_eq!(counted(&rows(&mut client, json!({"sql": many, "limit": 10_000}))), (Some(10_000), Some(true)));
    let large = rows(&mut client, json!({"sql": many.replace(" n FROM", " repeat('x', 2000) FROM"), "limit": 10_000}));
    let (count, truncated) = counted(&large);
    assert!(count.is_some_and(|count| (1_500..2_200).contains(&count)) && truncated == Some(true), "{count:?}");

    for read in ["EXPLAIN SELECT 1", "SHOW server_version", "VALUES (1)", "TABLE users", "WITH a AS (SELECT 1) TABLE a"]
    {
        assert!(rows(&mut client, json!({"sql": read}))["row_count"].as_u64() > Some(0), "{read}");
    }
    let last = "SELECT '10.0.0.1'::inet AS a, ARRAY[1, NULL] AS b, '{\"k\": [1.50]}'::jsonb AS c -- the end";
    assert_eq!(rows(&mut client, json!({"sql": last}))["rows"], json!([["10.0.0.1/32", [1, null], {"k": [1.5]}]]));
}

#[test]
fn tables_are_described_as_far_as_they_may_be_read() {
    let server = server();
    let folder = folder();
    let mut client = serve(&folder, &server.url_of(ANALYST, "postgres"));
    let public = describe(&mut client, json!({}));
    let column = |name: &str, kind: &str, nullable: bool| json!({"name": name, "type": kind, "nullable": nullable});
    let mut email = column("email", "text", false);
    email["comment"] = "Where they are written to".into();
    assert_eq!(
        public,
        json!({
            "schema": "public",
            "tables": [{
                "name": "users", "kind": "table", "comment": "People who signed up", "estimated_rows": 2,
                "columns": [
                    column("id", "bigint", false), email, column("createdAt", "timestamp with time zone", true),
                    column("balance", "numeric(12,2)", true),
                ],
                "primary_key": ["id"], "foreign_keys": [],
            }],
            "table_count": 1, "truncated": false,
        })
    );
    let sales = describe(&mut client, json!({"schema": "sales"}));
    let tables = sales["tables"].as_array().expect("a list");
    let kinds: Vec<_> = tables.iter().map(|table| (table["name"].as_str(), table["kind"].as_str())).collect();
    let expected = [("orders", "table"), ("shipments", "partitioned_table"), ("totals", "view")];
    assert_eq!(kinds, expected.map(|(name, kind)| (Some(name), Some(kind))));
    let key = json!([{
        "columns": ["id", "line"], "schema": "sales", "table": "orders", "referenced_columns": ["id", "line"],
    }]);
    assert_eq!((&tables[0]["primary_key"], &tables[1]["foreign_keys"]), (&json!(["id", "line"]), &key));
    assert_eq!(tables[0]["foreign_keys"][0]["table"], "users");

    assert_eq!(describe(&mut client, json!({"schema": "sales", "name_contains": "ORD"}))["table_count"], 1);
    let nothing = describe(&mut client, json!({"name_contains": "invoice"}));
    let hint = "No table has `invoice` in its name; without `name_contains` there are 1.";
    assert_eq!(nothing, json!({"schema": "public", "tables": [], "table_count": 0, "truncated": false, "hint": hint}));
    for (name, schema) in [("unknown_schema", "sale"), ("hidden_schema", "hidden")] {
        let text = fails(&mut client, "describe_tables", json!({"schema": schema}), "unknown_schema");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn a_statement_that_is_refused_is_explained() {
    let server = server();
    let folder = folder();
    let mut client = serve(&folder, &server.url_of(ANALYST, "postgres"));
    let cases = [
        ("unknown_column", "unknown_column", "SELECT u.emial FROM users u"),
        ("unknown_column_capital", "unknown_column", "SELECT id FROM users WHERE createdAt > now()"),
        ("unknown_table", "unknown_table", "SELECT count(*) FROM usrs"),
        ("unknown_table_schema", "unknown_table", "SELECT * FROM orders"),
        ("missing_from", "unknown_table", "SELECT u.id FROM users"),
        ("syntax", "syntax_error", "SELECT id, email\nFORM users\nWHERE id = 1"),
        ("syntax_end", "syntax_error", "SELECT id FROM"),
        ("two_statements", "syntax_error", "SELECT 1; DROP TABLE users"),
        ("write", "read_only", "UPDATE users SET email = ''"),
        ("write_returning", "read_only", "DELETE FROM users RETURNING id"),
        ("write_in_with", "read_only", "WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone"),
        ("lock", "read_only", "SELECT * FROM users FOR UPDATE"),
        ("permission", "permission_denied", "SELECT * FROM numbers"),
        ("permission_schema", "permission_denied", "SELECT * FROM hidden.plans"),
        ("timeout", "database_timeout", "SELECT pg_sleep(60)"),
        ("refused", "database_refused", "SELECT 1 / 0"),
        ("refused_place", "database_refused", "SELECT id FROM users WHERE email = 5"),
        ("parameters", "invalid_query", "SELECT * FROM users WHERE id = $1"),
        ("unreadable", "unreadable_json", "SELECT '{\"a\": 1e400}'::jsonb AS body"),
        ("large_row", "invalid_query", "SELECT repeat('x', 5000000)"),
    ];
    for (name, code, sql) in cases {
        let text = refused(&mut client, sql, code);
        insta::assert_snapshot!(name, text);
    }
    assert_eq!(server.admin("SELECT count(*) FROM users WHERE email <> ''"), [[Some("2".to_owned())]]);
}

#[test]
fn the_python_client_in_both_eras() {
    let server = server();
    let folder = folder();
    folder.write("replica.env", &format!("REPLICA_URL={}\n", server.url_of(ANALYST, "postgres")));
    let env_file = folder.plugins().with_file_name("replica.env");
    let options = ["--env-file", env_file.to_str().expect("a path in UTF-8")];
    // Compiles what `toolcell build` would have: a client that waits for long takes the server for one of the older era.
    assert!(folder.toolcell().args(["list", "--locked"]).output().expect("it runs").status.success());
    let call = |tool: &str, arguments: Value| json!({"do": "call", "tool": tool, "arguments": arguments});
    let query = |sql: &str| call("query_replica", json!({"sql": sql}));
    let steps = json!([
        {"do": "list"},
        call("query_replica", json!({"sql": "SELECT id, email FROM users ORDER BY id", "limit": 1})),
        call("describe_tables", json!({"schema": "sales"})),
        query("SELECT emial FROM users"),
        query("DELETE FROM users"),
        {"do": "cancel", "tool": "query_replica", "arguments": {"sql": "SELECT pg_sleep(60)"}, "after_ms": 300},
        call("query_replica", json!({"sql": "SELECT 1", "limit": 10_001})),
    ]);
    for era in ["auto", "legacy"] {
        let answers = peers::python(&json!({"command": command(&folder, &options), "era": era, "steps": steps}));
        let [connection, list, rows, tables, column, write, _cancelled, bad] = answers.as_slice() else {
            panic!("{answers:#?}")
        };
        assert_eq!(connection["version"], if era == "auto" { "2026-07-28" } else { "2025-11-25" });
        let hints =
            json!({"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": true});
        for tool in list["tools"].as_array().expect("a list") {
            let told = &tool["annotations"];
            assert!(hints.as_object().expect("one").iter().all(|(name, hint)| told[name] == *hint), "{tool}");
        }
        let answer = &rows["result"]["structuredContent"];
        assert_eq!(answer["rows"], json!([[1, "ada@example.com"]]), "{rows}");
        assert_eq!((&answer["row_count"], &answer["truncated"]), (&json!(1), &json!(true)), "{rows}");
        assert_eq!(tables["result"]["structuredContent"]["table_count"], 3, "{tables}");
        let error = |answer: &Value| answer["result"]["_meta"]["toolcell/error"].clone();
        assert_eq!(error(column)["code"], "unknown_column", "{column}");
        assert!(error(column)["checkFirst"].as_str().is_some_and(|check| check.contains("`email`")), "{column}");
        assert_eq!(error(write)["code"], "read_only", "{write}");
        assert_eq!(error(bad)["mismatches"][0]["pointer"], "/limit", "{bad}");
    }
}

/// What is wrong with the statement, then each way in which the replica is not reached.
#[test]
fn the_python_client_is_told_each_state_in_both_eras() {
    let server = server();
    let silent = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let silent_port = silent.local_addr().expect("it is bound").port();
    let at = |host: &str| format!("postgres://{ANALYST}@{host}/postgres");
    let states: [(String, &[(&str, &str)]); 6] = [
        (
            server.url_of(ANALYST, "postgres"),
            &[
                ("SELECT * FROM usres", "unknown_table"),
                ("SELEC 1", "syntax_error"),
                ("SELECT * FROM hidden.plans", "permission_denied"),
                ("SELECT pg_sleep(60)", "database_timeout"),
            ],
        ),
        (server.url_of("analyst:wrong", "postgres"), &[("SELECT 1", "database_login")]),
        (at(&format!("127.0.0.1:{}", free_port())), &[("SELECT 1", "database_unreachable")]),
        (at(&format!("127.0.0.1:{silent_port}")), &[("SELECT 1", "database_unreachable")]),
        (at("replica.invalid"), &[("SELECT 1", "database_unreachable")]),
        ("replica.example.com".to_owned(), &[("SELECT 1", "database_not_configured")]),
    ];
    let folder = folder();
    assert!(folder.toolcell().args(["list", "--locked"]).output().expect("it runs").status.success());
    let env_file = folder.plugins().with_file_name("replica.env");
    let options = ["--env-file", env_file.to_str().expect("a path in UTF-8")];
    for (url, calls) in states {
        folder.write("replica.env", &format!("REPLICA_URL={url}\n"));
        let call = |(sql, _): &(&str, &str)| json!({"do": "call", "tool": "query_replica", "arguments": {"sql": sql}});
        let steps: Vec<_> = calls.iter().map(call).collect();
        for era in ["auto", "legacy"] {
            let answers = peers::python(&json!({"command": command(&folder, &options), "era": era, "steps": steps}));
            assert_eq!(answers.len(), calls.len() + 1);
            for (answer, (sql, code)) in answers[1..].iter().zip(calls) {
                let failed = Failed::new(&answer["result"]);
                assert_eq!(failed.code, *code, "{era}, {sql}: {answer}");
                assert!(!failed.text.contains("s3cret") && !failed.text.contains("analyst:"), "{}", failed.text);
            }
        }
    }
}
