//! The plugins of a folder as they are served at this moment, and how that changes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{
    acceptance::State,
    files::{Found, PluginFolder},
    load::{self, Admitted, Candidate, Environment, Loaded, Lock},
    tool::Tool,
    warnings,
};
use crate::{
    failure::Failure,
    policy::{Digest, Grant, NotServed, PluginName, Policy},
    sandbox::Sandbox,
    source::SourceError,
};

/// What is served at one moment. Never changes: a reload makes a new one, and calls under way keep theirs.
#[derive(Debug, Default)]
pub struct Catalog {
    /// The tools, by name.
    pub tools: Vec<Arc<Tool>>,
    /// The plugins that are served.
    pub served: Vec<Served>,
    /// The plugins that are not.
    pub unserved: Vec<Unserved>,
    /// What is odd about the folder, its lock file or toolcell.toml and keeps no plugin from being served.
    pub warnings: Vec<String>,
    by_name: HashMap<String, Arc<Tool>>,
}

/// A plugin that is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// Its name.
    pub name: PluginName,
    /// What is odd about it and keeps nothing from being served.
    pub warnings: Vec<String>,
    tools: Vec<Arc<Tool>>,
    loaded: Loaded,
}

/// A plugin that is not served.
#[derive(Debug, Clone)]
pub struct Unserved {
    /// Its name.
    pub name: PluginName,
    /// Why.
    pub reason: NotServed,
}

impl Catalog {
    /// The tool of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Tool>> {
        self.by_name.get(name)
    }

    /// What a client is told about this server.
    #[must_use]
    pub fn instructions(&self) -> String {
        let (served, all) = (self.served.len(), self.served.len() + self.unserved.len());
        let mut text = "Each tool call runs in a sandbox of its own: nothing is kept between calls".to_owned();
        let plugins = |keeps: fn(&Grant) -> bool| {
            let keeping = self.tools.iter().filter(|tool| keeps(tool.grant())).map(|tool| tool.plugin());
            keeping.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
        };
        let caches = plugins(|grant| grant.cache().is_some());
        let folders = plugins(|grant| grant.files().may_change());
        let kept = [("caches", caches), ("folders", folders)].into_iter().filter(|(_, plugins)| !plugins.is_empty());
        let kept: Vec<_> = kept.map(|(what, plugins)| format!("in the {what} of: {plugins}")).collect();
        if !kept.is_empty() {
            text.push_str(&format!(", except {}", kept.join("; ")));
        }
        text.push('.');
        if self.unserved.is_empty() {
            return text;
        }
        let reasons: Vec<_> =
            self.unserved.iter().map(|plugin| format!("{} ({})", plugin.name, plugin.reason.brief())).collect();
        let mut mends: Vec<_> = self.unserved.iter().filter_map(|plugin| plugin.reason.mend(&plugin.name)).collect();
        mends.dedup();
        text.push_str(&format!(" {served} of {all} plugins are served. Not served: {}.", reasons.join(", ")));
        if !mends.is_empty() {
            let commands: Vec<_> = mends.iter().map(|mend| format!("`{mend}`")).collect();
            text.push_str(&format!(
                " A person runs {} in a terminal; do not run it yourself.",
                commands.join(", then ")
            ));
        }
        text
    }

    fn new(mut served: Vec<Served>, mut unserved: Vec<Unserved>, before: &Self) -> Self {
        for (name, reason) in collisions(&served, before) {
            tracing::warn!("plugin {name} is not served: {reason}");
            served.retain(|plugin| plugin.name != name);
            unserved.push(Unserved { name, reason });
        }
        unserved.sort_by(|a, b| a.name.cmp(&b.name));
        let mut tools: Vec<_> = served.iter().flat_map(|plugin| plugin.tools.iter().cloned()).collect();
        tools.sort_by(|a, b| a.name().cmp(b.name()));
        let by_name = tools.iter().map(|tool| (tool.name().to_owned(), Arc::clone(tool))).collect();
        Self { tools, served, unserved, by_name, warnings: Vec::new() }
    }
}

/// Plugins that lose a name: both at the start, the newcomer later.
fn collisions(served: &[Served], before: &Catalog) -> Vec<(PluginName, NotServed)> {
    let mut owners: BTreeMap<&str, Vec<&PluginName>> = BTreeMap::new();
    for (plugin, tool) in served.iter().flat_map(|plugin| plugin.tools.iter().map(move |tool| (plugin, tool))) {
        owners.entry(tool.name()).or_default().push(&plugin.name);
    }
    let mut losers = BTreeMap::new();
    for (tool, owners) in owners.into_iter().filter(|(_, owners)| owners.len() > 1) {
        let holder = before.get(tool).map(|held| held.plugin());
        for name in owners.iter().filter(|name| Some(name.as_str()) != holder) {
            let other = (*owners.iter().find(|other| other != &name).unwrap_or(name)).clone();
            losers.insert((*name).clone(), NotServed::NameTaken { tool: tool.to_owned(), other });
        }
    }
    losers.into_iter().collect()
}

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
    /// Every tool that was ever listed, with its plugin: a call of one that is gone is told so.
    listed: Mutex<HashMap<String, PluginName>>,
    /// What the log already says about plugins whose files are not served.
    logged: Mutex<HashMap<PluginName, NotServed>>,
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
        let registry = Self {
            sources,
            sandbox,
            catalog: ArcSwap::default(),
            generation: watch::Sender::new(0),
            listed: Mutex::default(),
            logged: Mutex::default(),
            reloading: tokio::sync::Mutex::default(),
        };
        registry.reload().await?;
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

    /// Why a tool that was listed before is not served; `None` for one that never was.
    #[must_use]
    pub fn withdrawn(&self, tool: &str) -> Option<Failure> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let plugin = listed.get(tool)?;
        let catalog = self.catalog();
        let unserved = catalog.unserved.iter().find(|unserved| unserved.name == *plugin);
        Some(Failure::ToolWithdrawn {
            plugin: plugin.to_string(),
            reason: unserved.map_or("it was removed or no longer has this tool", |it| it.reason.brief()).to_owned(),
            mend: unserved.and_then(|unserved| unserved.reason.mend(plugin)),
        })
    }

    /// Reads the folder again and serves what it holds now. A plugin whose new version is broken keeps its old one.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read; what was served stays.
    pub async fn reload(&self) -> Result<(), SourceError> {
        let _one_at_a_time = self.reloading.lock().await;
        let folder = PluginFolder::open(&self.sources.folder)?;
        let listing = folder.list().map_err(|error| {
            SourceError::of_file(folder.path().display().to_string(), format!("cannot be listed: {error}"))
        })?;
        let lock = self.lock(&folder);
        let before = self.catalog();
        let entries = lock.as_ref().ok().and_then(|lock| lock.file.as_ref()).map(|file| &file.entries);
        let warnings = warnings::warnings(&folder, &listing, &self.sources.policy, entries);
        for warning in warnings.iter().filter(|warning| !before.warnings.contains(warning)) {
            tracing::warn!("{warning}");
        }
        let (mut served, mut unserved) = (Vec::new(), Vec::new());
        for found in &listing.found {
            let name = &found.name;
            let old = before.served.iter().find(|plugin| plugin.name == *name);
            let admitted = self.admit(&folder, found, &lock, old).await;
            let is_news = self.is_news(name, admitted.as_ref().err());
            match (admitted, old) {
                (Ok(plugin), _) => served.push(plugin),
                (Err(reason), Some(old)) if is_broken(&reason) => {
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
        let catalog = Catalog { warnings, ..Catalog::new(served, unserved, &before) };
        let is_changed = is_changed(&before, &catalog);
        self.remember(&catalog);
        self.catalog.store(Arc::new(catalog));
        if is_changed {
            self.generation.send_modify(|generation| *generation += 1);
        }
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
        match load::admit(&self.sandbox, &candidate, lock, policy, environment, kept).await {
            Ok(Admitted { loaded, tools, warnings }) => {
                for warning in warnings.iter().filter(|warning| old.is_none_or(|old| !old.warnings.contains(warning))) {
                    tracing::warn!("plugin {}: {warning}", found.name);
                }
                let tools = tools.into_iter().map(Arc::new).collect();
                Ok(Served { name: found.name.clone(), tools, loaded, warnings })
            }
            // Half a file is no component that somebody has to review: what is served stays until the rest is there.
            Err(NotServed::ComponentChanged) if old.is_some() => {
                match self.sandbox.load(&candidate.wasm, &candidate.component).await {
                    Ok(_) => Err(NotServed::ComponentChanged),
                    Err(error) => Err(NotServed::InvalidComponent(error.to_string())),
                }
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

/// Whether a reload failed because files are damaged or half-written, not because somebody decided something.
fn is_broken(reason: &NotServed) -> bool {
    matches!(reason, NotServed::InvalidManifest(_) | NotServed::NotBuilt | NotServed::InvalidComponent(_))
}

fn is_changed(before: &Catalog, after: &Catalog) -> bool {
    let listed = |catalog: &Catalog| -> Vec<(String, Digest)> {
        let tools =
            catalog.served.iter().flat_map(|plugin| plugin.tools.iter().map(|tool| (tool, plugin.loaded.tools)));
        tools.map(|(tool, digest)| (format!("{} {:?}", tool.name(), tool.hints()), digest)).collect()
    };
    listed(before) != listed(after)
}
