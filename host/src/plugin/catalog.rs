//! The tools of a folder at one moment, and the plugins that they are of.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{load::Loaded, tool::Tool};
use crate::policy::{Digest, Grant, NotServed, PluginName};

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
