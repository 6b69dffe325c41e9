//! Encrypted connections, and certificates of each kind.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use crate::postgres_server::Postgres;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("it signs itself")
}

/// A server with a certificate of that authority.
fn server(authority: &Authority, names: &[&str], has_expired: bool) -> Postgres {
    let mut params =
        CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("the names are good");
    if has_expired {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("the authority signs");
    let write = |data: &Path, name: &str, pem: &str| {
        let file = data.join(name);
        fs::write(&file, pem).expect("the folder is ours");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    };
    Postgres::start_with_tls(|data| {
        write(data, "server.crt", &certificate.pem());
        write(data, "server.key", &key.serialize_pem());
    })
}

/// One question with a mode, and with a file of authorities where there is one.
fn ask(postgres: &Postgres, sslmode: &str, authority: Option<&Authority>, sql: &str) -> Value {
    let folder = super::folder("", if authority.is_some() { "ca-file = \"ca.pem\"\n" } else { "" });
    if let Some(authority) = authority {
        folder.write("ca.pem", &authority.pem());
    }
    let mut client = super::serve(&folder, &format!("{}?sslmode={sslmode}", postgres.url()));
    super::answer(&mut client, json!({"sql": sql, "catch": true}))
}

const IS_ENCRYPTED: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

#[test]
fn certificates_are_verified_in_every_mode_that_uses_tls() {
    let authority = authority();
    let good = server(&authority, &["127.0.0.1", "localhost"], false);
    for mode in ["prefer", "require", "verify-full"] {
        let answer = ask(&good, mode, Some(&authority), IS_ENCRYPTED);
        assert_eq!(answer["rows"], json!([[true]]), "{mode}: {answer}");
        let unknown = ask(&good, mode, None, IS_ENCRYPTED);
        assert_eq!(unknown["code"], "database_unreachable", "{mode}: {unknown}");
        assert!(unknown["message"].to_string().contains("signed by nobody"), "{mode}: {unknown}");
        assert!(unknown["check_first"].to_string().contains("ca-file"), "{mode}: {unknown}");
    }
    assert_eq!(ask(&good, "disable", None, IS_ENCRYPTED)["rows"], json!([[false]]));

    let expired = ask(&server(&authority, &["127.0.0.1"], true), "require", Some(&authority), IS_ENCRYPTED);
    assert!(expired["message"].to_string().contains("has expired"), "{expired}");
    let other = ask(&server(&authority, &["other.example"], false), "require", Some(&authority), IS_ENCRYPTED);
    assert!(other["message"].to_string().contains("for other names"), "{other}");
}

#[test]
fn a_server_without_tls_is_asked_only_where_that_was_agreed() {
    let plain = Postgres::start();
    assert_eq!(ask(&plain, "prefer", None, IS_ENCRYPTED)["rows"], json!([[false]]));
    let refused = ask(&plain, "require", None, IS_ENCRYPTED);
    assert_eq!(refused["code"], "database_unreachable", "{refused}");
    assert!(refused["message"].to_string().contains("does not offer TLS"), "{refused}");
}

/// A request to cancel goes over a connection of its own, encrypted as well.
#[test]
fn cancelling_works_with_tls() {
    let authority = authority();
    let postgres = server(&authority, &["127.0.0.1"], false);
    let folder = super::folder("limits.deadline = \"20s\"", "ca-file = \"ca.pem\"\n");
    folder.write("ca.pem", &authority.pem());
    let mut client = super::serve(&folder, &format!("{}?sslmode=verify-full", postgres.url()));
    let id = client.begin_call("queries", json!({"sql": "SELECT pg_sleep(15)"}));
    postgres.wait_until_running("pg_sleep(15)");
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    client.send(&cancel.to_string());
    let began = std::time::Instant::now();
    postgres.wait_until_gone("pg_sleep(15)");
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}
