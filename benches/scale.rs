//! Many calls: at once, and one after the other.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints figures, of no more digits than an `f64` has"
)]

mod common;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use mimalloc::MiMalloc;
use serde_json::json;
use tokio::{runtime::Runtime, task::JoinSet};
use toolcell::{
    call::Call,
    host::Host,
    sandbox::{Sandbox, Settings},
};

use common::{
    compare::verdict,
    folder::Folder,
    guests::{self, SMALL},
    process,
};

/// The program's: what it keeps is a part of what is measured.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Places for instances.
const SLOTS: u32 = 1_000;
/// How long a guest waits.
const WAIT: Duration = Duration::from_millis(50);
/// Calls after which nothing should grow any more.
const SETTLED: u64 = 10_000;
/// Calls one after the other, in all.
const CALLS: u64 = 1_000_000;

fn main() {
    if !common::is_measuring() {
        return;
    }
    let runtime = Runtime::new().expect("a runtime starts");
    let sandbox = Arc::new(Sandbox::new(Settings { slots: SLOTS, ..Settings::default() }).expect("a sandbox starts"));
    let every_slot = format!("[limits]\nconcurrency = {SLOTS}\n");
    let folder = Folder::new([
        ("echo", guests::echo(), ""),
        ("sleeps", Path::new(toolcell_test_guests::SLEEPS), every_slot.as_str()),
    ]);
    let host = Arc::new(folder.host(&runtime, &sandbox));
    println!("page faults and growth of {CALLS} calls, one after the other:");
    runtime.block_on(one_after_the_other(&host));
    for calls in [u64::from(SLOTS), 10 * u64::from(SLOTS)] {
        runtime.block_on(at_once(&host, calls));
    }
}

/// What a host keeps of the calls that it has made.
async fn one_after_the_other(host: &Host) {
    let began = Instant::now();
    let (mut settled, mut faults) = (0, 0);
    for call in 0..CALLS {
        if call == SETTLED {
            (settled, faults) = (process::resident(), process::page_faults());
        }
        if call % 100_000 == 0 {
            eprintln!("{call} calls after {:.1} s", began.elapsed().as_secs_f64());
        }
        let outcome = host.call("echo", guests::arguments(SMALL), Call::detached()).await;
        outcome.expect("the tool is there").result.expect("the tool succeeds");
    }
    let faults = (process::page_faults() - faults) as f64 / (CALLS - SETTLED) as f64;
    let grown = (process::resident() as f64 / settled as f64 - 1.0) * 100.0;
    println!("page faults per call: {faults:.5}{}", verdict(faults, Some(0.001)));
    println!(
        "resident memory after {SETTLED} calls: {} MB; after {CALLS} calls {grown:+.2} %{}",
        settled >> 20,
        verdict(grown, Some(1.0))
    );
}

/// Calls that wait for the same time, and what each takes when all have a place.
async fn at_once(host: &Arc<Host>, calls: u64) {
    process::forget_peak();
    let (before, began) = (process::resident(), Instant::now());
    let mut running = JoinSet::new();
    for _ in 0..calls {
        let host = Arc::clone(host);
        running.spawn(async move {
            let arguments = json!({ "ms": u64::try_from(WAIT.as_millis()).expect("it is short") });
            let arguments = arguments.as_object().cloned().expect("an object");
            host.call("sleeps", arguments, Call::detached()).await.expect("the tool is there").result.is_ok()
        });
    }
    let failed = running.join_all().await.into_iter().filter(|succeeded| !succeeded).count();
    println!(
        "{calls} calls at once, {SLOTS} places: {failed} failed{}, {:.0} ms",
        verdict(failed as f64, Some(0.0)),
        began.elapsed().as_secs_f64() * 1e3
    );
    // Later, every place has its memory already.
    if calls == u64::from(SLOTS) {
        let each = process::peak().saturating_sub(before) as f64 / f64::from(SLOTS) / 1024.0;
        println!("resident memory per call: {each:.0} KB{}", verdict(each, Some(180.0)));
    }
}
