//! What the benchmarks share: the plugin that they call, folders of plugins, and comparisons within one run.
//!
//! These machines are shared and noisy, so no time stands for itself: what is compared runs in turns within one process,
//! and a ratio is what is printed and held to.
#![allow(dead_code, reason = "each benchmark uses a part of this")]

pub(crate) mod client;
pub(crate) mod compare;
pub(crate) mod folder;
pub(crate) mod guests;
pub(crate) mod process;

use std::path::Path;

use criterion::Criterion;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Criterion as the command line asks for it, with its results in the workspace's target folder: cargo runs benchmarks in
/// the folder of their package.
pub(crate) fn criterion() -> Criterion {
    let results = Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/../criterion"));
    Criterion::default().output_directory(results).configure_from_args()
}

/// Whether `cargo bench` runs this. `cargo test --benches` starts benchmarks too, and only wants to know that they compile.
pub(crate) fn is_measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// The program, which cargo builds with the benchmarks.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_toolcell"))
}

/// Pins this process to one processor, with the threads and servers that it starts from now on: unpinned, a call over stdio costs more or
/// less than twice as much by where the scheduler puts the two processes.
pub(crate) fn pin_to_one_processor() {
    let allowed = sched_getaffinity(None).expect("Linux has it");
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)).expect("this runs on a processor");
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).expect("the processor is one of those allowed");
}
