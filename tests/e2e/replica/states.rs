//! The replica that is down, comes back, follows its primary, or is somewhere else than `REPLICA_URL` says.

use std::net::TcpListener;

use serde_json::json;

use super::{ANALYST, fails, folder, refused, rows, serve, server};
use crate::{failure::Failed, postgres_server::free_port};

/// Stops, locks out, restarts: what the next call tells, and that it needs no restart of the host.
#[test]
fn a_replica_in_trouble_is_told_in_that_state() {
    let mut server = server();
    let folder = folder();
    let mut client = serve(&folder, &server.url());
    let one = json!({"sql": "SELECT 1 AS one"});
    assert_eq!(rows(&mut client, one.clone())["rows"], json!([[1]]));

    server.stop();
    for tool in ["query_replica", "describe_tables"] {
        let arguments = if tool == "query_replica" { one.clone() } else { json!({}) };
        let down = fails(&mut client, tool, arguments, "database_unreachable");
        assert!(down.contains("pg_isready -h 127.0.0.1") && down.contains("REPLICA_URL"), "{down}");
        insta::assert_snapshot!("down", down);
    }
    server.run();
    assert_eq!(rows(&mut client, one.clone())["rows"], json!([[1]]));

    server.end_sessions();
    assert_eq!(rows(&mut client, one.clone())["rows"], json!([[1]]));

    let change = |role: &str| {
        server.admin(&format!("ALTER ROLE reader {role}"));
        server.end_sessions();
    };
    change("NOLOGIN");
    insta::assert_snapshot!("locked_out", refused(&mut client, "SELECT 1", "database_login"));
    change("LOGIN SUPERUSER");
    insta::assert_snapshot!("unsafe", refused(&mut client, "SELECT 1", "database_unsafe"));
    change("NOSUPERUSER");
    assert_eq!(rows(&mut client, one)["rows"], json!([[1]]));
}

/// Sixteen at a time; in between the sessions are ended, and the server is stopped for one round.
#[test]
fn calls_by_the_thousand_are_answered_before_and_after_an_outage() {
    let mut server = server();
    let folder = folder();
    let mut client = serve(&folder, &server.url());
    let mut answered = 0;
    for round in 0..64 {
        let is_down = round == 40;
        match round {
            20 => server.end_sessions(),
            40 => server.stop(),
            41 => server.run(),
            _ => {}
        }
        let calls: Vec<_> = (0..16)
            .map(|n| (n, client.begin_call("query_replica", json!({"sql": format!("SELECT {n} AS n FROM users")}))))
            .collect();
        for (n, id) in calls {
            let result = client.end(id)["result"].take();
            if is_down {
                assert_eq!(Failed::new(&result).code, "database_unreachable");
            } else {
                assert_eq!(result["structuredContent"]["rows"], json!([[n], [n]]), "{round}: {result}");
                answered += 1;
            }
        }
    }
    assert_eq!(answered, 63 * 16);
}

/// What the primary changes, its replica has to follow, also where somebody still reads it.
#[test]
fn a_statement_in_the_way_of_the_primary_is_given_up_and_can_be_tried_again() {
    let primary = server();
    let replica = primary.standby(&["-c", "max_standby_streaming_delay=100ms"]);
    let folder = folder();
    let mut client = serve(&folder, &replica.url());
    let id = client.begin_call("query_replica", json!({"sql": "SELECT count(*), pg_sleep(60) FROM users"}));
    replica.wait_until_running("pg_sleep");
    primary.admin("BEGIN; LOCK TABLE users; COMMIT");
    let failed = Failed::new(&client.end(id)["result"]);
    assert_eq!(failed.code, "conflict", "{}", failed.text);
    insta::assert_snapshot!("conflict", failed.text);
    assert_eq!(rows(&mut client, json!({"sql": "SELECT count(*) FROM users"}))["rows"], json!([[2]]));
}

/// Each value of `REPLICA_URL` that is wrong in its own way.
#[test]
fn a_wrong_variable_is_told_by_its_name() {
    let server = server();
    let nobody = free_port();
    // Takes connections and says nothing, as a firewall in between does.
    let silent = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let silent_port = silent.local_addr().expect("it is bound").port();
    let cases = [
        ("wrong_password", "database_login", server.url_of("analyst:wrong", "postgres")),
        ("no_password", "database_login", server.url_of("analyst", "postgres")),
        ("no_such_database", "database_login", server.url_of(ANALYST, "nowhere")),
        ("wrong_port", "database_unreachable", format!("postgres://{ANALYST}@127.0.0.1:{nobody}/postgres")),
        ("silent", "database_unreachable", format!("postgres://{ANALYST}@127.0.0.1:{silent_port}/postgres")),
        ("no_tls", "database_unreachable", format!("{}?sslmode=require", server.url_of(ANALYST, "postgres"))),
        ("no_url", "database_not_configured", "replica.example.com".to_owned()),
    ];
    let folder = folder();
    for (name, code, url) in cases {
        let text = refused(&mut serve(&folder, &url), "SELECT 1", code);
        assert!(name == "silent" || text.contains("REPLICA_URL"), "{text}");
        assert!(!text.contains("analyst") && !text.contains("s3cret"), "{text}");
        insta::assert_snapshot!(name, text);
    }
    insta::assert_snapshot!(
        "unset",
        refused(&mut folder.serve_with(&["--locked"]), "SELECT 1", "database_not_configured")
    );
    folder.write("toolcell.toml", "");
    insta::assert_snapshot!(
        "not_configured",
        refused(&mut folder.serve_with(&["--locked"]), "SELECT 1", "database_not_configured")
    );
}

/// What a resolver says about a name that cannot exist depends on whether it reaches any name server.
#[test]
fn a_server_without_an_address_is_told_by_its_name() {
    let folder = folder();
    let url = format!("postgres://{ANALYST}@replica.invalid/postgres");
    let text = refused(&mut serve(&folder, &url), "SELECT 1", "database_unreachable");
    assert!(text.contains("replica.invalid:5432") && text.contains("VPN"), "{text}");
}
