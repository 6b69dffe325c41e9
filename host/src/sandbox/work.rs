//! What a call may use: the grant of its plugin, and what that holds of values, turns, connections, cache and folders.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{cache::PluginCache, files::Folder, http::PluginConnections, turns::Turns};
use crate::{
    policy::{Grant, Limits},
    receipt::Denial,
    replay::Replay,
    user::User,
};

/// Whether a tool's last call computed for longer than a tick. Such a tool starts on the guests' threads at once, so that
/// it holds up nobody who serves a client.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicBool);

impl Pace {
    pub(super) fn is_slow(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, is_slow: bool) {
        self.0.store(is_slow, Ordering::Relaxed);
    }
}

/// What to run, with what it may do.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// The plugin's name, for the log.
    pub plugin: Arc<str>,
    /// The tool's name within its plugin.
    pub tool: Arc<str>,
    /// What the call may do.
    pub grant: Arc<Grant>,
    /// The granted variables that are set on the host, with their values.
    pub env: Arc<[(String, String)]>,
    /// The granted variables that are not.
    pub unset: Arc<[String]>,
    /// The turns that the plugin's calls have.
    pub turns: Arc<Turns>,
    /// The plugin's connections.
    pub connections: PluginConnections,
    /// What the plugin may keep, or why it may keep nothing.
    pub cache: Result<PluginCache, Arc<Denial>>,
    /// The folders that the plugin may use.
    pub folders: Arc<[Arc<Folder>]>,
    /// How the tool's last call went.
    pub pace: Arc<Pace>,
}

impl Work {
    /// Work with nothing granted, such as listing a plugin's tools.
    pub(crate) fn with_nothing(plugin: &str, tool: &str, limits: Limits) -> Self {
        Self {
            plugin: plugin.into(),
            tool: tool.into(),
            grant: Arc::new(Grant::nothing(limits)),
            env: Arc::new([]),
            unset: Arc::new([]),
            turns: Arc::new(Turns::new(1)),
            connections: PluginConnections::default(),
            cache: Err(Arc::new(Denial::Cache { is_asked: false, plugin: None })),
            folders: Arc::new([]),
            pace: Arc::new(Pace::default()),
        }
    }

    /// The same work for a call of this user, whose own values come before the host's.
    pub(super) fn of(&self, user: &User) -> Self {
        if !user.has_own(self.grant.env().iter()) {
            return self.clone();
        }
        let (mut env, mut unset) = (Vec::new(), Vec::new());
        for variable in self.grant.env() {
            let name = variable.as_str();
            let host = self.env.iter().find(|(set, _)| set == name).map(|(_, value)| value.as_str());
            match user.value_or(variable, host) {
                Some(value) => env.push((name.to_owned(), value.to_owned())),
                None => unset.push(name.to_owned()),
            }
        }
        Self { env: env.into(), unset: unset.into(), ..self.clone() }
    }

    /// The same work, which sees of its variables those that the replay sets, and a cache and folders that are empty and nobody
    /// else's.
    pub(super) fn replaying(&self, replay: &Replay) -> Self {
        let (mut env, mut unset) = (Vec::new(), Vec::new());
        for name in self.grant.env().iter().map(ToString::to_string) {
            match replay.value(&name) {
                Some(value) => env.push((name, value.to_owned())),
                None => unset.push(name),
            }
        }
        let cache = self.cache.as_ref().map(PluginCache::alone).map_err(Arc::clone);
        let folders = self.folders.iter().map(|folder| folder.emptied()).collect();
        Self { env: env.into(), unset: unset.into(), cache, folders, ..self.clone() }
    }
}
