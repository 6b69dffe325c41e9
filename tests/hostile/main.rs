//! The hostile suite: guests, servers, files and clients that do their worst to one server, one after the other.
//!
//! `cargo test` prints a table with a line for each case; `cargo test --test hostile WORDS` runs the cases whose names have
//! these words. Each case is judged by the same oracle (see [`oracle`]).
#![allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    reason = "a test binary has no users, and its helpers are short"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is for people")]

mod caches;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/client.rs"]
mod client;
mod clients;
mod code_cache;
#[path = "../support/components.rs"]
mod components;
mod databases;
mod endless;
mod files;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/folder.rs"]
mod folder;
mod folders;
mod guests;
mod lock;
#[path = "../support/guests.rs"]
mod made_for;
mod neighbour;
mod oracle;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/peers.rs"]
mod peers;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/postgres.rs"]
mod postgres_server;
mod process;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/promise.rs"]
mod promise;
mod scene;
mod session;
mod table;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/upstream.rs"]
mod upstream;
mod upstreams;

use std::{collections::BTreeSet, process::ExitCode, sync::Arc, time::Instant};

use self::{oracle::Case, scene::Scene};

fn main() -> ExitCode {
    // Options are for the harness that this is not.
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let groups = [
        guests::cases(),
        caches::cases(),
        folders::cases(),
        upstreams::cases(),
        databases::cases(),
        clients::cases(),
        files::cases(),
        lock::cases(),
        code_cache::cases(),
        endless::cases(),
    ];
    let all: Vec<Case> = groups.into_iter().flatten().collect();
    let mut problems = without_case(&all);
    let cases: Vec<_> =
        all.iter().filter(|case| words.is_empty() || words.iter().any(|words| case.name.contains(words))).collect();
    if std::env::args().any(|argument| argument == "--list") {
        for case in cases {
            println!("{}: test", case.name);
        }
        return ExitCode::SUCCESS;
    }
    if !cases.is_empty() {
        problems.extend(run(&cases));
    }
    for problem in &problems {
        eprintln!("FAILED: {problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the cases against one server, prints the table, and gives what was not as it has to be.
fn run(cases: &[&Case]) -> Vec<String> {
    let began = Instant::now();
    let scene = Scene::open(cases);
    table::head(&scene);
    let verdicts: Vec<_> = cases.iter().map(|case| oracle::judge(case, &scene)).inspect(table::line).collect();
    let Scene { session, neighbour, .. } = scene;
    let process = session.process();
    let times = neighbour.stop();
    table::sum(&verdicts, process, &times, began.elapsed());
    let broken = verdicts.iter().flat_map(|verdict| verdict.broken.iter().map(|it| format!("{}: {it}", verdict.name)));
    let mut problems: Vec<_> = broken.collect();
    let code = Arc::into_inner(session).expect("nobody else has it any more").close();
    if code != Some(0) {
        problems.push(format!("the server did not end well: {code:?}"));
    }
    problems
}

/// Guests that are here for the sake of cases that are missing.
fn without_case(cases: &[Case]) -> Vec<String> {
    let used: BTreeSet<_> = cases.iter().map(|case| case.guest).collect();
    let without = made_for::HOSTILE.iter().filter(|guest| !used.contains(*guest));
    without.map(|guest| format!("guest {guest} has no case")).collect()
}
