//! The plugins as the page shows them: what each asks for and was granted, and why some are not served.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Weak},
};

use serde::Serialize;
use serde_json::{Value, json};

use super::explain::bounded;
use crate::{
    plugin::{
        Catalog, Served, Tool, Unserved,
        files::{Found, PluginFolder},
        lock::LockFile,
        manifest::Manifest,
    },
    policy::{
        Capabilities, Digest, Limits, PluginName,
        units::{bytes_text, duration_text},
    },
};

/// What was found out about the newest catalog.
#[derive(Debug, Default)]
pub(super) struct Described {
    edition: u64,
    /// Does not keep what is not served any more.
    catalog: Weak<Catalog>,
    plugins: Option<Arc<Value>>,
}

impl Described {
    /// A number that grows whenever the catalog is another one.
    pub(super) fn edition(&mut self, catalog: &Arc<Catalog>) -> u64 {
        if !self.is_of(catalog) {
            *self = Self { edition: self.edition + 1, catalog: Arc::downgrade(catalog), plugins: None };
        }
        self.edition
    }

    /// The plugins of this catalog, if they were described.
    pub(super) fn plugins(&mut self, catalog: &Arc<Catalog>) -> Option<Arc<Value>> {
        self.edition(catalog);
        self.plugins.clone()
    }

    /// Keeps the description of a catalog, unless there is a newer one.
    pub(super) fn keep(&mut self, catalog: &Arc<Catalog>, plugins: &Arc<Value>) {
        if self.is_of(catalog) {
            self.plugins = Some(Arc::clone(plugins));
        }
    }

    fn is_of(&self, catalog: &Arc<Catalog>) -> bool {
        std::ptr::eq(self.catalog.as_ptr(), Arc::as_ptr(catalog))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plugin<'a> {
    name: &'a str,
    served: bool,
    description: Option<String>,
    language: Option<String>,
    /// Of the component that is served, or that lies in the folder.
    component: Option<Digest>,
    /// Of the component that was reviewed.
    reviewed: Option<Digest>,
    /// `None` where the manifest cannot be read.
    asks: Option<Vec<Asked>>,
    limits: Option<Value>,
    tools: Vec<&'a str>,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
    /// What a person changes where no command can mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_hand: Option<String>,
}

/// Something that a plugin asks for, or was granted of what it asks for, to be read after "it may".
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Asked {
    what: String,
    granted: bool,
}

/// All plugins of the folder, by name, and what is odd about the folder.
pub(super) fn plugins(catalog: &Catalog, folder: &Path) -> Value {
    let files = Files::read(folder);
    let served = catalog.served.iter().map(|plugin| (&plugin.name, self::served(plugin, &files)));
    let unserved = catalog.unserved.iter().map(|plugin| (&plugin.name, self::unserved(plugin, &files)));
    let plugins: BTreeMap<&PluginName, Plugin> = served.chain(unserved).collect();
    bounded_plugins(json!({
        "folder": folder.display().to_string(),
        "warnings": catalog.warnings,
        "loading": catalog.loading.iter().map(PluginName::as_str).collect::<Vec<_>>(),
        "plugins": plugins.into_values().collect::<Vec<_>>(),
    }))
}

/// Each plugin is bounded by itself: there may be many.
fn bounded_plugins(mut all: Value) -> Value {
    if let Some(Value::Array(plugins)) = all.get_mut("plugins") {
        let each = std::mem::take(plugins).into_iter().map(bounded).collect();
        *plugins = each;
    }
    all
}

fn served<'a>(plugin: &'a Served, files: &Files) -> Plugin<'a> {
    let name = plugin.name.as_str();
    let grant = plugin.tools().first().map(|tool| tool.grant());
    let of_files = files.of(&plugin.name);
    Plugin {
        component: Some(plugin.component()),
        asks: of_files.asks(grant.map(crate::policy::Grant::granted)),
        limits: grant.map(|grant| limits(grant.limits())),
        tools: plugin.tools().iter().map(|tool| Tool::name(tool)).collect(),
        warnings: &plugin.warnings,
        ..of_files.plugin(name, true)
    }
}

fn unserved<'a>(plugin: &'a Unserved, files: &Files) -> Plugin<'a> {
    let Unserved { name, reason } = plugin;
    let of_files = files.of(name);
    Plugin {
        component: of_files.component(),
        asks: of_files.asks(None),
        reason: Some(reason.to_string()),
        mend: reason.mend(name),
        by_hand: reason.by_hand(name),
        ..of_files.plugin(name.as_str(), false)
    }
}

fn limits(limits: &Limits) -> Value {
    json!({
        "memory": bytes_text(limits.memory),
        "deadline": duration_text(limits.deadline),
        "concurrency": limits.concurrency,
        "result": bytes_text(limits.result),
        "log": bytes_text(limits.log),
    })
}

/// What the folder's files say. What cannot be read is left out: the catalog has the reason.
struct Files {
    folder: Option<PluginFolder>,
    found: Vec<Found>,
    lock: Option<LockFile>,
}

impl Files {
    fn read(folder: &Path) -> Self {
        let folder = PluginFolder::open(folder).ok();
        let found = folder.as_ref().and_then(|folder| folder.list().ok()).map(|listing| listing.found);
        let lock = folder.as_ref().and_then(|folder| folder.lock().ok()).flatten();
        Self { folder, found: found.unwrap_or_default(), lock }
    }

    fn of<'a>(&'a self, name: &'a PluginName) -> OfPlugin<'a> {
        let found = self.found.iter().find(|found| found.name == *name);
        let manifest = self.folder.as_ref().zip(found).and_then(|(folder, found)| folder.manifest(found).ok());
        OfPlugin { files: self, name, found, manifest }
    }
}

/// What the folder's files say of one plugin.
struct OfPlugin<'a> {
    files: &'a Files,
    name: &'a PluginName,
    found: Option<&'a Found>,
    manifest: Option<Manifest>,
}

impl OfPlugin<'_> {
    fn plugin<'b>(&self, name: &'b str, served: bool) -> Plugin<'b> {
        let language = self.files.folder.as_ref().zip(self.found).and_then(|(folder, found)| folder.language(found));
        Plugin {
            name,
            served,
            description: self.manifest.as_ref().and_then(|manifest| manifest.description.clone()),
            language: language.map(|language| language.to_string()),
            component: None,
            reviewed: self.files.lock.as_ref().and_then(|lock| Some(lock.entries.get(self.name)?.component)),
            asks: None,
            limits: None,
            tools: Vec::new(),
            warnings: &[],
            reason: None,
            mend: None,
            by_hand: None,
        }
    }

    fn component(&self) -> Option<Digest> {
        let (folder, found) = self.files.folder.as_ref().zip(self.found)?;
        folder.component(found, self.manifest.as_ref()?).ok().map(|bytes| Digest::of(&bytes))
    }

    /// What is asked for, then what else was granted: servers that were named where the plugin asks for any.
    fn asks(&self, granted: Option<Capabilities>) -> Option<Vec<Asked>> {
        self.manifest.as_ref().map(|manifest| asks(&manifest.asked, &granted.unwrap_or_default()))
    }
}

fn asks(asked: &Capabilities, granted: &Capabilities) -> Vec<Asked> {
    let granted: BTreeSet<String> = granted.in_words().into_iter().collect();
    let asked = asked.in_words();
    let more: Vec<_> = granted.iter().filter(|what| !asked.contains(what)).cloned().collect();
    let asked = asked.into_iter().map(|what| Asked { granted: granted.contains(&what), what });
    asked.chain(more.into_iter().map(|what| Asked { what, granted: true })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_stands_beside_what_was_asked() {
        let capabilities = |network: &[&str], env: &[&str]| Capabilities {
            network: network.iter().map(|rule| rule.parse().expect("a rule")).collect(),
            env: env.iter().map(|name| name.parse().expect("a name")).collect(),
            ..Capabilities::default()
        };
        let asked = capabilities(&["https://*", "https://a.example"], &["TOKEN"]);
        let asks = asks(&asked, &capabilities(&["https://a.example", "https://b.example"], &[]));
        let shown: Vec<_> = asks.iter().map(|asked| (asked.what.as_str(), asked.granted)).collect();
        assert_eq!(
            shown,
            [
                ("reach https://a.example", true),
                ("reach any public server (https://*)", false),
                ("read the variable TOKEN", false),
                ("reach https://b.example", true),
            ]
        );
    }
}
