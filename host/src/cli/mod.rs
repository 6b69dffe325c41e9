//! The command line: one file for each command. Everything that prints is here.

mod allow;
mod arguments;
mod audit;
mod build;
mod call;
mod check;
mod checklist;
mod connect;
mod dev;
mod list;
mod new;
mod open;
mod progress;
mod review;
mod serve;
mod smoke;
mod telemetry;
mod terminal;
mod token;
mod unserved;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand, ValueHint};

use self::open::Open;
use crate::plugin::Catalog;

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
    /// Start a plugin
    New(new::New),
    /// Call one tool, without a client
    Call(call::Call),
    /// List the tools that are served, and the plugins that are not
    List(list::List),
    /// Load plugins and say what is wrong with them and what mends it
    Check(check::Check),
    /// Run the examples of plugins, answered by nothing but themselves
    Smoke(smoke::Smoke),
    /// Show who called what, or explain one call
    ///
    /// `toolcell serve` records each call, and each request that it refuses: see docs/audit.md. Without a call's id, this prints the
    /// newest records that fit the options, the newest last; with one, all that is known of that call, and what mends its failure.
    Audit(audit::Audit),
    /// Review what a plugin asks for and grant it; without a name, accept the lock file as it is
    Allow(allow::Allow),
    /// Build plugins from their source
    Build(build::Build),
    /// Build plugins whenever their source changes
    ///
    /// After each build it runs the plugin's examples and says what became of its tools. At a terminal it serves nobody itself:
    /// every `toolcell serve` of the folder takes over what is built, and so does `toolcell call`. Where a client starts it, in
    /// place of `serve`, it serves that client and shows each call in the client's log. A build that fails leaves the version
    /// before it in service.
    Dev(dev::Dev),
    /// Make, list and revoke tokens for those who call over HTTP
    Token(token::Tokens),
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
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
                // Whoever read the answer has read enough of it.
                return ExitCode::SUCCESS;
            }
            // Without stderr there is nowhere left to say so.
            let _ = writeln!(terminal::stderr(), "{} {error:#}", terminal::red("error:"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        // No runtime, no log, no plugin: the child is limited and only compiles.
        Command::Compile => {
            return Ok(compile());
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "toolcell", &mut std::io::stdout());
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    terminal::log_to_stderr(arguments.open.log_filter(match &arguments.command {
        Command::Serve(serve) => serve.log_filter(),
        // Of plugins and calls it has a view of its own; what guests log belongs to it.
        Command::Dev(_) => "warn,toolcell=info,toolcell::plugin=off,toolcell::host=off",
        // What the registry logs of plugins, these commands answer themselves.
        _ => "error,toolcell::plugin::registry=off",
    }));
    let open = arguments.open;
    // Two threads serve clients, as far as there are processors for them; guests have threads of their own.
    let workers = std::thread::available_parallelism().map_or(2, |processors| processors.get().min(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let code = runtime.block_on(async {
        match arguments.command {
            Command::Serve(serve) => serve.run(open).await,
            Command::New(new) => new.run(&open),
            Command::Call(call) => call.run(&open).await,
            Command::List(list) => list.run(&open).await,
            Command::Check(check) => check.run(&open).await,
            Command::Smoke(smoke) => smoke.run(&open).await,
            Command::Audit(audit) => audit.run(&open),
            Command::Allow(allow) => allow.run(&open).await,
            Command::Build(build) => build.run(&open).await,
            Command::Dev(dev) => dev.run(&open).await,
            Command::Token(token) => token.run(&open),
            Command::Connect(connect) => connect.run(&open),
            Command::Compile | Command::Completions { .. } => Ok(ExitCode::SUCCESS),
        }
    });
    // A read from stdin that is still pending must not keep the process.
    runtime.shutdown_background();
    code
}

/// Says what is wrong in bare words: the parent puts them into an error of its own.
fn compile() -> ExitCode {
    match crate::sandbox::compile_stdin() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = write!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Where plugins are unless the command line says otherwise.
const DEFAULT_FOLDER: &str = "plugins";

/// The value hint of every argument that is a folder.
const FOLDER: ValueHint = ValueHint::DirPath;

fn default_folder() -> PathBuf {
    DEFAULT_FOLDER.into()
}

/// Tells what is odd about the folder as a whole.
fn warn(catalog: &Catalog, aside: &mut impl Write) -> io::Result<()> {
    catalog.warnings.iter().try_for_each(|warning| writeln!(aside, "{} {warning}", terminal::yellow("warning:")))
}
