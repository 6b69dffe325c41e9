//! What is said of each way in which a database does not answer.

use std::{
    io::{Read, Write},
    net::Shutdown,
};

use serde_json::{Value, json};

use crate::{
    failure::Failed,
    postgres_server::{Postgres, free_port},
    upstream::Upstream,
};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn what_the_database_said_comes_with_its_place() {
    let postgres = Postgres::start();
    let (_folder, mut client) = super::on(&postgres);
    for (sql, sqlstate, position) in [
        ("SELECT wrod FROM numbers", "42703", Some(8)),
        ("SELEC 1", "42601", Some(1)),
        ("SELECT * FROM nothing", "42P01", Some(15)),
        ("SELECT 1/0", "22012", None),
        ("SELECT 'x'::int", "22P02", Some(8)),
        ("SELECT '::1'::inet, wrod FROM numbers", "42703", Some(21)),
        ("SELECT pg_read_file('x')", "42501", None),
    ] {
        let caught = super::caught(&mut client, sql);
        let refusal = &caught["refusal"];
        assert_eq!((&caught["code"], &refusal["sqlstate"]), (&json!("database_refused"), &json!(sqlstate)), "{caught}");
        assert_eq!(refusal["position"].as_u64(), position, "{sql}: {caught}");
    }
    let nearest = super::caught(&mut client, "SELECT wrod FROM numbers");
    assert!(text(&nearest["refusal"]["hint"]).contains("word"), "{nearest}");
    let active = super::caught(&mut client, "SELECT (E'\\x1b[31m' || repeat('x', 9000))::int");
    assert!(!text(&active["refusal"]["message"]).contains('\u{1b}'), "{active}");
    assert!(text(&active["message"]).len() < 800, "{active}");
}

#[test]
fn questions_that_cannot_be_put_are_named() {
    let postgres = Postgres::start();
    let (_folder, mut client) = super::on(&postgres);
    for (arguments, words) in [
        (json!({"sql": "SELECT $1::int"}), "parameters is 1, and 0 were given"),
        (json!({"sql": "SELECT $1::int", "parameters": [{"a": 1}]}), "parameter $1 is an object"),
        (json!({"sql": "SELECT 1\u{0}"}), "NUL"),
        (json!({"sql": "SELECT 1", "max_rows": 0}), "expected 1 to 100000"),
        (json!({"sql": "SELECT 1", "times": 1_001}), "has put 1000 questions"),
    ] {
        let mut arguments = arguments;
        arguments["catch"] = true.into();
        let caught = super::answer(&mut client, arguments);
        assert_eq!(caught["code"], "invalid_query", "{caught}");
        assert!(text(&caught["message"]).contains(words), "{caught}");
    }
}

/// What a plugin reads where the database is at this URL.
fn at(url: &str) -> Value {
    let folder = super::folder("", "");
    let caught = super::caught(&mut super::serve(&folder, url), "SELECT 1");
    for secret in ["reader", "p@ss", "p%40ss", "bob", "secret", "sales"] {
        assert!(!caught.to_string().contains(secret), "{secret}: {caught}");
    }
    caught
}

#[test]
fn each_refused_log_in_names_its_reason() {
    let postgres = Postgres::start();
    for sql in [
        "CREATE ROLE locked NOLOGIN PASSWORD 'x'",
        "CREATE ROLE crowd LOGIN PASSWORD 'x' CONNECTION LIMIT 0",
        "CREATE DATABASE closed",
        "REVOKE CONNECT ON DATABASE closed FROM public",
    ] {
        postgres.admin(sql);
    }
    for (user, database, code, words) in [
        ("reader:wrong", "postgres", "database_login", "wrong password, or no such user"),
        ("nobody:x", "postgres", "database_login", "wrong password, or no such user"),
        ("reader", "postgres", "database_login", "it wants a password"),
        ("locked:x", "postgres", "database_login", "may not log in from here"),
        ("reader:p%40ss%2Fword", "sales", "database_login", "does not exist there"),
        ("reader:p%40ss%2Fword", "closed", "database_login", "may not connect to that database"),
        ("crowd:x", "postgres", "database_busy", "has no connection left"),
    ] {
        let caught = at(&postgres.url_of(user, database));
        assert_eq!(caught["code"], code, "{user}: {caught}");
        assert!(text(&caught["message"]).contains(words), "{user}: {caught}");
        assert!(!text(&caught["check_first"]).is_empty(), "{user}: {caught}");
    }
}

#[test]
fn each_server_that_is_none_is_named() {
    let refused = free_port();
    let http = Upstream::handling(|mut connection| {
        let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = connection.shutdown(Shutdown::Write);
        let _ = connection.read_to_end(&mut Vec::new());
    });
    let silent = Upstream::handling(|connection| {
        std::thread::park();
        drop(connection);
    });
    for (server, words, check) in [
        (format!("127.0.0.1:{refused}"), "was refused", format!("pg_isready -h 127.0.0.1 -p {refused}")),
        (format!("127.0.0.1:{}", http.port), "does not speak PostgreSQL's protocol", "REPLICA_URL".to_owned()),
        (format!("127.0.0.1:{}", silent.port), "did not answer", "pg_isready".to_owned()),
        ("nothing.invalid:5432".to_owned(), "nothing.invalid", "REPLICA_URL".to_owned()),
    ] {
        let caught = at(&format!("postgres://bob:secret@{server}/sales"));
        assert_eq!(caught["code"], "database_unreachable", "{caught}");
        assert!(text(&caught["message"]).contains(words), "{caught}");
        assert!(text(&caught["check_first"]).contains(&check), "{caught}");
    }
}

#[test]
fn what_a_plugin_swallows_is_told_and_check_warns_of_what_is_not_configured() {
    let folder = super::folder("", "");
    let mut client = super::serve(&folder, "postgres://bob:secret@127.0.0.1:1/sales");
    let result = client.call("queries", json!({"sql": "SELECT 1", "swallow": true}));
    assert_eq!(result["isError"], false, "{result}");
    assert!(text(&result["content"][1]["text"]).contains("127.0.0.1:1 was refused"), "{result}");
    let crashed = Failed::new(&client.call("queries", json!({"sql": "SELECT 1", "crash": true})));
    assert_eq!(crashed.code, "database_unreachable", "{}", crashed.text);

    let check = |options: &[&str]| {
        let output = folder.toolcell().args(["check", "--locked"]).args(options).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(check(&[]).contains("REPLICA_URL is not set on the host"), "{}", check(&[]));
    assert!(!check(&["--env-file", ".env"]).contains("warning"), "{}", check(&["--env-file", ".env"]));
}
