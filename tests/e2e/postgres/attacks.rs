//! Statements that would do more than read.

use serde_json::json;

use crate::postgres_server::Postgres;

/// Statements that write, or prepare to, and the SQLSTATE that the database refuses each with; none where the host does not
/// run it.
const ATTEMPTS: [(&str, Option<&str>); 26] = [
    ("INSERT INTO numbers VALUES (0, 'x')", None),
    ("INSERT INTO numbers VALUES (0, 'x') RETURNING n", Some("25006")),
    ("UPDATE numbers SET word = 'x' RETURNING n", Some("25006")),
    ("DELETE FROM numbers RETURNING n", Some("25006")),
    ("TRUNCATE numbers", None),
    ("WITH x AS (DELETE FROM numbers RETURNING n) SELECT * FROM x", Some("25006")),
    ("CREATE TABLE t (a int)", None),
    ("CREATE TEMP TABLE t (a int)", None),
    ("SELECT 1 AS a INTO TEMP t", None),
    ("SELECT nextval('counter')", Some("25006")),
    ("SELECT setval('counter', 1)", Some("42501")),
    ("SELECT n FROM numbers FOR UPDATE", Some("25006")),
    ("SELECT n FROM numbers FOR SHARE", Some("25006")),
    ("DO $$ BEGIN DELETE FROM numbers; END $$", None),
    ("SELECT writes()", Some("25006")),
    ("SELECT set_config('transaction_read_only', 'off', true), writes()", Some("25001")),
    ("SET TRANSACTION READ WRITE", None),
    ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", None),
    ("COMMIT", None),
    ("ROLLBACK", None),
    ("COMMIT; DELETE FROM numbers", Some("42601")),
    ("SELECT 1; SELECT 2", Some("42601")),
    ("COPY numbers TO PROGRAM 'touch /tmp/toolcell-attack'", None),
    ("COPY numbers FROM STDIN", None),
    ("EXPLAIN ANALYZE DELETE FROM numbers", Some("25006")),
    ("SELECT pg_read_file('PG_VERSION')", Some("42501")),
];

#[test]
fn whatever_writes_is_refused() {
    let postgres = Postgres::start();
    postgres.admin(
        "CREATE FUNCTION writes() RETURNS int LANGUAGE sql VOLATILE AS $$ DELETE FROM numbers WHERE n = 1 RETURNING n $$",
    );
    let (_folder, mut client) = super::on(&postgres);
    for (sql, sqlstate) in ATTEMPTS {
        let caught = super::caught(&mut client, sql);
        assert_eq!(caught["code"], "database_refused", "{sql}: {caught}");
        assert_eq!(caught["refusal"]["sqlstate"].as_str(), sqlstate, "{sql}: {caught}");
        assert_eq!(super::rows(&mut client, "SELECT count(*) FROM numbers"), json!([[1000]]), "{sql}");
    }
    assert_eq!(postgres.admin("SELECT is_called FROM counter"), [[Some("f".to_owned())]]);
}

#[test]
fn a_role_that_can_do_more_than_read_is_refused() {
    let postgres = Postgres::start();
    postgres.admin(
        "CREATE ROLE runs LOGIN PASSWORD 'x'; GRANT pg_execute_server_program TO runs; \
         CREATE ROLE boss SUPERUSER; CREATE ROLE heir LOGIN PASSWORD 'x' NOINHERIT; GRANT boss TO heir; \
         CREATE ROLE copies LOGIN PASSWORD 'x' REPLICATION",
    );
    for (user, power) in [
        ("admin:admin", "superuser"),
        ("runs:x", "pg_execute_server_program"),
        ("heir:x", "superuser"),
        ("copies:x", "replication"),
    ] {
        let folder = super::folder("", "");
        let mut client = super::serve(&folder, &postgres.url_of(user, "postgres"));
        let caught = super::caught(&mut client, "SELECT 1");
        assert_eq!(caught["code"], "database_unsafe", "{user}: {caught}");
        assert!(caught["message"].as_str().is_some_and(|message| message.contains(power)), "{user}: {caught}");
    }
}

#[test]
fn what_is_too_large_for_an_answer_is_not_held() {
    let postgres = Postgres::start();
    let (_folder, mut client) = super::on(&postgres);
    let one = super::caught(&mut client, "SELECT repeat(repeat('x', 1000), 1000000)");
    assert_eq!(one["code"], "invalid_query", "{one}");
    let answer =
        |client: &mut _, sql: &str| super::answer(client, json!({"sql": sql, "max_rows": 100_000, "brief": true}));
    for sql in [
        "SELECT repeat(repeat('x', 1000), 1000) FROM generate_series(1, 1000000)",
        "SELECT repeat(repeat('x', 1000), n * 1000) FROM generate_series(1, 1000) n",
    ] {
        let answer = answer(&mut client, sql);
        assert_eq!(answer["truncated"], true, "{sql}: {answer}");
        postgres.wait_until_gone("repeat");
    }
    // The endless one ends with the rows that were asked for.
    let endless = answer(&mut client, "SELECT generate_series(1, 9223372036854775807)");
    assert_eq!((&endless["rows"], &endless["truncated"]), (&json!(100_000), &json!(true)));
    postgres.wait_until_gone("generate_series");
    assert_eq!(super::rows(&mut client, "SELECT 1"), json!([[1]]));
}
