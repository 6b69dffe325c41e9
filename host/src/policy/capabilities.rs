//! What a plugin asks for, and the parts of it that somebody granted.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{CacheRoom, DatabaseName, FolderChoice, Folders, NetworkRule, PartialLimits, address};

/// Servers, environment variables, state, files and limits. A manifest asks with one, the lock file grants with another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Servers that may be reached.
    pub network: BTreeSet<NetworkRule>,
    /// Variables of the host's environment that may be read.
    pub env: BTreeSet<EnvName>,
    /// What may be kept from one call to the next.
    pub cache: Option<CacheRoom>,
    /// Databases that may be queried.
    pub postgres: BTreeSet<DatabaseName>,
    /// Folders whose files may be used.
    pub files: Folders,
    /// Limits that are not the defaults.
    pub limits: PartialLimits,
}

impl Capabilities {
    /// Whether nothing is named that a person would have to grant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.network.is_empty()
            && self.env.is_empty()
            && self.cache.is_none()
            && self.postgres.is_empty()
            && self.files.is_empty()
            && self.limits.above_defaults().is_empty()
    }

    /// The parts that `reviewed` does not take in: what a person has not seen yet.
    #[must_use]
    pub fn beyond(&self, reviewed: &Self) -> Self {
        let is_new = |rule: &&NetworkRule| !reviewed.network.iter().any(|seen| seen.covers(rule));
        let is_more = |room: &CacheRoom| !reviewed.cache.is_some_and(|seen| room.is_within(&seen));
        Self {
            network: self.network.iter().filter(is_new).cloned().collect(),
            env: self.env.difference(&reviewed.env).cloned().collect(),
            cache: self.cache.filter(is_more),
            postgres: self.postgres.difference(&reviewed.postgres).cloned().collect(),
            files: self.files.beyond(&reviewed.files),
            limits: self.limits.beyond(&reviewed.limits),
        }
    }

    /// Whether everything that `other` names is named here, or needs no grant.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.beyond(self).is_empty()
    }

    /// What a plain yes grants: all that is asked except `*`, for which the operator names servers.
    #[must_use]
    pub fn granted_by_default(&self) -> Self {
        Self {
            network: self.network.iter().filter(|rule| !rule.is_any()).cloned().collect(),
            limits: self.limits.above_defaults(),
            ..self.clone()
        }
    }

    /// What the operator grants by naming servers, variables, databases or folders instead of taking all: `None` takes what
    /// [`Capabilities::granted_by_default`] does.
    ///
    /// # Errors
    ///
    /// [`NotAsked`] names the first of them that the plugin does not ask for.
    pub fn granted_by_naming(
        &self,
        network: Option<BTreeSet<NetworkRule>>,
        env: Option<BTreeSet<EnvName>>,
        postgres: Option<BTreeSet<DatabaseName>>,
        files: Option<&[FolderChoice]>,
    ) -> Result<Self, NotAsked> {
        let mut granted = self.granted_by_default();
        if let Some(network) = network {
            let unasked = network.iter().find(|rule| !self.network.iter().any(|asked| asked.asks_for(rule)));
            if let Some(rule) = unasked {
                return Err(NotAsked(rule.to_string()));
            }
            granted.network = network;
        }
        if let Some(env) = env {
            if let Some(name) = env.difference(&self.env).next() {
                return Err(NotAsked(name.to_string()));
            }
            granted.env = env;
        }
        if let Some(postgres) = postgres {
            if let Some(name) = postgres.difference(&self.postgres).next() {
                return Err(NotAsked(name.to_string()));
            }
            granted.postgres = postgres;
        }
        if let Some(files) = files {
            if let Some(choice) = files.iter().find(|choice| self.files.access(&choice.path).is_none()) {
                return Err(NotAsked(choice.path.to_string()));
            }
            let named: Folders = files.iter().map(|choice| (choice.path.clone(), choice.most)).collect();
            granted.files = named.intersection(&self.files);
        }
        Ok(granted)
    }

    /// One phrase for each part, each to be read after "it may": for a person to review.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let servers = self.network.iter().map(rule_in_words);
        let variables = self.env.iter().map(|name| format!("read the variable {name}"));
        let cache = self.cache.iter().map(CacheRoom::in_words);
        let databases = self.postgres.iter().map(|name| format!("read the database `{name}`"));
        let state = cache.chain(databases).chain(self.files.in_words());
        servers.chain(variables).chain(state).chain(self.limits.above_defaults().in_words()).collect()
    }
}

fn rule_in_words(rule: &NetworkRule) -> String {
    let mut words = if rule.is_any() {
        format!("reach any public server ({rule})")
    } else if let Some(domain) = rule.domain() {
        format!("reach every server under {domain} ({rule})")
    } else {
        format!("reach {rule}")
    };
    match rule.special_kind() {
        Some(address::LOOPBACK) => words.push_str(", which is this machine"),
        Some(address::METADATA) => words.push_str(", where a cloud provider hands out this machine's credentials"),
        Some(kind) => words.extend([", a special address (", kind, ")"]),
        None if rule.is_plain_http() => words.push_str(", unencrypted"),
        None => {}
    }
    words
}

/// A server, variable, database or folder that the plugin's manifest does not ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plugin does not ask for {0}; only what its manifest asks for can be granted")]
pub struct NotAsked(String);

/// The name of an environment variable, `[A-Za-z_][A-Za-z0-9_]*`: what POSIX allows, and lower case, which it reserves
/// for applications (POSIX.1-2024, XBD 8.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvName(String);

impl EnvName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot name a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a variable; expected letters, digits and `_`, not starting with a digit")]
pub struct InvalidEnvName(String);

impl FromStr for EnvName {
    type Err = InvalidEnvName;

    fn from_str(text: &str) -> Result<Self, InvalidEnvName> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for EnvName {
    type Error = InvalidEnvName;

    fn try_from(text: String) -> Result<Self, InvalidEnvName> {
        let is_word = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_word && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(Self(text))
        } else {
            Err(InvalidEnvName(text))
        }
    }
}

impl From<EnvName> for String {
    fn from(name: EnvName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::Access;

    fn rules(rules: &[&str]) -> BTreeSet<NetworkRule> {
        rules.iter().map(|rule| rule.parse().expect("the test writes a rule")).collect()
    }

    fn names(names: &[&str]) -> BTreeSet<EnvName> {
        names.iter().map(|name| name.parse().expect("the test writes a name")).collect()
    }

    fn folders(folders: &[(&str, Access)]) -> Folders {
        folders.iter().map(|(path, access)| (path.parse().expect("the test writes a path"), *access)).collect()
    }

    fn asked() -> Capabilities {
        Capabilities {
            network: rules(&["https://hn.algolia.com", "http://*"]),
            env: names(&["HN_TOKEN", "HN_USER"]),
            cache: Some(CacheRoom { max: 16 << 20, ttl_max: Duration::from_hours(1) }),
            postgres: ["replica", "events"].map(|name| name.parse().expect("the test writes a name")).into(),
            files: folders(&[("data", Access::ReadWrite), ("/srv/docs", Access::Read)]),
            limits: PartialLimits { memory: Some(512 << 20), concurrency: Some(2), ..PartialLimits::default() },
        }
    }

    #[test]
    fn words_say_what_a_grant_means() {
        let capabilities = Capabilities {
            network: rules(&[
                "https://hn.algolia.com",
                "http://plain.example",
                "https://*.example.com",
                "https://*",
                "http://localhost:3000",
                "http://10.0.0.5",
                "http://169.254.169.254",
            ]),
            ..asked()
        };
        assert_eq!(
            capabilities.in_words(),
            [
                "reach https://hn.algolia.com",
                "reach http://localhost:3000, which is this machine",
                "reach http://plain.example, unencrypted",
                "reach http://10.0.0.5, a special address (private)",
                "reach http://169.254.169.254, where a cloud provider hands out this machine's credentials",
                "reach every server under example.com (https://*.example.com)",
                "reach any public server (https://*)",
                "read the variable HN_TOKEN",
                "read the variable HN_USER",
                "keep up to 16MiB from one call to the next, each entry for at most 1h",
                "read the database `events`",
                "read the database `replica`",
                "read the files in /srv/docs of this machine, and all that is below it",
                "read, write and delete the files in `data` of its own folder; what it writes stays after the call, and \
                 nothing bounds how much that becomes over many calls",
                "use up to 512MiB of memory (default 256MiB)",
            ]
        );
    }

    #[test]
    fn beyond_names_only_what_is_new() {
        let before = Capabilities {
            network: rules(&["http://*"]),
            env: names(&["HN_TOKEN"]),
            cache: Some(CacheRoom { max: 16 << 20, ttl_max: Duration::from_secs(60) }),
            postgres: ["events".parse().expect("a name")].into(),
            files: folders(&[("data", Access::Read), ("/srv/docs", Access::ReadWrite)]),
            ..Capabilities::default()
        };
        assert_eq!(
            asked().beyond(&before).in_words(),
            [
                "reach https://hn.algolia.com",
                "read the variable HN_USER",
                "keep up to 16MiB from one call to the next, each entry for at most 1h",
                "read the database `replica`",
                "read, write and delete the files in `data` of its own folder; what it writes stays after the call, and \
                 nothing bounds how much that becomes over many calls",
                "use up to 512MiB of memory (default 256MiB)"
            ]
        );
        assert!(!before.covers(&asked()));
        let before = Capabilities { files: folders(&[("data", Access::Read)]), ..before };
        assert!(asked().covers(&before));
        assert!(before.beyond(&asked()).is_empty());
    }

    #[test]
    fn a_wildcard_that_was_reviewed_does_not_take_in_a_special_address() {
        let before = Capabilities { network: rules(&["http://*"]), ..Capabilities::default() };
        let after = Capabilities { network: rules(&["http://169.254.169.254"]), ..Capabilities::default() };
        assert_eq!(after.beyond(&before), after);
    }

    #[test]
    fn any_server_is_granted_only_by_name() {
        assert_eq!(asked().granted_by_default().network, rules(&["https://hn.algolia.com"]));
        let named = |network: &[&str]| {
            asked().granted_by_naming(Some(rules(network)), None, None, None).map(|granted| granted.network)
        };
        assert_eq!(named(&["http://*"]), Ok(rules(&["http://*"])));
        assert_eq!(named(&["http://localhost"]), Ok(rules(&["http://localhost"])));
        assert_eq!(named(&[]), Ok(rules(&[])));
        assert_eq!(
            named(&["https://evil.example"]).map_err(|error| error.to_string()),
            Err("the plugin does not ask for https://evil.example; only what its manifest asks for can be granted"
                .to_owned())
        );
    }

    #[test]
    fn variables_are_granted_by_name() {
        let named =
            |env: &[&str]| asked().granted_by_naming(None, Some(names(env)), None, None).map(|granted| granted.env);
        assert_eq!(named(&["HN_TOKEN"]), Ok(names(&["HN_TOKEN"])));
        assert_eq!(named(&["HOME"]), Err(NotAsked("HOME".to_owned())));
    }

    #[test]
    fn databases_are_granted_by_name() {
        let named =
            |name: &str| asked().granted_by_naming(None, None, Some([name.parse().expect("a name")].into()), None);
        assert_eq!(named("events").map(|granted| granted.postgres.len()), Ok(1));
        assert_eq!(named("users"), Err(NotAsked("users".to_owned())));
    }

    #[test]
    fn folders_are_granted_by_name_and_to_be_read_alone() {
        let named = |text: &str| asked().granted_by_naming(None, None, None, Some(&[text.parse().expect("a choice")]));
        let files = |text| named(text).map(|granted| granted.files);
        assert_eq!(files("data"), Ok(folders(&[("data", Access::ReadWrite)])));
        assert_eq!(files("data:read"), Ok(folders(&[("data", Access::Read)])));
        assert_eq!(files("/srv/docs"), Ok(folders(&[("/srv/docs", Access::Read)])));
        assert_eq!(files("/srv"), Err(NotAsked("/srv".to_owned())));
    }

    #[test]
    fn names_of_variables_are_plain() {
        for good in ["A", "_", "hn_token", "HN_TOKEN_2"] {
            assert!(good.parse::<EnvName>().is_ok(), "{good}");
        }
        for bad in ["", "2A", "A=B", "A B", "A-B", "Ä", "A\0", "A*"] {
            assert!(bad.parse::<EnvName>().is_err(), "{bad}");
        }
    }
}
