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

/// Whether `cargo bench` runs this. `cargo test --benches` starts benchmarks too, and only wants to know that they compile.
pub(crate) fn is_measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
