//! A database that comes and goes, and calls that are given up.

use serde_json::{Value, json};

use crate::{client::Client, failure::Failed, postgres_server::Postgres};

fn cancel(client: &mut Client, id: u64) {
    let params = json!({"requestId": id});
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).to_string());
}

/// Sixteen calls at once, as often as it takes; what came of each.
fn many(client: &mut Client, calls: usize) -> Vec<Value> {
    let mut results = Vec::new();
    for _ in 0..calls.div_ceil(16) {
        let ids: Vec<_> =
            (0..16).map(|n| client.begin_call("queries", json!({"sql": format!("SELECT {n}")}))).collect();
        results.extend(ids.into_iter().map(|id| client.end(id)["result"].take()));
    }
    results
}

#[test]
fn calls_by_the_thousand_from_sixteen_at_once_are_answered() {
    let postgres = Postgres::start();
    let (_folder, mut client) = super::on(&postgres);
    for (at, result) in many(&mut client, 1_000).iter().enumerate() {
        assert_eq!(result["structuredContent"]["rows"], json!([[at % 16]]), "{result}");
    }
    let sessions = postgres.admin("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'");
    let sessions: usize = sessions[0][0].as_deref().and_then(|count| count.parse().ok()).expect("a number");
    assert!(sessions <= 8, "{sessions}");
}

#[test]
fn every_answer_names_the_state_and_the_next_call_succeeds() {
    let mut postgres = Postgres::start();
    let (_folder, mut client) = super::on(&postgres);
    let is_answer = |result: &Value| result["structuredContent"]["rows"].is_array();
    assert!(many(&mut client, 32).iter().all(is_answer));

    // Sessions that were ended while nobody used them are not what a call gets.
    for _ in 0..5 {
        postgres.end_sessions();
        for result in many(&mut client, 32) {
            assert!(is_answer(&result), "{result}");
        }
    }

    let ids: Vec<_> = (0..16).map(|_| client.begin_call("queries", json!({"sql": "SELECT pg_sleep(0.02)"}))).collect();
    postgres.stop();
    let under_way = ids.into_iter().map(|id| client.end(id)["result"].take()).collect::<Vec<_>>();
    for result in under_way.iter().chain(&many(&mut client, 32)) {
        if !is_answer(result) {
            let failed = Failed::new(result);
            assert_eq!(failed.code, "database_unreachable", "{}", failed.text);
            assert!(failed.text.contains("REPLICA_URL") || failed.text.contains("pg_isready"), "{}", failed.text);
        }
    }
    assert!(!is_answer(&client.call("queries", json!({"sql": "SELECT 1"}))));

    postgres.run();
    assert!(is_answer(&client.call("queries", json!({"sql": "SELECT 1"}))), "after the restart the next call succeeds");

    postgres.admin("ALTER ROLE reader NOLOGIN");
    postgres.end_sessions();
    let failed = Failed::new(&client.call("queries", json!({"sql": "SELECT 1"})));
    assert_eq!(failed.code, "database_login", "{}", failed.text);
    postgres.admin("ALTER ROLE reader LOGIN");
    assert!(is_answer(&client.call("queries", json!({"sql": "SELECT 1"}))));
}

#[test]
fn a_statement_ends_at_the_database_when_its_call_does() {
    let postgres = Postgres::start();
    let (_folder, mut client) = super::on(&postgres);
    let sleep = "SELECT pg_sleep(60)";
    let id = client.begin_call("queries", json!({"sql": sleep}));
    postgres.wait_until_running("pg_sleep(60)");
    cancel(&mut client, id);
    postgres.wait_until_gone("pg_sleep(60)");
    // The place in the pool is free again.
    assert_eq!(super::rows(&mut client, "SELECT 1"), json!([[1]]));
    drop(client);

    // By the deadline: first the database's own word, for a plugin that waits for it.
    let short = super::folder("limits.deadline = \"3s\"", "");
    let mut client = super::serve(&short, &postgres.url());
    let caught = super::caught(&mut client, sleep);
    assert_eq!((&caught["code"], &caught["refusal"]["sqlstate"]), (&json!("database_timeout"), &json!("57014")));
    postgres.wait_until_gone("pg_sleep(60)");
}

#[test]
fn nothing_of_a_session_is_left_to_the_next_call() {
    let postgres = Postgres::start();
    postgres.admin(
        "CREATE FUNCTION prepares() RETURNS int LANGUAGE plpgsql AS \
         $$ BEGIN EXECUTE 'PREPARE left_over AS SELECT 1'; RETURN 1; END $$",
    );
    // One connection, so that each call gets the one before's.
    let folder = super::folder("", "connections = 1\n");
    let mut client = super::serve(&folder, &postgres.url());
    for leaves in [
        "SELECT set_config('search_path', 'elsewhere', false)",
        "SELECT set_config('application_name', 'elsewhere', false)",
        "SELECT pg_advisory_lock(1)",
        "SELECT prepares()",
    ] {
        super::rows(&mut client, leaves);
        let left = "SELECT current_setting('search_path'), current_setting('application_name'), \
                    current_setting('transaction_read_only'), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), \
                    (SELECT count(*) FROM pg_prepared_statements WHERE from_sql)";
        let expected = json!([["\"$user\", public", "toolcell", "on", 0, 0]]);
        assert_eq!(super::rows(&mut client, left), expected, "after {leaves}");
    }
}
