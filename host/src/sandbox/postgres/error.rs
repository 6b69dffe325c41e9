//! What the client library's errors mean in our words.

use std::{
    error::Error as _,
    io::{self, ErrorKind},
    time::Duration,
};

use tokio_postgres::{
    Error,
    error::{DbError, ErrorPosition, SqlState},
};

use crate::{
    receipt::{DatabaseFault, LoginFault, Refusal, TlsFault, Unreachable},
    sandbox::http::from_io,
    text,
};

/// How much earlier than the host's clock the database's may say that the time is up.
const SLACK: Duration = Duration::from_millis(10);
/// Characters of each text of the database's that are kept.
const MAX_TEXT: usize = 400;

/// Why a log-in failed. What the server said is left out: it names the user.
pub(super) fn of_login(error: &Error) -> DatabaseFault {
    if let Some(error) = error.as_db_error() {
        return match *error.code() {
            SqlState::INVALID_PASSWORD => DatabaseFault::Login(LoginFault::Password),
            SqlState::INVALID_CATALOG_NAME => DatabaseFault::Login(LoginFault::NoDatabase),
            SqlState::INSUFFICIENT_PRIVILEGE => DatabaseFault::Login(LoginFault::NoPrivilege),
            SqlState::TOO_MANY_CONNECTIONS => DatabaseFault::ServerFull,
            _ if is_ending(error.code()) => DatabaseFault::NotReady,
            _ => DatabaseFault::Login(LoginFault::NotPermitted),
        };
    }
    let kind = error.to_string();
    // The library's errors of configuration and authentication differ in their words alone; the tests provoke each.
    if kind.starts_with("invalid configuration") {
        DatabaseFault::Login(LoginFault::NoPassword)
    } else if kind.starts_with("authentication error") {
        DatabaseFault::Login(LoginFault::Method)
    } else {
        DatabaseFault::Unreachable(lost(error))
    }
}

/// Why a statement failed on a connection that was there, in which it had `limit` and took `elapsed`.
pub(super) fn of_statement(error: &Error, limit: Duration, elapsed: Duration) -> DatabaseFault {
    let Some(refused) = error.as_db_error() else {
        return DatabaseFault::Unreachable(lost(error));
    };
    if is_ending(refused.code()) {
        return DatabaseFault::NotReady;
    }
    let refusal = refusal(refused);
    // The same code says that somebody cancelled it, and the words are in the language of the server.
    if *refused.code() == SqlState::QUERY_CANCELED && elapsed + SLACK >= limit {
        return DatabaseFault::Timeout { limit, refusal };
    }
    DatabaseFault::Refused(refusal)
}

/// Whether the connection was dead before the statement got to it.
pub(super) fn is_dead(error: &Error) -> bool {
    error.as_db_error().is_none_or(|error| is_ending(error.code()))
}

/// Whether the server ends or refuses sessions: it stops, starts, crashed, or somebody ended this one.
fn is_ending(code: &SqlState) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
}

/// What became of a connection.
fn lost(error: &Error) -> Unreachable {
    let Some(source) = error.source() else { return Unreachable::Cut };
    match source.downcast_ref::<io::Error>() {
        // What is left over at the end of a stream is no message of the protocol.
        Some(error) if error.kind() == ErrorKind::Other && error.get_ref().is_none_or(is_plain) => {
            Unreachable::Protocol
        }
        Some(error) => from_io(error),
        None if source.to_string().contains("does not support TLS") => Unreachable::Tls(TlsFault::NotTls),
        None => Unreachable::Protocol,
    }
}

fn is_plain(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    !error.is::<rustls::Error>()
}

/// What the database said, cut and cleaned.
pub(super) fn refusal(error: &DbError) -> Refusal {
    let shown = |words: &str| text::shown(words, MAX_TEXT);
    Refusal {
        sqlstate: error.code().code().to_owned(),
        message: shown(error.message()),
        detail: error.detail().map(shown),
        hint: error.hint().map(shown),
        position: match error.position() {
            Some(ErrorPosition::Original(position)) => Some(*position),
            _ => None,
        },
    }
}
