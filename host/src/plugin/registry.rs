//! The plugins of a folder as they are served at this moment, and how that changes.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{
    acceptance::State,
    catalog::{Catalog, Served, Unserved},
    files::{Found, PluginFolder},
    load::{self, Admitted, Candidate, Environment, Lock},
    loads::Loads,
    warnings,
};
use crate::{
    failure::Failure,
    policy::{NotServed, PluginName, Policy},
    sandbox::Sandbox,
    source::SourceError,
    user::User,
};

/// Where the registry reads from and what it decides by.
#[derive(Debug)]
pub struct Sources {
    /// The folder.
    pub folder: PathBuf,
    /// What toolcell.toml takes away.
    pub policy: Policy,
    /// This user's private records.
    pub state: State,
    /// Values of granted variables.
    pub environment: Environment,
    /// `serve --locked`: the lock file as it is counts.
    pub locked: bool,
}

/// The plugins of a folder.
#[derive(Debug)]
pub struct Registry {
    sources: Sources,
    sandbox: Arc<Sandbox>,
    catalog: ArcSwap<Catalog>,
    generation: watch::Sender<u64>,
    /// Whether every plugin that was there at the start has been loaded or refused.
    started: watch::Sender<bool>,
    loads: Loads,
    /// Every tool that was ever listed, with its plugin: a call of one that is gone is told so.
    listed: Mutex<HashMap<String, PluginName>>,
    /// What the log already says about plugins whose files are not served.
    logged: Mutex<HashMap<PluginName, NotServed>>,
    /// How often the folder was read again.
    reloads: AtomicU64,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

impl Registry {
    /// Loads the plugins of a folder.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read; what is wrong with one plugin only keeps that one from being served.
    pub async fn open(sources: Sources, sandbox: Arc<Sandbox>) -> Result<Self, SourceError> {
        let registry = Self::start(sources, sandbox).await?;
        registry.complete().await?;
        Ok(registry)
    }

    /// Loads those plugins of a folder that were compiled before, and begins to compile the others. [`Registry::complete`] waits
    /// for these.
    ///
    /// # Errors
    ///
    /// As [`Registry::open`].
    pub async fn start(sources: Sources, sandbox: Arc<Sandbox>) -> Result<Self, SourceError> {
        let registry = Self {
            sources,
            sandbox,
            catalog: ArcSwap::default(),
            generation: watch::Sender::new(0),
            started: watch::Sender::new(false),
            loads: Loads::default(),
            listed: Mutex::default(),
            logged: Mutex::default(),
            reloads: AtomicU64::new(0),
            reloading: tokio::sync::Mutex::default(),
        };
        registry.refresh().await?;
        Ok(registry)
    }

    /// What is served at this moment.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// A number that grows whenever the list of tools changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.sources.folder
    }

    /// Why a tool that was listed before is not served; `None` for one that never was, as far as this user knows.
    #[must_use]
    pub fn withdrawn(&self, tool: &str, user: &User) -> Option<Failure> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let plugin = listed.get(tool).filter(|plugin| user.policy().may_call(plugin.as_str(), tool))?;
        let catalog = self.catalog();
        let unserved = catalog.unserved.iter().find(|unserved| unserved.name == *plugin);
        Some(Failure::ToolWithdrawn {
            plugin: plugin.to_string(),
            reason: unserved.map_or("it was removed or no longer has this tool", |it| it.reason.brief()).to_owned(),
            mend: unserved.and_then(|unserved| unserved.reason.mend(plugin)),
        })
    }

    /// Becomes true once every plugin that was there at the start has been loaded or refused.
    #[must_use]
    pub fn started(&self) -> watch::Receiver<bool> {
        self.started.subscribe()
    }

    /// A number that grows whenever the load of a plugin ends: [`Registry::refresh`] then serves it.
    pub(super) fn loads_ended(&self) -> watch::Receiver<u64> {
        self.loads.ended()
    }

    /// Waits until nothing is being loaded any more.
    ///
    /// # Errors
    ///
    /// As [`Registry::reload`].
    pub async fn complete(&self) -> Result<(), SourceError> {
        let mut ended = self.loads.ended();
        loop {
            self.refresh().await?;
            if self.catalog().loading.is_empty() || ended.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Reads the folder again and serves what it holds now. A plugin whose new version is broken, or still being loaded, keeps
    /// its old one.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read; what was served stays.
    pub async fn reload(&self) -> Result<(), SourceError> {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        self.loads.forget_failures();
        self.refresh().await
    }

    /// How often the folder was read again since the start.
    #[must_use]
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::Relaxed)
    }

    /// How many components were compiled since the start, and how long that took all together. Code that was kept from an
    /// earlier run does not count.
    #[must_use]
    pub fn compilations(&self) -> (u64, Duration) {
        self.loads.compilations()
    }

    /// As [`Registry::reload`], but what could not be loaded is not tried again.
    pub(super) async fn refresh(&self) -> Result<(), SourceError> {
        let _one_at_a_time = self.reloading.lock().await;
        let folder = PluginFolder::open(&self.sources.folder)?;
        let listing = folder.list().map_err(|error| {
            SourceError::of_file(folder.path().display().to_string(), format!("cannot be listed: {error}"))
        })?;
        let lock = self.lock(&folder);
        let before = self.catalog();
        let entries = lock.as_ref().ok().and_then(|lock| lock.file.as_ref()).map(|file| &file.entries);
        let mut warnings = warnings::warnings(&folder, &listing, &self.sources.policy, entries);
        let (mut served, mut unserved, mut loading) = (Vec::new(), Vec::new(), Vec::new());
        self.loads.keep(&listing.names);
        for found in &listing.found {
            let name = &found.name;
            let old = before.served.iter().find(|plugin| plugin.name == *name);
            let admitted = self.admit(&folder, found, &lock, old).await;
            if matches!(admitted, Err(NotServed::BeingLoaded)) {
                loading.push(name.clone());
            }
            let is_news = self.is_news(name, admitted.as_ref().err());
            match (admitted, old) {
                (Ok(plugin), old) => {
                    if old.is_some_and(|old| old.loaded.component != plugin.loaded.component) {
                        tracing::info!("plugin {name}: its new component is served");
                    }
                    served.push(plugin);
                }
                (Err(reason), Some(old)) if keeps_old(&reason) => {
                    if is_news {
                        tracing::error!("plugin {name}: the version before this one stays: {reason}");
                    }
                    served.push(old.clone());
                }
                (Err(reason), _) => {
                    if is_news {
                        let mend = reason.mend(name).map(|mend| format!("; to mend: {mend}")).unwrap_or_default();
                        tracing::warn!("plugin {name} is not served: {reason}{mend}");
                    }
                    unserved.push(Unserved { name: name.clone(), reason });
                }
            }
        }
        let is_complete = loading.is_empty();
        let holding = self.started.borrow().then_some(&*before);
        let mut catalog = Catalog::new(served, unserved, holding);
        catalog.unknown_tools = if is_complete {
            warnings::of_tools(&catalog, &self.sources.policy.users)
        } else {
            before.unknown_tools.clone()
        };
        warnings.extend(catalog.unknown_tools.iter().cloned());
        warnings.extend(warnings::of_credentials(self.sandbox.credentials(), &listing, &catalog, is_complete));
        for warning in warnings.iter().filter(|warning| !before.warnings.contains(warning)) {
            tracing::warn!("{warning}");
        }
        catalog.warnings = warnings;
        catalog.loading = loading;
        let is_changed = catalog.differs_from(&before);
        self.remember(&catalog);
        self.catalog.store(Arc::new(catalog));
        if is_changed {
            self.generation.send_modify(|generation| *generation += 1);
        }
        self.started.send_if_modified(|started| is_complete && !std::mem::replace(started, true));
        Ok(())
    }

    async fn admit(
        &self,
        folder: &PluginFolder,
        found: &Found,
        lock: &Result<Lock, NotServed>,
        old: Option<&Served>,
    ) -> Result<Served, NotServed> {
        let lock = lock.as_ref().map_err(Clone::clone)?;
        let candidate = Candidate::read(folder, found, &self.sources.state)?;
        let kept = old.map(|old| &old.loaded).filter(|loaded| loaded.component == candidate.component).cloned();
        let Sources { policy, environment, .. } = &self.sources;
        match load::admit(&self.sandbox, &candidate, lock, policy, environment, kept, &self.loads).await {
            Ok(Admitted { loaded, tools, warnings }) => {
                for warning in warnings.iter().filter(|warning| old.is_none_or(|old| !old.warnings.contains(warning))) {
                    tracing::warn!("plugin {}: {warning}", found.name);
                }
                let tools = tools.into_iter().map(Arc::new).collect();
                Ok(Served { name: found.name.clone(), tools, loaded, warnings })
            }
            // Half a file is no component that somebody has to review: what is served stays until the rest is there.
            Err(NotServed::ComponentChanged) if old.is_some() => {
                self.loads.check(&self.sandbox, &candidate).await?;
                Err(NotServed::ComponentChanged)
            }
            Err(reason) => Err(reason),
        }
    }

    fn lock(&self, folder: &PluginFolder) -> Result<Lock, NotServed> {
        let unusable = |problem: String| {
            tracing::error!("{problem}");
            NotServed::LockUnusable(problem)
        };
        let file = folder.lock().map_err(|error| unusable(error.to_string()))?;
        let counts = match &file {
            _ if self.sources.locked => true,
            None => false,
            Some(file) => self
                .sources
                .state
                .is_accepted(&folder.lock_path(), &file.digest)
                .map_err(|error| unusable(error.to_string()))?,
        };
        Ok(Lock { file, counts })
    }

    /// Whether the log does not say yet what is wrong with the plugin: a folder can change many times a minute.
    fn is_news(&self, plugin: &PluginName, wrong: Option<&NotServed>) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match wrong {
            // It has a line of its own, and what is wrong with the plugin may stay so.
            Some(NotServed::BeingLoaded) => return false,
            Some(reason) => logged.insert(plugin.clone(), reason.clone()),
            None => logged.remove(plugin),
        };
        before.as_ref() != wrong
    }

    fn remember(&self, catalog: &Catalog) {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        for plugin in &catalog.served {
            for tool in &plugin.tools {
                listed.insert(tool.name().to_owned(), plugin.name.clone());
            }
        }
    }
}

/// Whether a reload failed because files are damaged or half-written, or has not ended, not because somebody decided something.
fn keeps_old(reason: &NotServed) -> bool {
    use NotServed::{BeingLoaded, InvalidComponent, InvalidManifest, NotBuilt};
    matches!(reason, InvalidManifest(_) | NotBuilt | InvalidComponent(_) | BeingLoaded)
}
