//! What the sandbox enforces for one plugin.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    CacheRoom, Capabilities, DatabaseName, EnvName, Folders, Limits, NetworkRule, PartialLimits, PluginName,
    address::special_kind, server::Host,
};
use crate::receipt::{Denial, Server};

/// What every call into one plugin may do. Made by [`super::Reviewed::grant`]; the two constructors here are for calls
/// that get nothing and for callers that answer for the decision themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is, so that a denial can name it. Set where the grant is narrowed.
    pub(super) plugin: Option<PluginName>,
    pub(super) network: BTreeSet<NetworkRule>,
    /// Only to tell a server that nobody asked for from one that was declined.
    pub(super) asked_network: BTreeSet<NetworkRule>,
    /// What toolcell.toml takes out of `network`.
    pub(super) denied_network: BTreeSet<NetworkRule>,
    pub(super) env: BTreeSet<EnvName>,
    pub(super) cache: Option<CacheRoom>,
    pub(super) asks_for_cache: bool,
    /// Where the operator says that users need not be told apart.
    pub(super) shares_cache: bool,
    pub(super) postgres: BTreeSet<DatabaseName>,
    pub(super) asked_postgres: BTreeSet<DatabaseName>,
    pub(super) files: Folders,
    pub(super) asked_files: Folders,
    pub(super) limits: Limits,
}

impl Grant {
    /// No server and no variable, and these limits: for the call that lists a plugin's tools.
    #[must_use]
    pub fn nothing(limits: Limits) -> Self {
        Self {
            plugin: None,
            network: BTreeSet::new(),
            asked_network: BTreeSet::new(),
            denied_network: BTreeSet::new(),
            env: BTreeSet::new(),
            cache: None,
            asks_for_cache: false,
            shares_cache: false,
            postgres: BTreeSet::new(),
            asked_postgres: BTreeSet::new(),
            files: Folders::default(),
            asked_files: Folders::default(),
            limits,
        }
    }

    /// Everything that is asked for, without a lock file: for embedders, tests and benchmarks that decide by themselves.
    #[must_use]
    pub fn everything(asked: &Capabilities) -> Self {
        Self {
            network: asked.network.clone(),
            asked_network: asked.network.clone(),
            env: asked.env.clone(),
            cache: asked.cache,
            asks_for_cache: asked.cache.is_some(),
            postgres: asked.postgres.clone(),
            asked_postgres: asked.postgres.clone(),
            files: asked.files.clone(),
            asked_files: asked.files.clone(),
            ..Self::nothing(Limits::default().with(&asked.limits))
        }
    }

    /// Whether a request may be sent to this server, before its name is looked up.
    ///
    /// # Errors
    ///
    /// The [`Denial`] to record: who would have to change what.
    pub fn may_reach(&self, server: &Server) -> Result<(), Denial> {
        if self.denied_network.iter().any(|rule| rule.matches(server)) {
            return Err(self.not_granted(server));
        }
        if self.network.iter().any(|rule| rule.allows(server)) {
            return Ok(());
        }
        let is_asked = self.asked_network.iter().any(|rule| rule.matches(server));
        match Host::of(server).special_kind() {
            // A granted `*` matches the words and still does not name a special address.
            Some(kind) if self.network.iter().any(|rule| rule.matches(server)) => {
                Err(Denial::SpecialAddress { server: server.clone(), kind })
            }
            _ if is_asked => Err(self.not_granted(server)),
            _ => Err(Denial::NotAsked(server.clone())),
        }
    }

    /// Whether an address that the server's name resolved to may be dialled. Every address has to pass, and the one that
    /// passed is the one to dial: a second look-up can give another (DNS rebinding).
    ///
    /// # Errors
    ///
    /// The [`Denial`] to record. [`Grant::may_reach`] is asked again, so that this check cannot be the only one that was
    /// made.
    pub fn may_dial(&self, server: &Server, address: IpAddr) -> Result<(), Denial> {
        self.may_reach(server)?;
        let at_address = Server { host: Host::Address(address.to_canonical()).to_string(), ..server.clone() };
        if self.denied_network.iter().any(|rule| rule.matches(&at_address)) {
            return Err(self.not_granted(server));
        }
        match special_kind(address) {
            Some(kind) if !self.network.iter().any(|rule| rule.names(server, address)) => {
                Err(Denial::SpecialAddress { server: server.clone(), kind })
            }
            _ => Ok(()),
        }
    }

    /// How much may be kept from one call to the next.
    ///
    /// # Errors
    ///
    /// The [`Denial`] to record.
    pub fn may_keep(&self) -> Result<CacheRoom, Denial> {
        self.cache.ok_or_else(|| Denial::Cache { is_asked: self.asks_for_cache, plugin: self.plugin_text() })
    }

    /// Whether what is kept for one user is found by all.
    #[must_use]
    pub fn shares_cache(&self) -> bool {
        self.shares_cache
    }

    /// Whether the database of this name may be queried.
    ///
    /// # Errors
    ///
    /// The [`Denial`] to record.
    pub fn may_query(&self, name: &str) -> Result<&DatabaseName, Denial> {
        let named = |names: &BTreeSet<DatabaseName>| names.iter().any(|other| other.as_str() == name);
        self.postgres.iter().find(|granted| granted.as_str() == name).ok_or_else(|| Denial::Database {
            name: name.to_owned(),
            is_asked: named(&self.asked_postgres),
            plugin: self.plugin_text(),
        })
    }

    fn not_granted(&self, server: &Server) -> Denial {
        Denial::NotGranted { server: server.clone(), plugin: self.plugin_text() }
    }

    pub(super) fn plugin_text(&self) -> Option<String> {
        self.plugin.as_ref().map(ToString::to_string)
    }

    /// The rules in force.
    #[must_use]
    pub fn network(&self) -> &BTreeSet<NetworkRule> {
        &self.network
    }

    /// The rules of toolcell.toml that take something out of those in force.
    pub fn exceptions(&self) -> impl Iterator<Item = &NetworkRule> {
        self.denied_network.iter().filter(|denied| self.network.iter().any(|rule| rule.intersection(denied).is_some()))
    }

    /// The variables that may be read.
    #[must_use]
    pub fn env(&self) -> &BTreeSet<EnvName> {
        &self.env
    }

    /// What may be kept from one call to the next.
    #[must_use]
    pub fn cache(&self) -> Option<CacheRoom> {
        self.cache
    }

    /// The databases that may be queried.
    #[must_use]
    pub fn postgres(&self) -> &BTreeSet<DatabaseName> {
        &self.postgres
    }

    /// All that is granted, for a person to read.
    #[must_use]
    pub fn granted(&self) -> Capabilities {
        Capabilities {
            network: self.network.clone(),
            env: self.env.clone(),
            cache: self.cache,
            postgres: self.postgres.clone(),
            files: self.files.clone(),
            limits: PartialLimits {
                memory: Some(self.limits.memory),
                deadline: Some(self.limits.deadline),
                concurrency: Some(self.limits.concurrency),
            },
        }
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::server_of;

    fn rules(rules: &[&str]) -> BTreeSet<NetworkRule> {
        rules.iter().map(|rule| rule.parse().expect("the test writes a rule")).collect()
    }

    fn server(url: &str) -> Server {
        server_of(&url.parse().expect("the test writes a URL")).expect("the test writes a server")
    }

    fn grant(network: &[&str], asked: &[&str], denied: &[&str]) -> Grant {
        Grant {
            network: rules(network),
            asked_network: rules(asked),
            denied_network: rules(denied),
            ..Grant::nothing(Limits::default())
        }
    }

    fn dial(grant: &Grant, url: &str, address: &str) -> Result<(), Denial> {
        grant.may_dial(&server(url), address.parse().expect("the test writes an address"))
    }

    #[test]
    fn denials_say_who_did_not_allow_it() {
        let grant =
            grant(&["https://a.example", "http://*"], &["https://a.example", "https://b.example", "http://*"], &[]);
        let check = |url: &str| grant.may_reach(&server(url));
        assert_eq!(check("https://a.example/path"), Ok(()));
        assert_eq!(check("https://b.example"), Err(grant.not_granted(&server("https://b.example"))));
        assert_eq!(check("https://c.example"), Err(Denial::NotAsked(server("https://c.example"))));
        let local = server("http://127.1");
        assert_eq!(check("http://127.1"), Err(Denial::SpecialAddress { server: local, kind: "loopback" }));
    }

    #[test]
    fn asking_for_any_server_makes_every_refusal_one_of_the_grant() {
        let grant = grant(&["https://a.example"], &["https://*"], &[]);
        for url in ["https://b.example", "https://127.0.0.1"] {
            assert_eq!(grant.may_reach(&server(url)), Err(grant.not_granted(&server(url))));
        }
    }

    #[test]
    fn names_that_lead_to_special_addresses_are_not_dialled() {
        let grant = grant(&["https://a.example", "https://*.b.example", "http://*"], &[], &[]);
        let special = |url: &str, kind| Err(Denial::SpecialAddress { server: server(url), kind });
        assert_eq!(dial(&grant, "https://a.example", "8.8.8.8"), Ok(()));
        assert_eq!(dial(&grant, "https://a.example", "10.0.0.1"), special("https://a.example", "private"));
        assert_eq!(dial(&grant, "https://x.b.example", "64:ff9b::7f00:1"), special("https://x.b.example", "loopback"));
        assert_eq!(dial(&grant, "http://c.example", "169.254.169.254"), special("http://c.example", "cloud metadata"));
    }

    #[test]
    fn an_address_is_dialled_where_it_is_named() {
        let grant = grant(&["http://10.0.0.5", "http://intranet.example", "http://localhost:3000"], &[], &[]);
        assert_eq!(dial(&grant, "http://10.0.0.5", "10.0.0.5"), Ok(()));
        assert_eq!(dial(&grant, "http://intranet.example", "10.0.0.5"), Ok(()));
        assert!(dial(&grant, "http://intranet.example", "10.0.0.6").is_err());
        assert!(dial(&grant, "http://elsewhere.example", "10.0.0.5").is_err());
        assert_eq!(dial(&grant, "http://localhost:3000", "::1"), Ok(()));
        assert_eq!(dial(&grant, "http://localhost:3000", "127.0.0.1"), Ok(()));
        assert!(dial(&grant, "http://localhost:3000", "192.168.0.1").is_err());
        assert!(dial(&grant, "http://localhost", "127.0.0.1").is_err());
    }

    #[test]
    fn what_policy_denies_stays_denied_by_every_name() {
        let grant =
            grant(&["http://*", "http://10.0.0.5"], &["http://*"], &["http://10.0.0.5", "http://*.evil.example"]);
        assert!(grant.may_reach(&server("http://10.0.0.5")).is_err());
        assert!(grant.may_reach(&server("http://a.evil.example")).is_err());
        assert!(dial(&grant, "http://good.example", "10.0.0.5").is_err());
        assert_eq!(dial(&grant, "http://good.example", "8.8.8.8"), Ok(()));
    }

    #[test]
    fn nothing_reaches_nothing() {
        let nothing = Grant::nothing(Limits::default());
        assert_eq!(nothing.may_reach(&server("https://a.example")), Err(Denial::NotAsked(server("https://a.example"))));
        assert!(dial(&nothing, "https://a.example", "8.8.8.8").is_err());
        assert!(nothing.env().is_empty());
    }
}
