//! What toolcell.toml takes away. Nothing in it can widen what the lock file grants.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CacheCaps, DatabaseName, EnvName, Folders, Grant, NetworkRule, NotServed, PartialLimits, PluginName, UserPolicies,
};

/// The operator's narrowing of all plugins, of single ones, and of users. The default takes nothing away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// No plugin gets more than this, its defaults included.
    pub caps: PartialLimits,
    /// Where it is given, servers that it does not allow are out of reach for every plugin.
    pub allow: Option<BTreeSet<NetworkRule>>,
    /// Servers out of reach for every plugin, by name and by address.
    pub deny: BTreeSet<NetworkRule>,
    /// No plugin may keep more than this, or for longer.
    pub cache: CacheCaps,
    /// Further narrowing of single plugins.
    pub plugins: BTreeMap<PluginName, PluginPolicy>,
    /// Who may call what. Says nothing about what plugins may do.
    pub users: UserPolicies,
}

/// The operator's narrowing of one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginPolicy {
    /// Whether the plugin is served at all.
    pub enabled: bool,
    /// Where it is given, other servers are out of reach.
    pub network: Option<BTreeSet<NetworkRule>>,
    /// Where it is given, other variables are not passed on.
    pub env: Option<BTreeSet<EnvName>>,
    /// Whether it may keep anything from one call to the next, and for whom.
    pub cache: CacheUse,
    /// Where it is given, other databases are out of reach.
    pub postgres: Option<BTreeSet<DatabaseName>>,
    /// Where it is given, other folders are out of reach, and these may be used no further than this.
    pub files: Option<Folders>,
    /// Tools that are not served, by the plugin's own names for them.
    pub disable: BTreeSet<String>,
}

/// Whose calls find what a call of a plugin kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheUse {
    /// Nothing is kept.
    Off,
    /// Calls of the same user.
    #[default]
    ByUser,
    /// Calls of all users: for a plugin that keeps nothing of one user's that another may not see.
    Shared,
}

impl Default for PluginPolicy {
    fn default() -> Self {
        Self {
            enabled: true,
            network: None,
            env: None,
            cache: CacheUse::default(),
            postgres: None,
            files: None,
            disable: BTreeSet::new(),
        }
    }
}

impl Policy {
    /// What is left of a grant.
    ///
    /// # Errors
    ///
    /// [`NotServed::Disabled`], where the plugin is turned off.
    pub fn narrow(&self, plugin: &PluginName, mut grant: Grant) -> Result<Grant, NotServed> {
        let own = self.plugins.get(plugin);
        if own.is_some_and(|own| !own.enabled) {
            return Err(NotServed::Disabled);
        }
        for allowed in [self.allow.as_ref(), own.and_then(|own| own.network.as_ref())].into_iter().flatten() {
            grant.network = intersection(&grant.network, allowed);
        }
        if let Some(env) = own.and_then(|own| own.env.as_ref()) {
            grant.env.retain(|name| env.contains(name));
        }
        if let Some(postgres) = own.and_then(|own| own.postgres.as_ref()) {
            grant.postgres.retain(|name| postgres.contains(name));
        }
        if let Some(files) = own.and_then(|own| own.files.as_ref()) {
            grant.files = grant.files.intersection(files);
        }
        let cache = own.map(|own| own.cache).unwrap_or_default();
        grant.shares_cache = cache == CacheUse::Shared;
        grant.cache = grant.cache.filter(|_| cache != CacheUse::Off).map(|room| room.capped_by(&self.cache));
        // A rule that denies is read as one that asks is: `*` takes in special addresses. What it leaves nothing of is not shown as
        // granted.
        grant.network.retain(|rule| !self.deny.iter().any(|denied| denied.asks_for(rule)));
        grant.denied_network.extend(self.deny.iter().cloned());
        grant.limits = grant.limits.capped_by(&self.caps);
        grant.plugin = Some(plugin.clone());
        Ok(grant)
    }

    /// Whether the operator turned off one tool, by the plugin's own name for it.
    #[must_use]
    pub fn disables(&self, plugin: &PluginName, tool: &str) -> bool {
        self.plugins.get(plugin).is_some_and(|own| own.disable.contains(tool))
    }
}

/// The rules for what both sets allow.
fn intersection(a: &BTreeSet<NetworkRule>, b: &BTreeSet<NetworkRule>) -> BTreeSet<NetworkRule> {
    a.iter().flat_map(|a| b.iter().filter_map(move |b| a.intersection(b))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        policy::{CacheRoom, Capabilities, Limits, server_of},
        receipt::Denial,
    };

    fn rules(rules: &[&str]) -> BTreeSet<NetworkRule> {
        rules.iter().map(|rule| rule.parse().expect("the test writes a rule")).collect()
    }

    fn plugin(name: &str) -> PluginName {
        name.parse().expect("the test writes a name")
    }

    fn names(names: &[&str]) -> BTreeSet<EnvName> {
        names.iter().map(|name| name.parse().expect("the test writes a name")).collect()
    }

    fn grant(network: &[&str], env: &[&str]) -> Grant {
        Grant::everything(&Capabilities { network: rules(network), env: names(env), ..Capabilities::default() })
    }

    #[test]
    fn nothing_written_takes_nothing_away() {
        let grant = grant(&["https://a.example"], &["TOKEN"]);
        let named = Grant { plugin: Some(plugin("p")), ..grant.clone() };
        assert_eq!(Policy::default().narrow(&plugin("p"), grant), Ok(named));
    }

    #[test]
    fn both_the_common_and_the_plugins_own_rules_have_to_allow() {
        let own = PluginPolicy {
            network: Some(rules(&["https://a.example", "https://c.example"])),
            env: Some(names(&["TOKEN", "HOME"])),
            ..PluginPolicy::default()
        };
        let policy = Policy {
            allow: Some(rules(&["https://*.b.example", "https://b.test", "https://a.example"])),
            plugins: [(plugin("p"), own)].into(),
            ..Policy::default()
        };
        let before = grant(&["https://*"], &["TOKEN", "USER"]);
        let narrowed = policy.narrow(&plugin("p"), before.clone()).expect("the plugin is enabled");
        assert_eq!((narrowed.network(), narrowed.env()), (&rules(&["https://a.example"]), &names(&["TOKEN"])));
        let other = policy.narrow(&plugin("q"), before).expect("the plugin is enabled");
        assert_eq!(other.network(), &rules(&["https://*.b.example", "https://b.test", "https://a.example"]));
    }

    #[test]
    fn a_policy_cannot_name_a_special_address_into_a_wildcard() {
        let policy = Policy { allow: Some(rules(&["http://10.0.0.5"])), ..Policy::default() };
        let narrowed = policy.narrow(&plugin("p"), grant(&["http://*"], &[])).expect("the plugin is enabled");
        assert!(narrowed.network().is_empty());
    }

    #[test]
    fn what_is_denied_is_taken_out_of_wildcards() {
        let policy = Policy { deny: rules(&["https://*.evil.example"]), ..Policy::default() };
        let narrowed = policy.narrow(&plugin("p"), grant(&["https://*"], &[])).expect("the plugin is enabled");
        let server = |url: &str| server_of(&url.parse().expect("a URL")).expect("the test writes a server");
        let evil = server("https://a.evil.example");
        let denial = Denial::NotGranted { server: evil.clone(), plugin: Some("p".to_owned()) };
        assert_eq!(narrowed.may_reach(&evil), Err(denial));
        assert_eq!(narrowed.may_reach(&server("https://good.example")), Ok(()));
        assert_eq!(
            narrowed.exceptions().collect::<Vec<_>>(),
            rules(&["https://*.evil.example"]).iter().collect::<Vec<_>>()
        );

        let denied = rules(&["https://*.evil.example", "http://*", "https://elsewhere.example:444"]);
        let before = grant(&["https://a.evil.example", "http://10.0.0.5", "https://good.example"], &[]);
        let narrowed =
            Policy { deny: denied, ..Policy::default() }.narrow(&plugin("p"), before).expect("it is enabled");
        assert_eq!((narrowed.network(), narrowed.exceptions().count()), (&rules(&["https://good.example"]), 0));
    }

    #[test]
    fn caps_hold_for_defaults_too() {
        let caps = PartialLimits { memory: Some(1 << 20), ..PartialLimits::default() };
        let policy = Policy { caps, ..Policy::default() };
        let narrowed = policy.narrow(&plugin("p"), Grant::nothing(Limits::default())).expect("the plugin is enabled");
        assert_eq!(*narrowed.limits(), Limits { memory: 1 << 20, ..Limits::default() });
    }

    #[test]
    fn state_is_narrowed_too() {
        let room = |mib: u64| CacheRoom { max: mib << 20, ttl_max: Duration::from_mins(1) };
        let databases = |names: &[&str]| names.iter().map(|name| name.parse().expect("a name")).collect();
        let asked = Capabilities { cache: Some(room(16)), postgres: databases(&["a", "b"]), ..Capabilities::default() };
        let own = |cache| PluginPolicy { cache, postgres: Some(databases(&["b", "c"])), ..PluginPolicy::default() };
        let policy = Policy {
            cache: CacheCaps { max: Some(8 << 20), ttl_max: None },
            plugins: [(plugin("p"), own(CacheUse::Shared)), (plugin("q"), own(CacheUse::Off))].into(),
            ..Policy::default()
        };
        let narrow = |name| policy.narrow(&plugin(name), Grant::everything(&asked)).expect("the plugin is enabled");
        assert_eq!((narrow("p").cache(), narrow("p").postgres()), (Some(room(8)), &databases(&["b"])));
        assert_eq!(["p", "q", "r"].map(|name| narrow(name).shares_cache()), [true, false, false]);
        let denial = Denial::Cache { is_asked: true, plugin: Some("q".to_owned()) };
        assert_eq!(narrow("q").may_keep(), Err(denial));
        let denied = |name: &str, is_asked| Denial::Database { name: name.into(), is_asked, plugin: Some("p".into()) };
        assert_eq!(narrow("p").may_query("a"), Err(denied("a", true)));
        assert_eq!(narrow("p").may_query("c"), Err(denied("c", false)));
        assert_eq!(narrow("r").may_query("a").map(ToString::to_string), Ok("a".to_owned()));
    }

    #[test]
    fn plugins_and_tools_can_be_turned_off() {
        let off = PluginPolicy { enabled: false, ..PluginPolicy::default() };
        let fewer = PluginPolicy { disable: ["debug".to_owned()].into(), ..PluginPolicy::default() };
        let plugins = [(plugin("off"), off), (plugin("fewer"), fewer)].into();
        let policy = Policy { plugins, ..Policy::default() };
        assert_eq!(policy.narrow(&plugin("off"), Grant::nothing(Limits::default())), Err(NotServed::Disabled));
        assert!(policy.disables(&plugin("fewer"), "debug"));
        assert!(!policy.disables(&plugin("fewer"), "search"));
        assert!(!policy.disables(&plugin("other"), "debug"));
    }
}
