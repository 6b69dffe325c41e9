//! `toolcell.toml`: the operator's own settings. It lies beside the plugins folder, and nothing in it can grant anything.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    policy::{DatabaseName, EnvName, PluginPolicy, Policy, units::parse_bytes},
    source::{CacheTable, FolderTable, LimitsTable, Source, SourceError},
};

/// What toolcell.toml means. The default is that of a missing file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// What it takes away from plugins.
    pub policy: Policy,
    /// What it says about all calls together.
    pub sandbox: SandboxConfig,
    /// The variable that holds the URL of the Redis server in which plugins keep things; `None` for this process's memory.
    pub redis_url: Option<EnvName>,
    /// Databases that plugins can be granted, by name.
    pub postgres: BTreeMap<DatabaseName, DatabaseConfig>,
}

/// One database, without its URL, which is a secret and so not in a file that is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// The variable that holds the URL.
    pub url_env: EnvName,
    /// Certificate authorities in PEM form that are trusted instead of the machine's, as written: relative to the file.
    pub ca_file: Option<PathBuf>,
    /// Connections that the host keeps at most.
    pub connections: u32,
}

/// Bounds for all calls together; `None` leaves them to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SandboxConfig {
    /// Bytes of memory that all instances alive may hold.
    pub memory: Option<u64>,
    /// Instances that may be alive at the same time.
    pub slots: Option<u32>,
}

impl Config {
    /// The file's name, where `--config` names no other.
    pub const FILE: &'static str = "toolcell.toml";

    /// Reads the file that `--config` names, or else `toolcell.toml` in `folder` if there is one.
    ///
    /// # Errors
    ///
    /// A named file does not exist, a file cannot be read, or something in it is not as it has to be.
    pub fn load(named: Option<&Path>, folder: &Path) -> Result<Self, SourceError> {
        let path = named.map_or_else(|| folder.join(Self::FILE), Path::to_owned);
        let shown = path.display().to_string();
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&Source { file: &shown, text: &text }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(SourceError::of_file(shown, "does not exist; expected the settings that --config names"))
            }
            Err(error) => Err(SourceError::of_file(shown, format!("cannot be read: {error}"))),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it has to be, with its place and what was expected.
    pub fn parse(source: &Source) -> Result<Self, SourceError> {
        let raw: RawConfig = source.parse()?;
        let mut plugins = BTreeMap::new();
        for (name, written) in &raw.plugins {
            plugins.insert(source.value(name)?, plugin_policy(source, written)?);
        }
        let policy = Policy {
            caps: source.limits(&raw.limits)?,
            allow: raw.network.allow.map(|rules| source.set(&rules)).transpose()?,
            deny: source.set(&raw.network.deny)?,
            cache: source.cache_caps(&CacheTable { max: raw.cache.max, ttl_max: raw.cache.ttl_max })?,
            plugins,
        };
        let mut postgres = BTreeMap::new();
        for (name, written) in &raw.postgres {
            postgres.insert(source.value(name)?, database(source, written)?);
        }
        let redis_url = raw.cache.redis_url_env.as_ref().map(|name| variable(source, name, "CACHE_URL")).transpose()?;
        Ok(Self { policy, sandbox: sandbox(source, &raw.sandbox)?, redis_url, postgres })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    network: RawNetwork,
    #[serde(default)]
    cache: RawCache,
    #[serde(default)]
    plugins: BTreeMap<Spanned<String>, RawPlugin>,
    #[serde(default)]
    sandbox: RawSandbox,
    #[serde(default)]
    postgres: BTreeMap<Spanned<String>, RawDatabase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawDatabase {
    url_env: Spanned<String>,
    ca_file: Option<PathBuf>,
    connections: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawNetwork {
    allow: Option<Vec<Spanned<String>>>,
    deny: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RawCache {
    redis_url_env: Option<Spanned<String>>,
    max: Option<Spanned<String>>,
    ttl_max: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPlugin {
    enabled: Option<bool>,
    network: Option<Vec<Spanned<String>>>,
    env: Option<Vec<Spanned<String>>>,
    cache: Option<bool>,
    postgres: Option<Vec<Spanned<String>>>,
    files: Option<Vec<FolderTable>>,
    disable: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSandbox {
    memory: Option<Spanned<String>>,
    slots: Option<Spanned<i64>>,
}

fn plugin_policy(source: &Source, written: &RawPlugin) -> Result<PluginPolicy, SourceError> {
    Ok(PluginPolicy {
        enabled: written.enabled.unwrap_or(true),
        network: written.network.as_ref().map(|rules| source.set(rules)).transpose()?,
        env: written.env.as_ref().map(|names| source.set(names)).transpose()?,
        cache: written.cache.unwrap_or(true),
        postgres: written.postgres.as_ref().map(|names| source.set(names)).transpose()?,
        files: written.files.as_ref().map(|folders| source.folders(folders)).transpose()?,
        disable: source.set(&written.disable)?,
    })
}

fn database(source: &Source, written: &RawDatabase) -> Result<DatabaseConfig, SourceError> {
    const CONNECTIONS: (u32, u32) = (8, 64);
    let (default, most) = CONNECTIONS;
    let connections = |written: &Spanned<i64>| {
        let number = u32::try_from(*written.get_ref()).ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| source.error(written, format!("connections has to be a number from 1 to {most}")))
    };
    Ok(DatabaseConfig {
        url_env: variable(source, &written.url_env, "REPLICA_URL")?,
        ca_file: written.ca_file.clone(),
        connections: written.connections.as_ref().map(connections).transpose()?.unwrap_or(default),
    })
}

/// The name of a variable. The error does not show what is there instead: it may be the URL itself, with its password.
fn variable(source: &Source, written: &Spanned<String>, example: &str) -> Result<EnvName, SourceError> {
    let problem =
        format!("expected the name of the variable that holds the URL, such as {example:?}, and not the URL itself");
    written.get_ref().parse().map_err(|_| source.error(written, problem))
}

fn sandbox(source: &Source, written: &RawSandbox) -> Result<SandboxConfig, SourceError> {
    const LEAST_MEMORY: u64 = 64 << 20;
    const MOST_SLOTS: u32 = 10_000;
    let memory = |written: &Spanned<String>| {
        let bytes = parse_bytes(written.get_ref()).map_err(|problem| source.error(written, problem))?;
        let too_small = || source.error(written, "memory for all instances has to be at least 64MiB");
        if bytes < LEAST_MEMORY { Err(too_small()) } else { Ok(bytes) }
    };
    let slots = |written: &Spanned<i64>| {
        let number = u32::try_from(*written.get_ref()).ok().filter(|slots| (1..=MOST_SLOTS).contains(slots));
        number.ok_or_else(|| source.error(written, format!("slots has to be a number from 1 to {MOST_SLOTS}")))
    };
    Ok(SandboxConfig {
        memory: written.memory.as_ref().map(memory).transpose()?,
        slots: written.slots.as_ref().map(slots).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::{Access, CacheRoom, Capabilities, Folders, Grant, PluginName};

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(&Source { file: "toolcell.toml", text }).map_err(|error| error.to_string())
    }

    fn folders(folders: &[(&str, Access)]) -> Folders {
        folders.iter().map(|(path, access)| (path.parse().expect("a path"), *access)).collect()
    }

    const FULL: &str = r#"
[limits]
memory = "128MiB"

[network]
allow = ["https://*"]
deny = ["https://evil.example"]

[cache]
redis-url-env = "CACHE_URL"
max = "8MiB"

[sandbox]
memory = "4GiB"
slots = 200

[plugins.fetch]
network = ["https://*.wikipedia.org"]
env = []
postgres = ["events"]
files = [{ path = "data" }]
disable = ["post"]

[postgres.replica]
url-env = "REPLICA_URL"
ca-file = "ca.pem"
connections = 2

[postgres.events]
url-env = "EVENTS_URL"

[plugins.old]
enabled = false

[plugins.pure]
cache = false
"#;

    #[test]
    fn a_full_file_narrows_as_it_says() {
        let config = parse(FULL).expect("the file is good");
        assert_eq!(config.redis_url, Some("CACHE_URL".parse().expect("a name")));
        assert_eq!(config.sandbox, SandboxConfig { memory: Some(4 << 30), slots: Some(200) });
        let database = |name: &str| &config.postgres[&name.parse().expect("a name")];
        let replica = database("replica");
        assert_eq!((replica.url_env.as_str(), replica.connections), ("REPLICA_URL", 2));
        assert_eq!(replica.ca_file.as_deref(), Some(Path::new("ca.pem")));
        assert_eq!((database("events").connections, &database("events").ca_file), (8, &None));
        let asked = Capabilities {
            network: ["https://en.wikipedia.org", "https://evil.example", "http://plain.example"]
                .map(|rule| rule.parse().expect("a rule"))
                .into(),
            env: ["TOKEN".parse().expect("a name")].into(),
            cache: Some(CacheRoom { max: 16 << 20, ttl_max: Duration::from_mins(1) }),
            postgres: ["replica".parse().expect("a name")].into(),
            files: folders(&[("data", Access::ReadWrite), ("docs", Access::Read)]),
            ..Capabilities::default()
        };
        let narrow = |name: &str| {
            let name: PluginName = name.parse().expect("a name");
            config.policy.narrow(&name, Grant::everything(&asked))
        };
        let fetch = narrow("fetch").expect("it is enabled");
        assert_eq!(fetch.network().iter().map(ToString::to_string).collect::<Vec<_>>(), ["https://en.wikipedia.org"]);
        assert!(fetch.env().is_empty() && fetch.postgres().is_empty());
        assert_eq!(fetch.files(), &folders(&[("data", Access::Read)]));
        assert_eq!(fetch.cache(), Some(CacheRoom { max: 8 << 20, ttl_max: Duration::from_mins(1) }));
        assert_eq!(narrow("pure").expect("it is enabled").cache(), None);
        assert_eq!(fetch.limits().memory, 128 << 20);
        assert!(config.policy.disables(&"fetch".parse().expect("a name"), "post"));
        assert_eq!(narrow("other").expect("it is enabled").env().len(), 1);
        assert!(narrow("old").is_err());
    }

    #[test]
    fn an_empty_file_is_as_good_as_none() {
        assert_eq!(parse(""), Ok(Config::default()));
    }

    #[test]
    fn only_a_named_file_has_to_exist() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(Config::load(None, dir.path()), Ok(Config::default()));
        let path = dir.path().join("other.toml");
        assert!(Config::load(Some(&path), dir.path()).is_err());
        fs::write(&path, FULL).expect("a file");
        assert_eq!(Config::load(Some(&path), dir.path()).map_err(|error| error.to_string()), parse(FULL));
        fs::write(dir.path().join(Config::FILE), "x = 1").expect("a file");
        assert!(Config::load(None, dir.path()).is_err());
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        for (text, expected) in [
            ("[network]\ndenied = []", "2:1: unknown key \"denied\"; did you mean \"deny\"?"),
            ("[network]\ndeny = [\"x\"]", "2:9: network rule \"x\" has no scheme; write \"https://x\""),
            (
                "[plugins.Fetch]",
                "1:10: \"Fetch\" cannot name a plugin; expected 1 to 48 of a-z, 0-9 and `-`, not starting with `-`",
            ),
            ("[plugins.x]\nenabled = \"no\"", "2:11: invalid type: string \"no\", expected a boolean"),
            (
                "[cache]\nredis-url-env = \"redis://:secret@cache.example\"",
                "2:17: expected the name of the variable that holds the URL, such as \"CACHE_URL\", and not the URL itself",
            ),
            ("[cache]\nredis-url = \"x\"", "2:1: unknown key \"redis-url\"; did you mean \"redis-url-env\"?"),
            (
                "[cache]\nttl-max = \"1\"",
                "2:11: \"1\" is not a duration; write a whole number and ms, s, m or h, such as \"30s\"",
            ),
            ("[sandbox]\nslots = 0", "2:9: slots has to be a number from 1 to 10000"),
            ("[postgres.replica]\nurl = \"x\"", "2:1: unknown key \"url\"; did you mean \"url-env\"?"),
            (
                "[postgres.replica]\nurl-env = \"postgres://u:secret@h\"",
                "2:11: expected the name of the variable that holds the URL, such as \"REPLICA_URL\", and not the URL itself",
            ),
            (
                "[postgres.replica]\nurl-env = \"U\"\nconnections = 0",
                "3:15: connections has to be a number from 1 to 64",
            ),
            ("[sandbox]\nmemory = \"1MiB\"", "2:10: memory for all instances has to be at least 64MiB"),
        ] {
            assert_eq!(parse(text), Err(format!("toolcell.toml:{expected}")));
        }
    }
}
