//! What the commands have in common: the options that say where plugins are and how they run.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use clap::{Args, ValueHint};

use crate::{
    config::Config,
    env_file::EnvFile,
    host::Host,
    plugin::{Environment, Registry, Sources, acceptance::State, files::PluginFolder},
    sandbox::{CodeCache, Compiler, Sandbox, Settings, Upstream, default_cache_folder},
    source::Source,
};

/// Options of every command.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// The folder of plugins
    #[arg(short = 'C', long = "folder", value_name = "DIR", global = true, value_hint = super::FOLDER)]
    folder: Option<PathBuf>,
    /// The operator's settings [default: toolcell.toml beside the folder of plugins]
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Values for granted variables, as NAME=value lines
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    env_file: Option<PathBuf>,
    /// Dial a substitute for a server, after the rules judged the original: https://api.example.com=http://127.0.0.1:8080
    #[arg(long, value_name = "ORIGINAL=SUBSTITUTE", global = true)]
    upstream: Vec<Upstream>,
    /// Let the lock file count as it is, as reviewed and committed
    #[arg(long, global = true)]
    locked: bool,
    /// Say more in the log; twice for still more
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
}

impl Open {
    pub(super) fn log_filter(&self, serves: bool) -> &'static str {
        match (self.verbose, serves) {
            (0, true) => "warn,toolcell=info",
            (0, false) => "error",
            (1, _) => "warn,toolcell=debug",
            _ => "debug",
        }
    }

    pub(super) fn set_folder(&mut self, folder: Option<PathBuf>) {
        self.folder = folder.or(self.folder.take());
    }

    /// The folder of plugins, as it was named.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(super::default_folder)
    }

    pub(super) fn plugin_folder(&self) -> anyhow::Result<PluginFolder> {
        let folder = self.folder();
        PluginFolder::open(&folder).with_context(|| {
            format!("no folder of plugins; name it with -C DIR, or run this where {} is", folder.display())
        })
    }

    pub(super) fn sandbox(&self) -> anyhow::Result<Arc<Sandbox>> {
        let config = self.config()?.sandbox;
        let settings = Settings {
            slots: config.slots.unwrap_or(Settings::default().slots),
            memory: config.memory,
            cache: cache(),
            compiler: Compiler::Child(std::env::current_exe().context("cannot find this program's own file")?),
            upstreams: self.upstream.iter().cloned().collect(),
        };
        Ok(Arc::new(Sandbox::new(settings).context("the sandbox does not start")?))
    }

    /// The host with all plugins loaded.
    pub(super) async fn host(&self) -> anyhow::Result<Arc<Host>> {
        // First, for the better message.
        self.plugin_folder()?;
        let sandbox = self.sandbox()?;
        let sources = Sources {
            folder: self.folder(),
            policy: self.config()?.policy,
            state: State::open()?,
            environment: self.environment()?,
            locked: self.locked,
        };
        let registry = Registry::open(sources, Arc::clone(&sandbox)).await?;
        Ok(Arc::new(Host::new(registry, sandbox)))
    }

    fn config(&self) -> anyhow::Result<Config> {
        let folder = self.folder();
        let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Config::load(self.config.as_deref(), beside)?)
    }

    fn environment(&self) -> anyhow::Result<Environment> {
        let Some(path) = &self.env_file else { return Ok(Environment::default()) };
        let file = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("{file} cannot be read"))?;
        Ok(Environment { file: EnvFile::parse(&Source { file: &file, text: &text })? })
    }
}

/// The cache of compiled code; none where its folder or key is not private, which costs time and nothing else.
fn cache() -> Option<CodeCache> {
    let opened = State::open().and_then(|state| state.secret()).map_err(|error| error.to_string()).and_then(|key| {
        let folder = default_cache_folder().ok_or("no cache folder: HOME is not set")?;
        CodeCache::open(&folder, key).map_err(|error| format!("{}: {error}", folder.display()))
    });
    opened.map_err(|error| tracing::warn!("compiled code is not kept: {error}")).ok()
}
