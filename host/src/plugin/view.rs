//! What one user knows of a catalog: the tools that they may call, and the plugins that these are of. What they may not call
//! does not exist for them.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    catalog::{Catalog, Unserved},
    tool::Tool,
};
use crate::{
    policy::{Grant, PluginName},
    user::User,
};

/// A catalog as one user sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    catalog: &'a Catalog,
    user: &'a User,
}

impl<'a> View<'a> {
    pub(super) fn new(catalog: &'a Catalog, user: &'a User) -> Self {
        Self { catalog, user }
    }

    /// The tools, by name.
    pub fn tools(self) -> impl Iterator<Item = &'a Arc<Tool>> {
        self.catalog.tools.iter().filter(move |tool| self.may_call(tool))
    }

    /// The tool of this name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a Arc<Tool>> {
        self.catalog.get(name).filter(|tool| self.may_call(tool))
    }

    /// The plugins that are being loaded, or their new versions.
    pub fn loading(self) -> impl Iterator<Item = &'a PluginName> {
        self.catalog.loading.iter().filter(move |plugin| self.user.policy().may_hear_of(plugin.as_str()))
    }

    /// What the user's client is told about this server.
    #[must_use]
    pub fn instructions(self) -> String {
        let mut text = "Each tool call runs in a sandbox of its own: nothing is kept between calls".to_owned();
        let plugins = |keeps: fn(&Grant) -> bool| {
            let keeping = self.tools().filter(|tool| keeps(tool.grant())).map(|tool| tool.plugin());
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
        let unserved: Vec<_> = self.unserved().collect();
        if unserved.is_empty() {
            return text;
        }
        let (served, all) = (self.served(), self.served() + unserved.len());
        let reasons: Vec<_> =
            unserved.iter().map(|plugin| format!("{} ({})", plugin.name, plugin.reason.brief())).collect();
        let mut mends: Vec<_> = unserved.iter().filter_map(|plugin| plugin.reason.mend(&plugin.name)).collect();
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

    fn may_call(self, tool: &Tool) -> bool {
        self.user.policy().may_call(tool.plugin(), tool.name())
    }

    fn served(self) -> usize {
        self.catalog.served.iter().filter(|plugin| self.user.policy().may_hear_of(plugin.name.as_str())).count()
    }

    fn unserved(self) -> impl Iterator<Item = &'a Unserved> {
        self.catalog.unserved.iter().filter(move |plugin| self.user.policy().may_hear_of(plugin.name.as_str()))
    }
}
