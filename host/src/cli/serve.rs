use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{Open, terminal};
use crate::{
    mcp::{self, Stdio},
    plugin,
};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The folder of plugins [default: plugins]
    #[arg(value_name = "DIR", value_hint = super::FOLDER)]
    folder: Option<PathBuf>,
}

impl Serve {
    pub(super) async fn run(self, mut open: Open) -> anyhow::Result<ExitCode> {
        open.set_folder(self.folder);
        if io::stdin().is_terminal() {
            let example = open.command("call TOOL");
            writeln!(terminal::stderr(), "An MCP client starts this and writes to its stdin. By hand, try: {example}")?;
        }
        // Before anything else can print: stdout is the protocol's alone.
        let stdio = Stdio::take().context("stdin and stdout cannot be used for the protocol")?;
        let host = open.starting_host(&open.sandbox()?).await?;
        let catalog = host.catalog();
        tracing::info!(
            "serving {} tools of {} plugins from {}",
            catalog.tools.len(),
            catalog.served.len(),
            open.folder().display()
        );
        let _watcher = plugin::watch(&host);
        mcp::serve_stdio(host, stdio, &shutdown()).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Cancelled when somebody wants the program to end.
pub(super) fn shutdown() -> CancellationToken {
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        if wait_for_signal().await.is_ok() {
            stop.cancel();
        }
    });
    shutdown
}

async fn wait_for_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
