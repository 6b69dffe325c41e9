//! Reloads a plugin a thousand times while clients call over HTTP 500 times a second: `cargo run --release --example reload`.
//!
//! Fails where a call is not answered as it must be.
#![allow(unreachable_pub, reason = "the tests use `run`, too")]

#[path = "../../../benches/common/folder.rs"]
#[allow(dead_code, reason = "the benchmarks use the rest")]
mod folder;
mod run;

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use anstream::{eprintln, println};
use clap::Parser;

use folder::Folder;
use run::Plan;
use toolcell::policy::Digest;

/// Reload a plugin again and again while it is called over HTTP.
#[derive(Debug, Parser)]
struct Options {
    /// Reloads
    #[arg(long, default_value_t = 1_000)]
    reloads: u32,
    /// Calls a second
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Connections, each with one call at a time
    #[arg(long, default_value_t = 32)]
    clients: u32,
}

fn main() -> ExitCode {
    // An example cannot count on the program `toolcell` having been built. It is the same library, so this is the server, too,
    // where it is started with a command.
    if env::args().nth(1).is_some_and(|argument| !argument.starts_with('-')) {
        return toolcell::cli::main();
    }
    match reload(&Options::parse()) {
        Ok(failed) => ExitCode::from(u8::from(failed > 0)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many calls were not answered as they must be.
fn reload(options: &Options) -> Result<u64, Box<dyn Error>> {
    let guest = |name| toolcell_test_guests::ALL.iter().find(|(guest, _)| *guest == name).ok_or("no such guest");
    let (_, component) = guest("echo")?;
    let folder = Folder::new([("echo", Path::new(component), "")]);
    let (component, served, state) = (fs::read(component)?, folder.plugins().join("echo/guest.wasm"), folder.state());
    let replace = |version: &[u8]| {
        let whole = [&component, version].concat();
        // As `toolcell build` does: what this user built needs no new review.
        state.record_build(&served, &Digest::of(&whole)).expect("the state is ours");
        let new = served.with_extension("new");
        fs::write(&new, whole).and_then(|()| fs::rename(&new, &served)).expect("the folder is ours");
    };
    let plan = Plan { reloads: options.reloads, rate: options.rate, clients: options.clients };
    println!("{} reloads beside {} calls a second over {} connections", plan.reloads, plan.rate, plan.clients);
    let report = run::run(&mut folder.serve(&env::current_exe()?), plan, replace)?;
    println!("{report}");
    for failure in &report.failures {
        println!("  {failure}");
    }
    Ok(report.failed)
}
