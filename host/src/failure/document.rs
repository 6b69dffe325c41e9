//! docs/errors.md, written from the failures themselves: each code, what it means, and its texts with causes and first check.

use std::{collections::BTreeSet, env, fs, time::Duration};

use super::{Code, Failure, Full, Mismatch, WaitingFor, credential::credential_denials, network::tests};
use crate::{
    call::CallId,
    receipt::{
        CacheFault, DatabaseFailure, DatabaseFault, DatabasePlace, Denial, Exchange, ExchangeEnd, FileDenial,
        FileRefusal, LoginFault, Receipt, Refusal, Server, Unreachable,
    },
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
const VARIABLE: &str = "TOOLCELL_WRITE_DOCS";

const HEAD: &str = "# Failures

Every failure of a call has a stable code, in the text and in `_meta[\"toolcell/error\"]`. A tool has codes of its own for what
it foresees; these are the host's. Each is listed with the texts that it comes with: what happened, what probably caused it,
and what to check first. Names, figures and servers in them are examples.
";

/// One of each failure, and where a failure has several texts one for each.
fn failures() -> Vec<Failure> {
    let seconds = Duration::from_secs;
    let mismatch =
        |pointer: &str, problem: &str| vec![Mismatch { pointer: pointer.to_owned(), problem: problem.to_owned() }];
    let api = Server { scheme: "https".to_owned(), host: "api.example.com".to_owned(), port: 443 };
    let deadline = |waiting_for| Failure::Deadline { limit: seconds(30), waiting_for };
    let busy = |full| Failure::Busy { full, retry_after: seconds(2) };
    let mut failures = vec![
        Failure::InvalidArguments { mismatches: mismatch("/limit", "\"many\" is not of type \"integer\"") },
        Failure::MissingVariable { names: vec!["API_TOKEN".to_owned()], user: None },
        Failure::MissingVariable { names: vec!["API_TOKEN".to_owned()], user: Some("alice".to_owned()) },
        Failure::Trapped { reason: "attempt to divide by zero".to_owned(), source: Some("src/lib.rs:35".to_owned()) },
        Failure::StackOverflow,
        Failure::MemoryLimit { limit: 64 << 20, wanted: 65 << 20 },
        Failure::ResourceLimit { resource: "handles" },
        deadline(None),
        deadline(Some(WaitingFor::Server(api.clone()))),
        deadline(Some(WaitingFor::Database("replica".to_owned()))),
        Failure::ResultTooLarge { size: 5 << 20, limit: 4 << 20 },
        Failure::InvalidOutput { mismatches: mismatch("/total", "\"three\" is not of type \"integer\"") },
        Failure::Exited { status: 1 },
        busy(Full::Host("all places for instances are taken")),
        busy(Full::Plugin),
        busy(Full::Calls(4)),
        busy(Full::Rate("60/min".parse().expect("it is a rate"))),
        Failure::NotRecorded,
        Failure::Cancelled,
        Failure::ToolWithdrawn {
            plugin: "text".to_owned(),
            reason: "permissions not reviewed".to_owned(),
            mend: Some("toolcell allow text".to_owned()),
        },
        Failure::Unexpected { what: "the host panicked during call CALL".to_owned() },
    ];
    failures.extend(denials().into_iter().map(|denial| Failure::Denied { denial }));
    failures.extend(tests::UNREACHABLE.map(|why| unreachable(&api, why)));
    failures.extend(faults().into_iter().map(database));
    failures.extend(cache_faults().into_iter().map(|fault| Failure::CacheUnreachable { fault }));
    failures
}

fn denials() -> Vec<Denial> {
    let plugin = || Some("story".to_owned());
    let state = [true, false].into_iter().flat_map(|is_asked| {
        let database = Denial::Database { name: "replica".to_owned(), is_asked, plugin: plugin() };
        [Denial::Cache { is_asked, plugin: plugin() }, database]
    });
    let folder = || "data".to_owned();
    let files = [
        FileRefusal::NotAsked { asks_for_some: true },
        FileRefusal::NotGranted { folder: folder() },
        FileRefusal::ReadOnly { is_asked: true },
        FileRefusal::ReadOnly { is_asked: false },
        FileRefusal::LeadsOut,
        FileRefusal::Missing { folder: folder() },
    ]
    .map(|why| Denial::File(Box::new(FileDenial { path: "/data/stories.json".to_owned(), why, plugin: plugin() })));
    let look_up = Denial::NameLookup("db.example.com".to_owned());
    let credentials = credential_denials().map(|denial| Denial::Credential(Box::new(denial)));
    tests::denials_of_each_kind().into_iter().chain([look_up]).chain(state).chain(files).chain(credentials).collect()
}

fn unreachable(server: &Server, why: Unreachable) -> Failure {
    let end = ExchangeEnd::Failed(why);
    let exchange = Exchange { end, ..Exchange::new(server.clone(), "GET") };
    Failure::Unreachable { exchange: Box::new(exchange) }
}

fn faults() -> Vec<DatabaseFault> {
    let variable = || "REPLICA_URL".to_owned();
    let refusal = |sqlstate: &str, message: &str, position| Refusal {
        sqlstate: sqlstate.to_owned(),
        message: message.to_owned(),
        detail: None,
        hint: None,
        position,
    };
    let logins = [
        LoginFault::Password,
        LoginFault::NoPassword,
        LoginFault::NotPermitted,
        LoginFault::NoDatabase,
        LoginFault::NoPrivilege,
        LoginFault::Method,
    ];
    let mut faults = vec![
        DatabaseFault::NotListed,
        DatabaseFault::UrlUnset { variable: variable() },
        DatabaseFault::UrlInvalid { variable: variable(), problem: "names no database" },
        DatabaseFault::CaFile { problem: "holds no certificate" },
        DatabaseFault::Unreachable(Unreachable::NameNotFound),
        DatabaseFault::Unreachable(Unreachable::Refused),
        DatabaseFault::Unreachable(Unreachable::NoRoute),
        DatabaseFault::Unreachable(Unreachable::Cut),
        DatabaseFault::NotReady,
        DatabaseFault::Unsafe { power: "INSERT on a table".to_owned() },
        DatabaseFault::Busy { connections: 8, waited: Duration::from_secs(5) },
        DatabaseFault::ServerFull,
        DatabaseFault::Timeout {
            limit: Duration::from_secs(29),
            refusal: refusal("57014", "canceling statement due to statement timeout", None),
        },
        DatabaseFault::Refused(refusal("42703", "column \"nme\" does not exist", Some(8))),
        DatabaseFault::NoRows,
        DatabaseFault::Invalid { reason: "`max-rows` is 0; expected 1 to 100000".to_owned() },
    ];
    faults.extend(logins.map(DatabaseFault::Login));
    faults
}

fn cache_faults() -> Vec<CacheFault> {
    let (variable, server) = (|| "CACHE_URL".to_owned(), || "redis.example.com:6379".to_owned());
    vec![
        CacheFault::Unset(variable()),
        CacheFault::NoUrl(variable()),
        CacheFault::Unreachable(server()),
        CacheFault::Timeout { server: server(), limit: Duration::from_secs(2) },
        CacheFault::Login(server()),
        CacheFault::Refused(server()),
    ]
}

fn database(fault: DatabaseFault) -> Failure {
    let place = DatabasePlace { host: "db.example.com".to_owned(), port: 5432, variable: "REPLICA_URL".to_owned() };
    let failure = DatabaseFailure { database: "replica".to_owned(), place: Some(place), fault };
    Failure::Database { failure: Box::new(failure) }
}

/// The page.
fn page() -> String {
    let receipt = Receipt { elapsed: Duration::from_secs(3), ..Receipt::new(CallId::next()) };
    let failures = failures();
    let mut page = HEAD.to_owned();
    for code in Code::ALL {
        page.push_str(&format!("\n## `{}`\n\n{}\n", code.as_str(), code.meaning().trim()));
        for failure in failures.iter().filter(|failure| failure.code() == code.as_str()) {
            let text = failure.report("story", &receipt).text().replace(&receipt.call.to_string(), "CALL");
            let lines = text.lines().map(|line| format!("> {line}\n"));
            page.push_str(&format!("\n{}", lines.collect::<Vec<_>>().join(">\n")));
        }
    }
    page
}

#[test]
fn the_page_of_errors_is_up_to_date() {
    let page = page();
    if env::var_os(VARIABLE).is_some() {
        fs::write(FILE, &page).expect("the repository is ours");
    }
    let written = fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        written == page,
        "docs/errors.md is not what the failures say; to write it anew: {VARIABLE}=1 cargo test -p toolcell --lib page_of_errors"
    );
}

#[test]
fn the_page_has_a_text_for_every_code() {
    let shown: BTreeSet<_> = failures().iter().map(|failure| failure.code().to_owned()).collect();
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(shown, all, "`failures` above lacks one");
}
