//! What the commands have in common: the options that say where plugins are and how they run.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use clap::{Args, ValueHint};

use crate::{
    cli::progress,
    config::{AuditConfig, AuditPlace, Config, DatabaseConfig, HttpConfig},
    env_file::EnvFile,
    host::Host,
    nearest::did_you_mean,
    plugin::{
        Environment, Registry, Sources,
        acceptance::State,
        files::{Found, PluginFolder},
    },
    policy::{DatabaseName, EnvName, NotServed, PluginName},
    sandbox::{
        CodeCache, Compiler, Credentials, DatabaseSettings, Redis, Sandbox, Settings, Upstream, default_cache_folder,
    },
    source::Source,
    text::shell_word,
    users::{Users, read_values},
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
    /// Dial a substitute for a server, after the rules judged the original, such as `https://api.example.com=http://127.0.0.1:8080`
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
    /// What the log has: `usual`, unless somebody wants more.
    pub(super) fn log_filter(&self, usual: &'static str) -> &'static str {
        match self.verbose {
            0 => usual,
            1 => "warn,toolcell=debug",
            // The client of databases would log statements and their parameters.
            _ => "debug,tokio_postgres=warn",
        }
    }

    pub(super) fn set_folder(&mut self, folder: Option<PathBuf>) {
        self.folder = folder.or(self.folder.take());
    }

    /// The folder of plugins, as it was named.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(super::default_folder)
    }

    /// What of these options another process needs to build the same plugins.
    pub(super) fn options(&self) -> Vec<OsString> {
        let named = [("-C", &self.folder), ("--config", &self.config), ("--env-file", &self.env_file)];
        let named = named.into_iter().filter_map(|(option, path)| Some([option.into(), path.as_ref()?.into()]));
        named.flatten().collect()
    }

    /// What of these options a server of the same folder is started with.
    pub(super) fn serve_options(&self) -> Vec<OsString> {
        let named = [("--config", &self.config), ("--env-file", &self.env_file)];
        let named = named.into_iter().filter_map(|(option, path)| Some([option.into(), path.as_ref()?.into()]));
        self.locked.then(|| "--locked".into()).into_iter().chain(named.flatten()).collect()
    }

    /// A command of this program for the same folder: `toolcell -C DIR check text`.
    pub(super) fn command(&self, command: &str) -> String {
        match &self.folder {
            Some(folder) => format!("toolcell -C {} {command}", shell_word(&folder.display().to_string())),
            None => format!("toolcell {command}"),
        }
    }

    /// The command that mends a plugin, for the same folder.
    pub(super) fn mend(&self, plugin: &PluginName, reason: &NotServed) -> Option<String> {
        let mend = reason.mend(plugin)?;
        Some(mend.strip_prefix("toolcell ").map_or_else(|| mend.clone(), |command| self.command(command)))
    }

    /// The command or the change by hand that mends a plugin.
    pub(super) fn advice(&self, plugin: &PluginName, reason: &NotServed) -> Option<String> {
        // What is mended by hand has `check` as its command, which says no more than this.
        reason.by_hand(plugin).or_else(|| self.mend(plugin, reason))
    }

    /// The name of a plugin, also where its folder was written instead, as shells complete it: `plugins/text/`.
    pub(super) fn plugin_name(&self, written: &str) -> String {
        let path = Path::new(written);
        let is_inside = || -> io::Result<bool> {
            let parent = path.canonicalize()?.parent().map(Path::to_owned);
            Ok(path.is_dir() && parent == Some(self.folder().canonicalize()?))
        };
        match path.file_name() {
            Some(name) if is_inside().unwrap_or(false) => name.to_string_lossy().into_owned(),
            _ => written.to_owned(),
        }
    }

    /// The error of a plugin that is not in the folder.
    pub(super) fn no_plugin(&self, name: &str, found: &[Found]) -> anyhow::Error {
        let folder = self.folder();
        let inside = folder.join(name);
        // A name with a slash, or `..`, is somewhere else.
        if name.parse::<PluginName>().is_ok() && inside.is_dir() {
            let what = if inside.join("Cargo.toml").is_file() { "Rust source, and no" } else { "no" };
            return anyhow::anyhow!("{} is not a plugin: it holds {what} plugin.toml", inside.display());
        }
        let meant = did_you_mean(name, found.iter().map(|found| found.name.as_str()));
        anyhow::anyhow!("no plugin {name:?} in {}{meant}", folder.display())
    }

    /// The plugins that are meant: the one that was written, or all.
    pub(super) fn meant(&self, folder: &PluginFolder, written: Option<&str>) -> anyhow::Result<Vec<Found>> {
        let all = folder.list()?.found;
        let name = written.map(|written| self.plugin_name(written));
        let is_meant = |found: &&Found| name.as_ref().is_none_or(|name| name == found.name.as_str());
        let meant: Vec<_> = all.iter().filter(is_meant).cloned().collect();
        match name {
            _ if !meant.is_empty() => Ok(meant),
            Some(name) => Err(self.no_plugin(&name, &all)),
            None => anyhow::bail!(
                "no plugin in {}; a plugin is a folder with a plugin.toml, or a NAME.wasm. To start one: {}",
                folder.path().display(),
                self.command("new NAME")
            ),
        }
    }

    pub(super) fn plugin_folder(&self) -> anyhow::Result<PluginFolder> {
        let folder = self.folder();
        PluginFolder::open(&folder).map_err(|error| match &self.folder {
            Some(_) => anyhow::anyhow!("{error}; expected the folder of plugins"),
            None if holds_plugins(Path::new(".")) => {
                anyhow::anyhow!("{error}; this folder itself holds plugins: name it with -C .")
            }
            None => anyhow::anyhow!(
                "there is no folder of plugins here ({error}); name it with -C DIR, or start a plugin with `toolcell new \
                 NAME`"
            ),
        })
    }

    pub(super) fn sandbox(&self) -> anyhow::Result<Arc<Sandbox>> {
        let Config { sandbox: config, redis_url, postgres, credentials, otlp, .. } = self.config()?;
        let environment = self.environment()?;
        let redis = |name: &EnvName| Redis::of_variable(name.as_str(), environment.value(name).as_deref());
        let settings = Settings {
            slots: config.slots.unwrap_or(Settings::default().slots),
            memory: config.memory,
            code_cache: code_cache(),
            compiler: Compiler::Child(std::env::current_exe().context("cannot find this program's own file")?),
            upstreams: self.upstream.iter().cloned().collect(),
            redis: redis_url.as_ref().map(redis),
            databases: self.databases(postgres)?,
            credentials: Credentials::new(credentials, |name| environment.value(name)),
            propagate: otlp.propagate,
        };
        Ok(Arc::new(Sandbox::new(settings).context("the sandbox does not start")?))
    }

    /// How the server stands on a network, with files where toolcell.toml says they are.
    pub(super) fn http(&self) -> anyhow::Result<HttpConfig> {
        let mut http = self.config()?.http;
        http.tls = http.tls.map(|files| files.beside(&self.config_folder()));
        Ok(http)
    }

    /// The databases with their URLs, and their files where toolcell.toml says they are.
    fn databases(
        &self,
        configured: BTreeMap<DatabaseName, DatabaseConfig>,
    ) -> anyhow::Result<BTreeMap<DatabaseName, DatabaseSettings>> {
        let environment = self.environment()?;
        let beside = self.config_folder();
        let settings = |database: DatabaseConfig| DatabaseSettings {
            url: environment.value(&database.url_env),
            variable: database.url_env.to_string(),
            ca_file: database.ca_file.map(|file| beside.join(file)),
            connections: database.connections as usize,
        };
        Ok(configured.into_iter().map(|(name, database)| (name, settings(database))).collect())
    }

    /// The host with all plugins loaded. On a terminal it tells what is compiled.
    pub(super) async fn host(&self, sandbox: &Arc<Sandbox>) -> anyhow::Result<Arc<Host>> {
        let host = self.starting_host(sandbox).await?;
        let registry = host.registry();
        progress::shown_as(|| format!("compiling {} (once)", loading(registry)), registry.complete()).await?;
        Ok(host)
    }

    /// The host with those plugins loaded that were compiled before.
    pub(super) async fn starting_host(&self, sandbox: &Arc<Sandbox>) -> anyhow::Result<Arc<Host>> {
        // First, for the better message.
        self.plugin_folder()?;
        let (Config { policy, user_values, .. }, environment) = (self.config()?, self.environment()?);
        let values = read_values(&user_values, &self.config_folder(), &environment);
        let users = Users::new(policy.users.clone(), &values);
        let sources =
            Sources { folder: self.folder(), policy, state: State::open()?, environment, locked: self.locked };
        let registry = Registry::start(sources, Arc::clone(sandbox)).await?;
        Ok(Arc::new(Host::new(registry, Arc::clone(sandbox)).with_users(users)))
    }

    /// What toolcell.toml says of the audit log.
    pub(super) fn audit(&self) -> anyhow::Result<AuditConfig> {
        Ok(self.config()?.audit)
    }

    /// The file of the audit log; `None` for standard output.
    pub(super) fn audit_file(&self, place: &AuditPlace) -> anyhow::Result<Option<PathBuf>> {
        Ok(match place {
            AuditPlace::State => Some(State::open()?.path().join("audit.jsonl")),
            AuditPlace::File(file) => {
                let file = self.config_folder().join(file);
                Some(std::path::absolute(&file).unwrap_or(file))
            }
            AuditPlace::Stdout => None,
        })
    }

    /// What toolcell.toml says.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref(), &self.beside())?)
    }

    /// The folder that holds the folder of plugins.
    fn beside(&self) -> PathBuf {
        let folder = self.folder();
        folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
    }

    /// The operator's settings.
    pub(super) fn config_path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| self.beside().join(Config::FILE))
    }

    /// The folder that paths in toolcell.toml are relative to.
    fn config_folder(&self) -> PathBuf {
        self.config_path().parent().map(Path::to_owned).unwrap_or_default()
    }

    pub(super) fn environment(&self) -> anyhow::Result<Environment> {
        let Some(path) = &self.env_file else { return Ok(Environment::default()) };
        let file = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("--env-file {file} cannot be read"))?;
        Ok(Environment { file: EnvFile::parse(&Source { file: &file, text: &text })? })
    }
}

fn loading(registry: &Registry) -> String {
    let names: Vec<_> = registry.catalog().loading.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn holds_plugins(folder: &Path) -> bool {
    PluginFolder::open(folder).is_ok_and(|folder| folder.list().is_ok_and(|listing| !listing.found.is_empty()))
}

/// The cache of compiled code; none where its folder or key is not private, which costs time and nothing else.
fn code_cache() -> Option<CodeCache> {
    let opened = State::open().and_then(|state| state.secret()).map_err(|error| error.to_string()).and_then(|key| {
        let folder = default_cache_folder().ok_or("no cache folder: HOME is not set")?;
        CodeCache::open(&folder, key).map_err(|error| format!("{}: {error}", folder.display()))
    });
    opened.map_err(|error| tracing::warn!("compiled code is not kept: {error}")).ok()
}
