use std::time::Duration;

use super::*;
use crate::{
    call::CallId,
    failure::{Failure, Report, WaitingFor},
    receipt::{LoginFault, Receipt, Stage, TlsFault, Unreachable},
};

fn refusal(sqlstate: &str, message: &str, hint: Option<&str>) -> Refusal {
    Refusal {
        sqlstate: sqlstate.to_owned(),
        message: message.to_owned(),
        detail: None,
        hint: hint.map(str::to_owned),
        position: Some(8),
    }
}

fn text(failure: &Failure) -> String {
    let receipt = Receipt::new(CallId::next());
    let text = failure.report("query", &receipt).text().replace(&receipt.call.to_string(), "CALL");
    assert!(text.chars().count() < Report::MAX_TEXT, "{text}");
    text
}

fn of(fault: DatabaseFault) -> String {
    let place = DatabasePlace { host: "db.example".to_owned(), port: 5432, variable: "REPLICA_URL".to_owned() };
    let failure = DatabaseFailure { database: "replica".to_owned(), place: Some(place), fault };
    text(&Failure::Database { failure: Box::new(failure) })
}

#[test]
fn databases_that_are_not_there() {
    let variable = || "REPLICA_URL".to_owned();
    let timeout = |stage| Unreachable::Timeout { stage, after_ms: 10_000 };
    let unreachable = [
        Unreachable::Refused,
        Unreachable::NameNotFound,
        Unreachable::NoRoute,
        timeout(Stage::Connect),
        timeout(Stage::Answer),
        Unreachable::Cut,
        Unreachable::Protocol,
        Unreachable::Tls(TlsFault::NotTls),
        Unreachable::Tls(TlsFault::UnknownIssuer),
        Unreachable::Tls(TlsFault::WrongName),
        Unreachable::Tls(TlsFault::Expired),
    ];
    let faults = [
        DatabaseFault::NotListed,
        DatabaseFault::UrlUnset { variable: variable() },
        DatabaseFault::UrlInvalid { variable: variable(), problem: "is not a URL" },
        DatabaseFault::CaFile { problem: "cannot be read" },
        DatabaseFault::NotReady,
        DatabaseFault::ServerFull,
        DatabaseFault::Busy { connections: 8, waited: Duration::from_secs(5) },
        DatabaseFault::Unsafe { power: "superuser".to_owned() },
    ];
    let faults = faults.into_iter().chain(unreachable.map(DatabaseFault::Unreachable));
    insta::assert_snapshot!("databases_that_are_not_there", faults.map(of).collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn log_ins_that_are_refused() {
    let faults = [
        LoginFault::Password,
        LoginFault::NoPassword,
        LoginFault::NotPermitted,
        LoginFault::NoDatabase,
        LoginFault::NoPrivilege,
        LoginFault::Method,
    ];
    let texts = faults.map(|fault| of(DatabaseFault::Login(fault)));
    insta::assert_snapshot!("log_ins_that_are_refused", texts.join("\n\n"));
}

#[test]
fn statements_that_are_refused() {
    let cancelled = refusal("57014", "canceling statement due to statement timeout", None);
    let refused = [
        refusal("25006", "cannot execute INSERT in a read-only transaction", None),
        refusal(
            "42703",
            "column \"wrod\" does not exist",
            Some("Perhaps you meant to reference the column \"t.word\"."),
        ),
        refusal("42501", "permission denied for table t", None),
        refusal("42601", "syntax error at or near \"SELEC\"", None),
        refusal("40001", "canceling statement due to conflict with recovery", None),
        refusal("53200", "out of memory", None),
        refusal("22012", "division by zero", None),
    ];
    let faults = [
        DatabaseFault::Timeout { limit: Duration::from_secs(29), refusal: cancelled },
        DatabaseFault::NoRows,
        DatabaseFault::Invalid { reason: "the number of the statement's parameters is 1, and 0 were given".to_owned() },
    ];
    let faults = faults.into_iter().chain(refused.map(DatabaseFault::Refused));
    insta::assert_snapshot!("statements_that_are_refused", faults.map(of).collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn a_deadline_names_the_database_that_was_waited_for() {
    let waiting_for = Some(WaitingFor::Database("replica".to_owned()));
    let failure = Failure::Deadline { limit: Duration::from_secs(30), waiting_for };
    insta::assert_snapshot!("deadline", text(&failure));
}
