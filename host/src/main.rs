//! The `toolcell` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A call makes and drops hundreds of small values, and 64 of them at once a tenth faster than with glibc's allocator
/// (`benches/stdio.rs`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    toolcell::cli::main()
}
