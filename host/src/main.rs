//! The `toolcell` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    toolcell::cli::main()
}
