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
