mod build;
mod changes;
mod source;
mod view;

use std::{
    collections::HashMap,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, bail};
use blake3::Hash;
use clap::Args;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::changes::{Shape, changes};
use super::{Open, serve};
use crate::{
    host::Host,
    mcp::{self, Stdio},
    plugin::{
        self,
        files::{Found, PluginFolder},
    },
    policy::PluginName,
    sandbox::Sandbox,
    smoke,
    trial::Trial,
};

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The plugin; all that have source without it
    plugin: Option<String>,
}

impl Dev {
    /// Ends with the client, or by Ctrl-C: 0 in both cases.
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let folder = open.plugin_folder()?;
        if sources(open, &folder, self.plugin.as_deref())?.is_empty() {
            match &self.plugin {
                Some(written) => bail!("plugin {written} has no source: there is nothing to build"),
                None => bail!("no plugin has source to build from; to start one: {}", open.command("new NAME")),
            }
        }
        // Before anything else can print: stdout is the protocol's alone.
        let client = if io::stdin().is_terminal() {
            None
        } else {
            Some(Stdio::take().context("stdin and stdout cannot be used for the protocol")?)
        };
        let sandbox = open.sandbox()?;
        let host = open.starting_host(&sandbox).await?;
        host.observe(Arc::new(view::Calls));
        let _watcher = plugin::watch(&host);
        let shutdown = serve::shutdown().begun;
        let mut rounds =
            Rounds { open, folder, sandbox, host: Arc::clone(&host), known: HashMap::new(), problem: None };
        let plugin = self.plugin.as_deref();
        match client {
            None => {
                view::event("dev", "each `toolcell serve` of this folder takes over what is built; Ctrl-C ends this");
                tokio::select! {
                    ended = rounds.run(plugin) => ended?,
                    () = shutdown.cancelled() => {}
                }
            }
            Some(stdio) => serve(host, stdio, &shutdown, rounds.run(plugin)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves the client beside the rounds. One that goes away ends them; where they cannot go on, the client is still served.
async fn serve(
    host: Arc<Host>,
    stdio: Stdio,
    shutdown: &CancellationToken,
    rounds: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let rounds = async {
        if let Err(error) = rounds.await {
            view::event("dev", &format!("changes are not built any more: {error:#}"));
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = mcp::serve_stdio(host, stdio, shutdown) => Ok(served?),
        () = rounds => Ok(()),
    }
}

/// The plugins that are meant and have source.
fn sources(open: &Open, folder: &PluginFolder, written: Option<&str>) -> anyhow::Result<Vec<Found>> {
    let meant = open.meant(folder, written)?;
    Ok(meant.into_iter().filter(|found| folder.language(found).is_some()).collect())
}

/// What is done whenever source changes.
struct Rounds<'a> {
    open: &'a Open,
    folder: PluginFolder,
    sandbox: Arc<Sandbox>,
    host: Arc<Host>,
    known: HashMap<PluginName, Known>,
    /// Why the plugins that are meant are not there.
    problem: Option<String>,
}

/// What is known of a plugin since its last round.
#[derive(Default)]
struct Known {
    /// Of the source that was built, or could not be.
    source: Option<Hash>,
    tools: Vec<Shape>,
    /// Why it is not served, or that it is, as it was shown last.
    status: String,
}

impl Rounds<'_> {
    /// Builds what changed, without end. What changes during a build is built after it.
    ///
    /// # Errors
    ///
    /// When changes cannot be seen.
    async fn run(&mut self, written: Option<&str>) -> anyhow::Result<()> {
        let (_watcher, mut changed) = watch(&self.folder)?;
        let mut served = self.host.changes();
        loop {
            let mut is_idle = true;
            for found in self.sources(written) {
                let source = self.folder.path().join(found.name.as_str());
                // A file that goes away while it is looked at is a change that is still to come.
                let Ok(fingerprint) = source::fingerprint(&source) else { continue };
                let known = self.known.entry(found.name.clone()).or_default();
                if known.source.replace(fingerprint) != Some(fingerprint) {
                    is_idle = false;
                    if let Err(error) = self.round(&found).await {
                        view::problem(&format!("{error:#}"));
                    }
                }
            }
            if is_idle {
                tokio::select! {
                    _ = changed.recv() => plugin::settle(&mut changed).await,
                    // Somebody reviewed a plugin, or took a grant away.
                    _ = served.changed() => {
                        for found in self.sources(written) {
                            self.status(&found.name, false);
                        }
                    }
                }
            }
        }
    }

    /// The plugins that are meant, none while the folder does not hold them.
    fn sources(&mut self, written: Option<&str>) -> Vec<Found> {
        let found = sources(self.open, &self.folder, written);
        let problem = found.as_ref().err().map(|error| format!("{error:#}"));
        if let Some(problem) = problem.as_ref().filter(|_| problem != self.problem) {
            view::event("dev", problem);
        }
        self.problem = problem;
        found.unwrap_or_default()
    }

    /// Builds a plugin and shows what came of it. A build that fails leaves the component that was there.
    async fn round(&mut self, found: &Found) -> anyhow::Result<()> {
        let name = found.name.as_str();
        view::event(name, "building");
        let started = Instant::now();
        let status = build::build(&self.open.options(), name, view::detail).await?;
        let took = format!("{:.1} s", started.elapsed().as_secs_f64());
        if !status.success() {
            let stays = if self.host.catalog().served.iter().any(|plugin| plugin.name == found.name) {
                "; the version before this one stays"
            } else {
                ""
            };
            view::event(name, &super::terminal::red(&format!("not built, after {took}{stays}")));
            return Ok(());
        }
        view::event(name, &super::terminal::green(&format!("built in {took}")));
        match Trial::load(&self.sandbox, &self.folder, found).await {
            Ok(trial) => {
                self.tools(&found.name, &trial);
                self.examples(found, &trial).await;
            }
            Err(reason) => view::problem(&reason.to_string()),
        }
        self.host.registry().reload().await?;
        self.status(&found.name, true);
        Ok(())
    }

    /// Shows how the plugin's tools differ from those of its last build.
    fn tools(&mut self, name: &PluginName, trial: &Trial) {
        let now: Vec<_> = trial.tools().iter().map(Shape::of).collect();
        let known = self.known.entry(name.clone()).or_default();
        for change in changes(&known.tools, &now) {
            view::detail(&change);
        }
        known.tools = now;
    }

    /// Runs the plugin's examples as `smoke` does, and shows those that do not hold.
    async fn examples(&self, found: &Found, trial: &Trial) {
        let (mut hold, mut problems) = (0, Vec::new());
        for example in self.folder.examples(found) {
            match example {
                Ok(example) => match smoke::offline(trial, &example).await.problem {
                    None => hold += 1,
                    Some(problem) => problems.push(format!("example {}: {problem}", example.name)),
                },
                Err(error) => problems.push(error.to_string()),
            }
        }
        match (hold, problems.len()) {
            (0, 0) => view::detail("no examples"),
            (_, 0) => view::detail(&format!("examples: all {hold} hold")),
            (_, failed) => view::problem(&format!("examples: {hold} hold, {failed} do not")),
        }
        for problem in problems {
            view::detail(&problem);
        }
    }

    /// Shows whether the plugin is served, where that changed or it is not.
    fn status(&mut self, name: &PluginName, is_built: bool) {
        let catalog = self.host.catalog();
        let unserved = catalog.unserved.iter().find(|plugin| plugin.name == *name);
        let status = match unserved {
            None => super::terminal::green("served"),
            Some(plugin) => {
                let mend = self.open.advice(name, &plugin.reason);
                let mend = mend.map(|mend| format!("; a person mends it in a terminal: {mend}")).unwrap_or_default();
                super::terminal::yellow(&format!("not served: {}{mend}", plugin.reason))
            }
        };
        let known = self.known.entry(name.clone()).or_default();
        if known.status != status || (is_built && unserved.is_some()) {
            view::event(name.as_str(), &status);
            known.status = status;
        }
    }
}

/// Tells of changes in the source of plugins. One that is pending is as good as many.
fn watch(folder: &PluginFolder) -> anyhow::Result<(RecommendedWatcher, mpsc::Receiver<()>)> {
    let (sender, changed) = mpsc::channel(1);
    let root = folder.path().canonicalize()?;
    let inside = root.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_source = |path: &PathBuf| {
            // The first part is the plugin's name, whatever that is.
            let inside = path.strip_prefix(&inside).map(|path| path.components().skip(1).collect::<PathBuf>());
            inside.is_ok_and(|path| source::is_source(&path))
        };
        if event.map_or(true, |event| !event.kind.is_access() && event.paths.iter().any(is_source)) {
            let _ = sender.try_send(());
        }
    })?;
    watcher.watch(&root, RecursiveMode::Recursive).context("changes in the folder cannot be seen")?;
    Ok((watcher, changed))
}
