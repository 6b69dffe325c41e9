//! From what a plugin asks and what a person reviewed to what it may do, in two steps: before the component is loaded, and
//! once its tools are known.

use std::collections::BTreeSet;

use super::{Capabilities, Digest, Grant, Limits, NetworkRule, NotServed, PartialLimits, PluginName, Policy};

/// What a person decided about one plugin: its entry in the lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the plugin may do. Limits are those above the defaults.
    pub granted: Capabilities,
    /// What the plugin asked for when it was reviewed and did not get. Without it, a plugin that was granted less than it
    /// asks for could not be told from one that asks for more than was reviewed. Holds neither limits nor a cache, which are granted whole or not at all.
    pub declined: Capabilities,
    /// Digest of the tools' names, descriptions and schemas.
    pub tools: Digest,
    /// Digest of the component.
    pub component: Digest,
}

impl Entry {
    /// The entry of a plugin that asks for `asked` and is granted `granted`.
    #[must_use]
    pub fn new(asked: &Capabilities, granted: Capabilities, tools: Digest, component: Digest) -> Self {
        let declined = Capabilities { limits: PartialLimits::default(), cache: None, ..asked.beyond(&granted) };
        Self { granted, declined, tools, component }
    }

    /// Everything that the person saw.
    #[must_use]
    pub fn reviewed(&self) -> Capabilities {
        Capabilities {
            network: self.granted.network.union(&self.declined.network).cloned().collect(),
            env: self.granted.env.union(&self.declined.env).cloned().collect(),
            cache: self.granted.cache,
            postgres: self.granted.postgres.union(&self.declined.postgres).cloned().collect(),
            files: self.granted.files.union(&self.declined.files),
            limits: self.granted.limits,
        }
    }
}

/// What is known about a plugin before its component is loaded.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What the manifest asks for.
    pub asked: &'a Capabilities,
    /// The lock file's entry, if it has one.
    pub entry: Option<&'a Entry>,
    /// Whether this user accepted the lock file, or the operator said that the file as it is counts.
    pub lock_counts: bool,
    /// Digest of the component as read.
    pub component: Digest,
    /// Whether this user's `toolcell build` made this component, on this machine.
    pub built_here: bool,
}

/// A plugin whose permissions a person reviewed and whose component is the one reviewed, or was built here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    asked: Capabilities,
    entry: Entry,
}

/// The first step: whether the component may be loaded at all.
///
/// # Errors
///
/// [`NotServed`], where anything is missing, changed or in doubt.
pub fn review(evidence: &Evidence) -> Result<Reviewed, NotServed> {
    let entry = evidence.entry.ok_or(NotServed::NotReviewed)?;
    if !evidence.lock_counts {
        return Err(NotServed::LockNotAccepted);
    }
    let unseen = evidence.asked.beyond(&entry.reviewed());
    if !unseen.is_empty() {
        return Err(NotServed::AsksForMore(Box::new(unseen)));
    }
    if evidence.component != entry.component && !evidence.built_here {
        return Err(NotServed::ComponentChanged);
    }
    Ok(Reviewed { asked: evidence.asked.clone(), entry: entry.clone() })
}

impl Reviewed {
    /// The second step: what the plugin's calls may do, now that its tools are known.
    ///
    /// That is what was granted and is still asked for, narrowed by toolcell.toml.
    ///
    /// # Errors
    ///
    /// [`NotServed`], where the tools are not those that were reviewed or toolcell.toml turns the plugin off.
    pub fn grant(&self, plugin: &PluginName, tools: Digest, policy: &Policy) -> Result<Grant, NotServed> {
        if tools != self.entry.tools {
            return Err(NotServed::ToolsChanged);
        }
        let granted = &self.entry.granted;
        let grant = Grant {
            plugin: None,
            network: still_asked(&granted.network, &self.asked.network),
            asked_network: self.asked.network.clone(),
            denied_network: BTreeSet::new(),
            env: granted.env.intersection(&self.asked.env).cloned().collect(),
            cache: granted.cache.zip(self.asked.cache).map(|(granted, asked)| granted.intersection(&asked)),
            asks_for_cache: self.asked.cache.is_some(),
            shares_cache: false,
            postgres: granted.postgres.intersection(&self.asked.postgres).cloned().collect(),
            asked_postgres: self.asked.postgres.clone(),
            files: granted.files.intersection(&self.asked.files),
            asked_files: self.asked.files.clone(),
            // Whatever exceeds the defaults was reviewed, or the first step would have refused.
            limits: Limits::default().with(&self.asked.limits),
        };
        policy.narrow(plugin, grant)
    }
}

/// The granted rules, each only as far as a manifest that may have changed since still asks for it.
fn still_asked(granted: &BTreeSet<NetworkRule>, asked: &BTreeSet<NetworkRule>) -> BTreeSet<NetworkRule> {
    let asked_within = |granted: &NetworkRule| -> Vec<NetworkRule> {
        if asked.iter().any(|asked| asked.asks_for(granted)) {
            vec![granted.clone()]
        } else {
            asked.iter().filter(|asked| granted.covers(asked)).cloned().collect()
        }
    };
    granted.iter().flat_map(asked_within).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::{Access, CacheRoom};

    fn capabilities(network: &[&str], env: &[&str]) -> Capabilities {
        Capabilities {
            network: network.iter().map(|rule| rule.parse().expect("the test writes a rule")).collect(),
            env: env.iter().map(|name| name.parse().expect("the test writes a name")).collect(),
            ..Capabilities::default()
        }
    }

    fn plugin() -> PluginName {
        "p".parse().expect("the test writes a name")
    }

    fn component() -> Digest {
        Digest::of(b"component")
    }

    fn tools() -> Digest {
        Digest::of(b"tools")
    }

    fn entry(asked: &Capabilities, granted: Capabilities) -> Entry {
        Entry::new(asked, granted, tools(), component())
    }

    fn decide(asked: &Capabilities, entry: Option<&Entry>) -> Result<Grant, NotServed> {
        let evidence = Evidence { asked, entry, lock_counts: true, component: component(), built_here: false };
        review(&evidence)?.grant(&plugin(), tools(), &Policy::default())
    }

    #[test]
    fn what_was_reviewed_is_granted() {
        let asked = capabilities(&["https://a.example"], &["TOKEN"]);
        let grant = decide(&asked, Some(&entry(&asked, asked.clone()))).expect("everything was granted");
        assert_eq!((&grant.network, &grant.env), (&asked.network, &asked.env));
        assert_eq!(grant.limits, Limits::default());
    }

    #[test]
    fn without_an_entry_nothing_is_served() {
        assert_eq!(decide(&capabilities(&[], &[]), None), Err(NotServed::NotReviewed));
    }

    #[test]
    fn a_lock_that_nobody_accepted_counts_for_nothing() {
        let asked = capabilities(&[], &[]);
        let entry = entry(&asked, asked.clone());
        let evidence = Evidence {
            asked: &asked,
            entry: Some(&entry),
            lock_counts: false,
            component: component(),
            built_here: false,
        };
        assert_eq!(review(&evidence), Err(NotServed::LockNotAccepted));
    }

    #[test]
    fn less_than_asked_is_served_with_less() {
        let asked = capabilities(&["https://*"], &["TOKEN", "USER"]);
        let granted = capabilities(&["https://a.example"], &["USER"]);
        let entry = entry(&asked, granted.clone());
        assert_eq!(entry.declined, capabilities(&["https://*"], &["TOKEN"]));
        let grant = decide(&asked, Some(&entry)).expect("less was granted on purpose");
        assert_eq!((&grant.network, &grant.env), (&granted.network, &granted.env));
    }

    #[test]
    fn more_than_reviewed_is_not_served_and_named() {
        let before = capabilities(&["https://a.example"], &[]);
        let entry = entry(&before, before.clone());
        let mut after = capabilities(&["https://a.example", "https://b.example"], &["TOKEN"]);
        after.limits.memory = Some(1 << 30);
        let refused = decide(&after, Some(&entry)).expect_err("the plugin asks for more");
        let mut more = capabilities(&["https://b.example"], &["TOKEN"]);
        more.limits.memory = Some(1 << 30);
        assert_eq!(refused, NotServed::AsksForMore(Box::new(more)));
    }

    #[test]
    fn what_is_no_longer_asked_is_no_longer_granted() {
        let before = capabilities(&["https://a.example", "https://*.b.example", "http://*"], &["TOKEN"]);
        let entry = entry(&before, before.clone());
        let after = capabilities(&["https://x.b.example"], &[]);
        let grant = decide(&after, Some(&entry)).expect("the plugin asks for less");
        assert_eq!((&grant.network, &grant.env), (&after.network, &after.env));
    }

    #[test]
    fn a_granted_wildcard_does_not_become_a_special_address() {
        let before = capabilities(&["http://*"], &[]);
        let entry = entry(&before, before.clone());
        let after = capabilities(&["http://169.254.169.254"], &[]);
        assert_eq!(decide(&after, Some(&entry)), Err(NotServed::AsksForMore(Box::new(after.clone()))));
    }

    #[test]
    fn reviewed_limits_are_in_force() {
        let mut asked = capabilities(&[], &[]);
        asked.limits = PartialLimits { memory: Some(512 << 20), concurrency: Some(4), ..PartialLimits::default() };
        let grant = decide(&asked, Some(&entry(&asked, asked.granted_by_default()))).expect("the limits were granted");
        assert_eq!(grant.limits, Limits { memory: 512 << 20, concurrency: 4, ..Limits::default() });
    }

    #[test]
    fn state_that_was_reviewed_is_granted_and_more_of_it_is_not() {
        let room = |mib: u64| CacheRoom { max: mib << 20, ttl_max: Duration::from_mins(1) };
        let state = |mib, databases: &[&str]| Capabilities {
            cache: Some(room(mib)),
            postgres: databases.iter().map(|name| name.parse().expect("the test writes a name")).collect(),
            ..Capabilities::default()
        };
        let asked = state(16, &["a", "b"]);
        let named = Some(["a".parse().expect("a name")].into());
        let entry = entry(&asked, asked.granted_by_naming(None, None, named, None).expect("it is asked for"));
        let grant = decide(&asked, Some(&entry)).expect("less was granted on purpose");
        assert_eq!((grant.cache, &grant.postgres), (Some(room(16)), &state(16, &["a"]).postgres));
        let grant = decide(&state(8, &["a", "b"]), Some(&entry)).expect("the plugin asks for less");
        assert_eq!(grant.cache, Some(room(8)));
        let more = decide(&state(32, &["a", "b", "c"]), Some(&entry));
        assert_eq!(more, Err(NotServed::AsksForMore(Box::new(state(32, &["c"])))));
    }

    #[test]
    fn files_that_were_reviewed_are_granted_and_more_of_them_is_not() {
        let files = |folders: &[(&str, Access)]| {
            let folders = folders.iter().map(|(path, access)| (path.parse().expect("the test writes a path"), *access));
            Capabilities { files: folders.collect(), ..Capabilities::default() }
        };
        let asked = files(&[("data", Access::ReadWrite), ("docs", Access::Read)]);
        let choice = ["data:read".parse().expect("a choice")];
        let entry = entry(&asked, asked.granted_by_naming(None, None, None, Some(&choice)).expect("it is asked for"));
        assert_eq!(entry.declined, asked);
        let grant = decide(&asked, Some(&entry)).expect("less was granted on purpose");
        assert_eq!(grant.files(), &files(&[("data", Access::Read)]).files);
        let grant = decide(&files(&[("docs", Access::Read)]), Some(&entry)).expect("the plugin asks for less");
        assert!(grant.files().is_empty());
        let more = files(&[("data", Access::ReadWrite), ("docs", Access::ReadWrite)]);
        let unseen = files(&[("docs", Access::ReadWrite)]);
        assert_eq!(decide(&more, Some(&entry)), Err(NotServed::AsksForMore(Box::new(unseen))));
    }

    #[test]
    fn another_component_is_served_only_if_built_here() {
        let asked = capabilities(&[], &[]);
        let entry = entry(&asked, asked.clone());
        let other = Digest::of(b"other");
        let mut evidence =
            Evidence { asked: &asked, entry: Some(&entry), lock_counts: true, component: other, built_here: false };
        assert_eq!(review(&evidence), Err(NotServed::ComponentChanged));
        evidence.built_here = true;
        assert!(review(&evidence).is_ok());
    }

    #[test]
    fn changed_tools_are_not_served_even_if_built_here() {
        let asked = capabilities(&[], &[]);
        let entry = entry(&asked, asked.clone());
        let other = Digest::of(b"other");
        let evidence =
            Evidence { asked: &asked, entry: Some(&entry), lock_counts: true, component: other, built_here: true };
        let reviewed = review(&evidence).expect("it was built here");
        assert_eq!(reviewed.grant(&plugin(), other, &Policy::default()), Err(NotServed::ToolsChanged));
    }
}
