//! The command line: one file for each command. Everything that prints is here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod allow;
mod build;
mod call;
mod check;
mod connect;
mod list;
mod open;
mod serve;
mod terminal;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand, ValueHint};

use self::open::Open;

/// Serve tools that are WebAssembly components over MCP, each call in a sandbox of its own.
#[derive(Debug, Parser)]
#[command(name = "toolcell", version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    open: Open,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a folder of plugins over stdio
    Serve(serve::Serve),
    /// Call one tool, without a client
    Call(call::Call),
    /// List the tools that are served, and the plugins that are not
    List(list::List),
    /// Load plugins and say what is wrong with them and what mends it
    Check(check::Check),
    /// Review what a plugin asks for and grant it; without a name, accept the lock file as it is
    Allow(allow::Allow),
    /// Build plugins from their Rust source
    Build(build::Build),
    /// Print the configuration that adds this server to a client
    Connect(connect::Connect),
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Compile a component from stdin to stdout (toolcell runs itself with this)
    #[command(hide = true)]
    Compile,
}

/// Runs the program: 0 for success, 1 for a failure, 2 for wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{} {error:#}", terminal::red("error:"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        // No runtime, no log, no plugin: the child is limited and only compiles.
        Command::Compile => {
            crate::sandbox::compile_stdin()?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "toolcell", &mut std::io::stdout());
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    terminal::log_to_stderr(arguments.open.log_filter(matches!(arguments.command, Command::Serve(_))));
    let open = arguments.open;
    // Two threads serve clients, as far as there are processors for them; guests have threads of their own.
    let workers = std::thread::available_parallelism().map_or(2, |processors| processors.get().min(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let code = runtime.block_on(async {
        match arguments.command {
            Command::Serve(serve) => serve.run(open).await,
            Command::Call(call) => call.run(&open).await,
            Command::List(list) => list.run(&open).await,
            Command::Check(check) => check.run(&open).await,
            Command::Allow(allow) => allow.run(&open).await,
            Command::Build(build) => build.run(&open).await,
            Command::Connect(connect) => connect.run(&open),
            Command::Compile | Command::Completions { .. } => Ok(ExitCode::SUCCESS),
        }
    });
    // A read from stdin that is still pending must not keep the process.
    runtime.shutdown_background();
    code
}

/// Where plugins are unless the command line says otherwise.
const DEFAULT_FOLDER: &str = "plugins";

/// The value hint of every argument that is a folder.
const FOLDER: ValueHint = ValueHint::DirPath;

fn default_folder() -> PathBuf {
    DEFAULT_FOLDER.into()
}
