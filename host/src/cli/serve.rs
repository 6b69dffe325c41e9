use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{Open, audit, telemetry::Watch, terminal, token};
use crate::{
    auth::Auth,
    console::{Console, Guarded},
    host::Host,
    mcp::{
        self, Stdio,
        http::{Address, Certificate, Ended, Listener, Shutdown},
    },
    plugin,
};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The folder of plugins [default: plugins]
    #[arg(value_name = "DIR", value_hint = super::FOLDER)]
    folder: Option<PathBuf>,
    /// Serve over HTTP instead of stdio; the endpoint is /mcp
    ///
    /// At an address such as 127.0.0.1:8080, at a Unix socket as unix:PATH, or with `systemd` at the sockets that systemd has
    /// opened. `[http]` in toolcell.toml has the bounds, TLS and the names that clients use.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<Address>,
    #[command(flatten)]
    watch: Watch,
    /// Show a status page at this address, such as 127.0.0.1:7070; how to open it is said on stderr
    ///
    /// On loopback it is for whoever reads that. Elsewhere it needs --http, and `users` under `[console]` in toolcell.toml.
    #[arg(long, value_name = "ADDRESS")]
    console: Option<SocketAddr>,
}

impl Serve {
    /// What the log has, unless somebody wants more. Over HTTP rmcp logs what clients do, as often as they like.
    pub(super) fn log_filter(&self) -> &'static str {
        if self.http.is_some() { "warn,toolcell=info,rmcp=off" } else { "warn,toolcell=info" }
    }

    pub(super) async fn run(self, mut open: Open) -> anyhow::Result<ExitCode> {
        open.set_folder(self.folder);
        if let Some(address) = self.http {
            return serve_http(&open, &address, &self.watch, self.console).await;
        }
        let console = self.console.map(Guarded::on_loopback).transpose()?;
        if io::stdin().is_terminal() {
            let example = open.command("call TOOL");
            writeln!(terminal::stderr(), "An MCP client starts this and writes to its stdin. By hand, try: {example}")?;
        }
        // Before anything else can print: stdout is the protocol's alone.
        let stdio = Stdio::take().context("stdin and stdout cannot be used for the protocol")?;
        let host = open.starting_host(&open.sandbox()?).await?;
        let _recording = audit::record(&open, &host, audit::STDIO)?;
        log_served(&host, &open);
        let telemetry = self.watch.of_one_client(&open, &host).await?;
        let (shutdown, _watcher) = (shutdown().begun, plugin::watch(&host));
        show_console(&open, &host, console, &shutdown).await?;
        mcp::serve_stdio(host, stdio, &shutdown).await?;
        telemetry.finish().await;
        Ok(ExitCode::SUCCESS)
    }
}

async fn serve_http(
    open: &Open,
    address: &Address,
    watch: &Watch,
    console: Option<SocketAddr>,
) -> anyhow::Result<ExitCode> {
    // First of all: a signal that comes while plugins are loaded is not lost.
    let shutdown = shutdown();
    let config = open.http()?;
    let auth = Arc::new(token::auth(open)?);
    let named = open.config()?.console.users;
    let console = console.map(|address| Guarded::anywhere(address, &auth, &config, &named)).transpose()?;
    let certificate = config.tls.clone().map(Certificate::load).transpose()?;
    let scheme = if certificate.is_some() { "https" } else { "http" };
    more_descriptors();
    let listeners = address.listen().with_context(|| format!("cannot listen at {address}"))?;
    for listener in &listeners {
        check_reach(open, listener, &auth, certificate.is_some())?;
    }
    if auth.tokens() == Some(0) && !auth.is_open() {
        tracing::warn!("there is no token yet; to make one: {}", open.command("token new NAME"));
    }
    let host = open.starting_host(&open.sandbox()?).await?;
    let _recording = audit::record(open, &host, audit::HTTP)?;
    let _watcher = plugin::watch(&host);
    log_served(&host, open);
    for problem in host.users().problems() {
        tracing::warn!("{problem}");
    }
    let telemetry = watch.start(open, &host).await?;
    for listener in &listeners {
        match listener {
            Listener::Tcp(_) => tracing::info!("listening at {scheme}://{listener}/mcp"),
            Listener::Unix(..) => tracing::info!("listening at {listener}, {scheme}, /mcp"),
        }
    }
    show_console(open, &host, console, &shutdown.begun).await?;
    let ended = mcp::serve_http(host, listeners, auth, &config, certificate.as_ref(), &shutdown).await;
    telemetry.finish().await;
    match ended {
        Ended::Drained => Ok(ExitCode::SUCCESS),
        Ended::Cut(left) => {
            tracing::warn!("ended with {left} requests unanswered");
            Ok(if shutdown.now.is_cancelled() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}

/// Refuses to be of use to everybody on the network.
fn check_reach(open: &Open, listener: &Listener, auth: &Auth, has_tls: bool) -> anyhow::Result<()> {
    if listener.is_local() {
        return Ok(());
    }
    anyhow::ensure!(
        !auth.is_open(),
        "{listener} can be reached from other machines, and whoever reaches it could call every tool; give a first user a token \
         with `{}`, say who may call with [auth] in toolcell.toml, or listen at 127.0.0.1 or unix:PATH",
        open.command("token new NAME")
    );
    if !has_tls {
        tracing::warn!(
            "{listener} can be reached from other machines without TLS: tokens can be read on the way unless a proxy in \
             front of it encrypts; [http.tls] in toolcell.toml has it encrypted here"
        );
    }
    Ok(())
}

/// Each connection needs a descriptor, and shells give a thousand.
fn more_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!("the limit of open files stays: {error}");
    }
}

/// Begins to serve the status page, where there is to be one.
async fn show_console(
    open: &Open,
    host: &Arc<Host>,
    guarded: Option<Guarded>,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let Some(guarded) = guarded else { return Ok(()) };
    let at = guarded.to_string();
    let console = Console::new(Arc::clone(host), open.config()?.console, guarded, shutdown)?;
    let url = console.serve().await.with_context(|| format!("the status page cannot listen at {at}"))?;
    // Once, and not in the log, which may be kept and sent elsewhere: whoever has it may call every tool.
    writeln!(terminal::stderr(), "status page: {url}")?;
    Ok(())
}

fn log_served(host: &Host, open: &Open) {
    let catalog = host.catalog();
    let (tools, plugins) = (catalog.tools.len(), catalog.served.len());
    tracing::info!("serving {tools} tools of {plugins} plugins from {}", open.folder().display());
}

/// Begins with the first signal that wants the program to end; the second one wants it at once.
pub(super) fn shutdown() -> Shutdown {
    let shutdown = Shutdown::default();
    let Shutdown { begun, now } = shutdown.clone();
    tokio::spawn(async move {
        if cancel_at_signals([&begun, &now]).await.is_err() {
            tracing::warn!("signals cannot be waited for: they end the program at once");
        }
    });
    shutdown
}

async fn cancel_at_signals(tokens: [&CancellationToken; 2]) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    for token in tokens {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    }
    Ok(())
}
