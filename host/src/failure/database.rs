//! How failures of databases are worded: for plugins, which get them as errors of the contract's `postgres`, and for models.
//! Server, port and the variable that holds the URL are shown; user, password and the rest of the URL never are.

mod server;

use self::server::{login, unreachable};
use super::{Code, Parts};
use crate::{
    policy::units::duration_text,
    receipt::{DatabaseFailure, DatabaseFault, DatabasePlace, Query, QueryEnd, Refusal, Server},
};

impl DatabaseFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NotListed | Self::UrlUnset { .. } | Self::UrlInvalid { .. } | Self::CaFile { .. } => {
                Code::DatabaseNotConfigured
            }
            Self::Unreachable(_) | Self::NotReady => Code::DatabaseUnreachable,
            Self::Login(_) => Code::DatabaseLogin,
            Self::Unsafe { .. } => Code::DatabaseUnsafe,
            Self::Busy { .. } | Self::ServerFull => Code::DatabaseBusy,
            Self::Timeout { .. } => Code::DatabaseTimeout,
            Self::Refused(_) | Self::NoRows => Code::DatabaseRefused,
            Self::Invalid { .. } => Code::InvalidQuery,
        }
    }

    /// What the database itself said.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::Timeout { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

/// Why a question came to nothing. One that was under way when the call ended has waited for too long.
#[must_use]
pub fn failed(query: &Query) -> Option<Parts> {
    match &query.end {
        QueryEnd::Answered => None,
        QueryEnd::Failed(failure) => Some(failure.parts()),
        QueryEnd::Pending => Some(
            Parts::new(
                format!("the database `{}` was still at work after {}", query.database, duration_text(query.elapsed)),
                &SLOW,
                ASK_FOR_LESS,
            )
            .retryable(),
        ),
    }
}

/// Why a statement takes long.
const SLOW: [&str; 3] = [
    "the statement reads or sorts many rows, for example without an index",
    "it waits for a lock that another session holds",
    "the database is overloaded",
];
const ASK_FOR_LESS: &str =
    "whether the statement can read less, by a WHERE on an indexed column or a LIMIT; EXPLAIN shows its plan";

impl DatabaseFailure {
    /// The words for it.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let name = format!("`{}`", self.database);
        match (&self.fault, &self.place) {
            (DatabaseFault::Unreachable(why), Some(place)) => unreachable(&name, place, *why),
            (DatabaseFault::NotReady, Some(place)) => Parts::new(
                format!(
                    "the database {name}: the server at {} ended the session, or does not begin one",
                    place.authority()
                ),
                &["it is starting up, shutting down or recovering from a crash", "somebody ended the session"],
                format!("whether it takes connections by now, with `{}`; then try again", place.is_ready()),
            )
            .retryable(),
            (DatabaseFault::Login(fault), Some(place)) => login(&name, place, *fault),
            (DatabaseFault::ServerFull, Some(place)) => Parts::new(
                format!("the server of the database {name} at {} has no connection left", place.authority()),
                &["other programs hold all connections that the server allows", "the role has a limit of its own"],
                "how many sessions pg_stat_activity shows and max_connections allows; then try again",
            )
            .retryable(),
            (fault, _) => without_place(&name, fault),
        }
    }
}

/// What can be said without knowing where the database is.
fn without_place(name: &str, fault: &DatabaseFault) -> Parts {
    match fault {
        DatabaseFault::NotListed => Parts::new(
            format!("the database {name} is granted and not configured: toolcell.toml does not list it"),
            &["the operator has not configured it yet", "its name is spelt differently in toolcell.toml"],
            format!(
                "whether toolcell.toml has [postgres.{}] with `url-env`; that is for a person",
                name.trim_matches('`')
            ),
        ),
        DatabaseFault::UrlUnset { variable } => Parts::new(
            format!("the database {name} is not configured: its variable {variable} is not set on the host"),
            &[
                "the host was started without it",
                "the name is misspelt in toolcell.toml or in the client's configuration",
            ],
            format!("whether {variable} is set where `toolcell serve` is started, or in its --env-file"),
        ),
        DatabaseFault::UrlInvalid { variable, problem } => Parts::new(
            format!("the database {name} is not configured: the value of {variable} {problem}"),
            &["the value was cut or quoted twice", "characters of the password such as @ / # are not percent-encoded"],
            format!(
                "whether {variable} reads like postgres://USER:PASSWORD@SERVER:5432/DATABASE; then restart the host"
            ),
        ),
        DatabaseFault::CaFile { problem } => Parts::new(
            format!("the database {name} is not configured: its `ca-file` {problem}"),
            &["the file was moved, or its name is misspelt in toolcell.toml", "it is not in PEM form"],
            "the file that toolcell.toml names as `ca-file` of that database; then restart the host",
        ),
        DatabaseFault::Unsafe { power } => Parts::new(
            format!("the database {name} was not asked: its role can do more than read ({power})"),
            &["the URL holds the user of an administrator or of an application that writes"],
            "the role in the URL; a person makes one with LOGIN alone, grants it pg_read_all_data or SELECT on some tables, and \
             puts it into the URL",
        ),
        DatabaseFault::Busy { connections, waited } => Parts::new(
            format!(
                "no connection to the database {name} was free for {}; the host keeps {connections} at most",
                duration_text(*waited)
            ),
            &["many calls at once", "slow statements hold the connections"],
            "try again with fewer calls at once; a person can raise `connections` of that database in toolcell.toml",
        )
        .retryable(),
        DatabaseFault::Timeout { limit, .. } => Parts::new(
            format!("the database {name} stopped the statement after the {} that it had", duration_text(*limit)),
            &SLOW,
            ASK_FOR_LESS,
        ),
        DatabaseFault::Refused(refusal) => refused(name, refusal),
        DatabaseFault::NoRows => Parts::new(
            format!("the statement was not run on {name}: it returns no rows, so it could only change something"),
            &[
                "the statement writes (INSERT, UPDATE, DELETE, CREATE, COPY), and plugins only read",
                "it sets up a session or transaction (SET, BEGIN, COMMIT), which the host does by itself",
            ],
            "whether a SELECT can answer the question",
        ),
        DatabaseFault::Invalid { reason } => Parts::new(
            format!("the database {name} was not asked: {reason}"),
            &["the plugin passes an argument on without checking it", "a bug in the plugin"],
            "the arguments that end up in the statement and its parameters",
        ),
        // These happen at a server, so that its place is known.
        DatabaseFault::Unreachable(_)
        | DatabaseFault::NotReady
        | DatabaseFault::Login(_)
        | DatabaseFault::ServerFull => {
            Parts::new(format!("the database {name} cannot be reached"), &[], "whether its server is running")
                .retryable()
        }
    }
}

impl DatabasePlace {
    /// As the wording of the network takes it.
    fn server(&self) -> Server {
        Server { scheme: "postgres".to_owned(), host: self.host.clone(), port: self.port }
    }

    /// `server:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        self.server().authority()
    }

    /// The command that asks the server whether it takes connections.
    fn is_ready(&self) -> String {
        format!("pg_isready -h {} -p {}", self.host, self.port)
    }
}

fn refused(name: &str, refusal: &Refusal) -> Parts {
    let Refusal { sqlstate, message, hint, position, .. } = refusal;
    let at = position.map(|position| format!(" at character {position}")).unwrap_or_default();
    let text = format!("the database {name} refused the statement{at}: {message} (SQLSTATE {sqlstate})");
    let parts = match sqlstate.as_str() {
        "25006" => Parts::new(
            text,
            &["the statement, or a function that it calls, writes or locks rows, and plugins only read"],
            "whether a SELECT without FOR UPDATE and without functions that write can answer the question",
        ),
        "42703" | "42P01" | "42883" | "3F000" | "42704" => Parts::new(
            text,
            &[
                "the name is misspelt, or has capital letters and no double quotes",
                "it is in a schema that is not searched",
            ],
            "which tables and columns there are, in information_schema.columns",
        ),
        "42501" => Parts::new(
            text,
            &["the role may not read that table"],
            "whether the question can do without it; a person can grant SELECT",
        ),
        "42601" => Parts::new(
            text,
            &["a word is misspelt or missing", "there is more than one statement"],
            "the statement at that place; only one is run",
        ),
        "40001" | "40P01" => Parts::new(
            text,
            &["rows that the statement read were changed on the way, which happens on a replica"],
            "try again; if it stays, ask for less at once",
        )
        .retryable(),
        "53100" | "53200" | "53400" => {
            Parts::new(text, &["the statement needs more room than the server has"], ASK_FOR_LESS).retryable()
        }
        "57014" => Parts::new(text, &["somebody cancelled the statement at the server"], "try again").retryable(),
        _ => Parts::new(
            text,
            &["the statement or a parameter is not as the database expects"],
            "the statement and the types of its parameters",
        ),
    };
    match hint {
        Some(hint) => Parts { check_first: format!("the database's hint: {hint}"), ..parts },
        None => parts,
    }
}

#[cfg(test)]
mod tests;
