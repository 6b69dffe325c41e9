//! The tools of a folder at one moment, and the plugins that they are of.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{load::Loaded, tool::Tool, view::View};
use crate::{
    policy::{Digest, NotServed, PluginName},
    user::User,
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
    /// The plugins that are being loaded, or their new versions.
    pub loading: Vec<PluginName>,
    /// What is odd about the folder, its lock file or toolcell.toml and keeps no plugin from being served.
    pub warnings: Vec<String>,
    /// Those of them that can be told only while nothing is being loaded.
    pub(super) unknown_tools: Vec<String>,
    by_name: HashMap<String, Arc<Tool>>,
}

/// A plugin that is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// Its name.
    pub name: PluginName,
    /// What is odd about it and keeps nothing from being served.
    pub warnings: Vec<String>,
    pub(super) tools: Vec<Arc<Tool>>,
    pub(super) loaded: Loaded,
}

/// A plugin that is not served.
#[derive(Debug, Clone)]
pub struct Unserved {
    /// Its name.
    pub name: PluginName,
    /// Why.
    pub reason: NotServed,
}

impl Served {
    /// Its tools.
    #[must_use]
    pub fn tools(&self) -> &[Arc<Tool>] {
        &self.tools
    }

    /// The digest of the component that is served.
    #[must_use]
    pub fn component(&self) -> Digest {
        self.loaded.component
    }
}

impl Catalog {
    /// The tool of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Tool>> {
        self.by_name.get(name)
    }

    /// What this user knows of it.
    #[must_use]
    pub fn of<'a>(&'a self, user: &'a User) -> View<'a> {
        View::new(self, user)
    }

    /// `before` is what was served until now; while the host starts, nothing holds a name yet.
    pub(super) fn new(mut served: Vec<Served>, mut unserved: Vec<Unserved>, before: Option<&Self>) -> Self {
        for (name, reason) in collisions(&served, before) {
            tracing::warn!("plugin {name} is not served: {reason}");
            served.retain(|plugin| plugin.name != name);
            unserved.push(Unserved { name, reason });
        }
        unserved.sort_by(|a, b| a.name.cmp(&b.name));
        let mut tools: Vec<_> = served.iter().flat_map(|plugin| plugin.tools.iter().cloned()).collect();
        tools.sort_by(|a, b| a.name().cmp(b.name()));
        let by_name = tools.iter().map(|tool| (tool.name().to_owned(), Arc::clone(tool))).collect();
        Self { tools, served, unserved, by_name, ..Self::default() }
    }

    /// Whether a client would see another list of tools.
    pub(super) fn differs_from(&self, before: &Self) -> bool {
        self.listed() != before.listed()
    }

    fn listed(&self) -> Vec<(String, Digest)> {
        let tools = self.served.iter().flat_map(|plugin| plugin.tools.iter().map(|tool| (tool, plugin.loaded.tools)));
        tools.map(|(tool, digest)| (format!("{} {:?}", tool.name(), tool.hints()), digest)).collect()
    }
}

/// Plugins that lose a name: both at the start, the newcomer later.
fn collisions(served: &[Served], before: Option<&Catalog>) -> Vec<(PluginName, NotServed)> {
    let mut owners: BTreeMap<&str, Vec<&PluginName>> = BTreeMap::new();
    for (plugin, tool) in served.iter().flat_map(|plugin| plugin.tools.iter().map(move |tool| (plugin, tool))) {
        owners.entry(tool.name()).or_default().push(&plugin.name);
    }
    let mut losers = BTreeMap::new();
    for (tool, owners) in owners.into_iter().filter(|(_, owners)| owners.len() > 1) {
        let holder = before.and_then(|before| before.get(tool)).map(|held| held.plugin());
        for name in owners.iter().filter(|name| Some(name.as_str()) != holder) {
            let other = (*owners.iter().find(|other| other != &name).unwrap_or(name)).clone();
            losers.insert((*name).clone(), NotServed::NameTaken { tool: tool.to_owned(), other });
        }
    }
    losers.into_iter().collect()
}
