//! Calls good and hostile guests by the million and shows what the server's process holds: `cargo run --release --example
//! soak`, for an hour with `-- --minutes 60`.
//!
//! Prints a line from time to time, then how many calls had which outcome and how memory, descriptors and threads developed;
//! draws the memory as SVG. Fails where a call has another outcome than its kind must have.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    unreachable_pub,
    reason = "figures have no more digits than an `f64`; the tests use `run`, too"
)]

#[path = "../../../benches/common/folder.rs"]
#[allow(dead_code, reason = "the benchmarks use the rest")]
mod folder;
mod plot;
mod report;
mod run;

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Duration,
};

use anstream::{eprintln, println};
use clap::Parser;
use mimalloc::MiMalloc;

use folder::Folder;
use run::mix;

/// The program's: what it keeps is a part of what is measured.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Call good and hostile guests by the million and show what the server holds.
#[derive(Debug, Parser)]
struct Options {
    /// Calls to make
    #[arg(long, default_value_t = 10_000_000, conflicts_with = "minutes")]
    calls: u64,
    /// Minutes to go on, instead of a number of calls
    #[arg(long)]
    minutes: Option<u64>,
    /// Calls that are under way at any time
    #[arg(long, value_name = "CALLS", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    in_flight: u64,
    /// Where to draw the memory
    #[arg(long, value_name = "FILE", default_value = "target/soak.svg")]
    svg: PathBuf,
}

fn main() -> ExitCode {
    // An example cannot count on the program `toolcell` having been built. It is the same library, so this is the server, too,
    // where it is started with a command.
    if env::args().nth(1).is_some_and(|argument| !argument.starts_with('-')) {
        return toolcell::cli::main();
    }
    match soak(&Options::parse()) {
        Ok(surprising) => ExitCode::from(u8::from(surprising > 0)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many calls had another outcome than they must have.
fn soak(options: &Options) -> Result<u64, Box<dyn Error>> {
    let guests = mix::GUESTS.iter().map(|(name, manifest)| {
        let (_, file) = toolcell_test_guests::ALL.iter().find(|(guest, _)| guest == name).ok_or("no such guest")?;
        Ok((*name, Path::new(*file), *manifest))
    });
    let folder = Folder::new(guests.collect::<Result<Vec<_>, Box<dyn Error>>>()?);

    let length = match options.minutes {
        Some(1) => "a minute".to_owned(),
        Some(minutes) => format!("{minutes} minutes"),
        None => format!("{} calls", report::number(options.calls)),
    };
    println!(
        "{length}, {} at a time, of {} kinds, to {} plugins in one process\n",
        options.in_flight,
        mix::kinds().len(),
        mix::GUESTS.len()
    );
    report::head();
    let enough = |calls, time: Duration| match options.minutes {
        Some(minutes) => time >= Duration::from_secs(60 * minutes),
        None => calls >= options.calls,
    };
    // A sample every second, of which a line is shown each time that the run has become half as long again.
    let mut shown: Option<run::Sample> = None;
    let program = env::current_exe()?;
    // A server compiles while it serves; calls that came before would be of tools that are not there yet.
    if !folder.toolcell(&program, "list").stdout(Stdio::null()).status()?.success() {
        return Err("the plugins cannot be loaded".into());
    }
    let mut server = folder.serve(&program);
    let report = run::run(
        &mut server,
        |_| options.in_flight,
        enough,
        Duration::from_secs(1),
        |sample| {
            let pause = shown
                .map_or(Duration::ZERO, |shown| (shown.at / 2).clamp(Duration::from_secs(1), Duration::from_secs(60)));
            if shown.is_none_or(|shown| sample.at >= shown.at + pause) {
                report::line(shown.as_ref(), sample);
                shown = Some(*sample);
            }
        },
    )?;
    report::summary(&report);
    plot::memory(&report, &options.svg)?;
    println!("\nthe memory over all calls is drawn in {}", options.svg.display());
    Ok(report.surprising)
}
