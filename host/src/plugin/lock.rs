//! `toolcell.lock`: what a person granted to each plugin of a folder. Meant to be committed and reviewed.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Spanned;

use crate::{
    policy::{Capabilities, Digest, Entry, NetworkRule, PluginName},
    source::{CacheTable, FolderTable, LimitsTable, Source, SourceError, unplaced},
    write_file,
};

/// A lock file as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    /// One entry for each plugin that a person reviewed.
    pub entries: BTreeMap<PluginName, Entry>,
    /// Digest of the file's bytes: accepting the file accepts these and no others.
    pub digest: Digest,
}

impl LockFile {
    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it has to be, with its place and what was expected.
    pub fn parse(source: &Source) -> Result<Self, SourceError> {
        // The version decides how to read the rest, so it is read by itself first.
        let Version { version } = source.parse()?;
        if *version.get_ref() != VERSION {
            let problem = format!("lock file has version {}; this Toolcell reads version {VERSION}", version.get_ref());
            return Err(source.error(&version, problem));
        }
        let raw: RawLock = source.parse()?;
        let entries = raw.plugins.iter().map(|(name, written)| Ok((source.value(name)?, entry(source, written)?)));
        Ok(Self { entries: entries.collect::<Result<_, SourceError>>()?, digest: Digest::of(source.text.as_bytes()) })
    }

    /// Writes a lock file in place of the old one, all of it or nothing, and returns its digest. Comments that somebody
    /// added are not kept.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(path: &Path, entries: &BTreeMap<PluginName, Entry>) -> io::Result<Digest> {
        let text = Self::text(entries).map_err(io::Error::other)?;
        write_file::replace(path, text.as_bytes(), write_file::Readers::Everybody)?;
        Ok(Digest::of(text.as_bytes()))
    }

    /// What [`LockFile::write`] writes.
    ///
    /// # Errors
    ///
    /// None that is known: everything in an entry can be written as TOML.
    pub fn text(entries: &BTreeMap<PluginName, Entry>) -> Result<String, toml::ser::Error> {
        let plugins = entries.iter().map(|(name, entry)| (unplaced(name.to_string()), written(entry))).collect();
        Ok(format!("{HEADER}{}", toml::to_string_pretty(&RawLock { version: VERSION, plugins })?))
    }
}

/// The digest of a plugin's tools: names, titles, descriptions, schemas, hints, whatever each value holds. Neither the order
/// of tools nor that of members in objects counts.
#[must_use]
pub fn tools_digest(tools: impl IntoIterator<Item = Value>) -> Digest {
    let canonical = |mut tool: Value| {
        // They are sorted already, unless some crate in the build turns on serde_json's `preserve_order`.
        tool.sort_all_objects();
        tool.to_string()
    };
    let mut tools: Vec<String> = tools.into_iter().map(canonical).collect();
    tools.sort_unstable();
    Digest::of(format!("[{}]", tools.join(",")).as_bytes())
}

const VERSION: i64 = 1;

const HEADER: &str = "\
# What each plugin in this folder may do. `toolcell allow PLUGIN` writes it; commit it and review its changes like code.
# It grants nothing by itself: it counts once the person who runs Toolcell has accepted it with `toolcell allow`, or
# where the operator says `toolcell serve --locked`.

";

#[derive(Deserialize)]
struct Version {
    version: Spanned<i64>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawLock {
    version: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    plugins: BTreeMap<Spanned<String>, RawEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    network: Vec<Spanned<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    env: Vec<Spanned<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    postgres: Vec<Spanned<String>>,
    tools: Spanned<String>,
    component: Spanned<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<Spanned<CacheTable>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<FolderTable>,
    #[serde(default, skip_serializing_if = "LimitsTable::is_empty")]
    limits: LimitsTable,
    #[serde(default, skip_serializing_if = "RawDeclined::is_empty")]
    declined: RawDeclined,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct RawDeclined {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    network: Vec<Spanned<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<Spanned<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    postgres: Vec<Spanned<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FolderTable>,
}

impl RawDeclined {
    fn is_empty(&self) -> bool {
        self.network.is_empty() && self.env.is_empty() && self.postgres.is_empty() && self.files.is_empty()
    }
}

fn entry(source: &Source, written: &RawEntry) -> Result<Entry, SourceError> {
    let limits = source.limits(&written.limits)?;
    if limits != limits.above_defaults() {
        let problem = "a limit at or below the default needs no grant; to lower limits, write them in toolcell.toml";
        return Err(source.error_of_limits(&written.limits, problem));
    }
    Ok(Entry {
        granted: Capabilities {
            network: source.set(&written.network)?,
            env: source.set(&written.env)?,
            cache: written.cache.as_ref().map(|room| source.cache_room(room)).transpose()?,
            postgres: source.set(&written.postgres)?,
            files: source.folders(&written.files)?,
            limits,
        },
        declined: Capabilities {
            network: source.set(&written.declined.network)?,
            env: source.set(&written.declined.env)?,
            postgres: source.set(&written.declined.postgres)?,
            files: source.folders(&written.declined.files)?,
            ..Capabilities::default()
        },
        tools: source.value(&written.tools)?,
        component: source.value(&written.component)?,
    })
}

fn written(entry: &Entry) -> RawEntry {
    RawEntry {
        network: rules(&entry.granted),
        env: names(&entry.granted.env),
        postgres: names(&entry.granted.postgres),
        cache: entry.granted.cache.as_ref().map(CacheTable::of).map(unplaced),
        files: FolderTable::of(&entry.granted.files),
        tools: unplaced(entry.tools.to_string()),
        component: unplaced(entry.component.to_string()),
        limits: LimitsTable::of(&entry.granted.limits.above_defaults()),
        declined: RawDeclined {
            network: rules(&entry.declined),
            env: names(&entry.declined.env),
            postgres: names(&entry.declined.postgres),
            files: FolderTable::of(&entry.declined.files),
        },
    }
}

fn rules(capabilities: &Capabilities) -> Vec<Spanned<String>> {
    capabilities.network.iter().map(NetworkRule::to_string).map(unplaced).collect()
}

fn names<T: ToString>(names: &BTreeSet<T>) -> Vec<Spanned<String>> {
    names.iter().map(|name| unplaced(name.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::policy::{Access, CacheRoom, PartialLimits};

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str) -> Result<LockFile, String> {
        LockFile::parse(&Source { file: "plugins/toolcell.lock", text }).map_err(|error| error.to_string())
    }

    fn entries() -> BTreeMap<PluginName, Entry> {
        let rule = |text: &str| text.parse().expect("the test writes a rule");
        let asked = Capabilities {
            network: [rule("https://*"), rule("http://[::1]:8080")].into(),
            env: ["B", "A"].map(|name| name.parse().expect("the test writes a name")).into(),
            cache: Some(CacheRoom { max: 16 << 20, ttl_max: Duration::from_hours(1) }),
            postgres: ["replica", "events"].map(|name| name.parse().expect("the test writes a name")).into(),
            files: [("data", Access::ReadWrite), ("/srv/docs", Access::Read)]
                .map(|(path, access)| (path.parse().expect("the test writes a path"), access))
                .into_iter()
                .collect(),
            limits: PartialLimits {
                memory: Some(512 << 20),
                deadline: Some(Duration::from_secs(5)),
                concurrency: None,
            },
        };
        let named = [rule("https://en.wikipedia.org"), rule("https://*.example.com")].into();
        let (env, databases) = (["A".parse().expect("a name")].into(), ["events".parse().expect("a name")].into());
        let files = ["data:read".parse().expect("a choice")];
        let granted = asked.granted_by_naming(Some(named), Some(env), Some(databases), Some(&files)).expect("asked");
        let (tools, component) = (Digest::of(b""), Digest::of(b""));
        let pure = Entry::new(&Capabilities::default(), Capabilities::default(), tools, component);
        [("text", pure), ("fetch", Entry::new(&asked, granted, tools, component))]
            .map(|(name, entry)| (name.parse().expect("a name"), entry))
            .into()
    }

    #[test]
    fn what_is_written_is_readable_sorted_and_reads_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("toolcell.lock");
        std::fs::write(&path, "old").expect("a file");
        let digest = LockFile::write(&path, &entries()).expect("the folder is writable");
        let text = std::fs::read_to_string(&path).expect("it was written");
        let expected = format!(
            r#"{HEADER}version = 1

[plugins.fetch]
network = [
    "https://en.wikipedia.org",
    "https://*.example.com",
]
env = ["A"]
postgres = ["events"]
tools = "{DIGEST}"
component = "{DIGEST}"

[plugins.fetch.cache]
max = "16MiB"
ttl-max = "1h"

[[plugins.fetch.files]]
path = "data"
access = "read"

[plugins.fetch.limits]
memory = "512MiB"

[plugins.fetch.declined]
network = [
    "http://[::1]:8080",
    "https://*",
]
env = ["B"]
postgres = ["replica"]

[[plugins.fetch.declined.files]]
path = "/srv/docs"
access = "read"

[[plugins.fetch.declined.files]]
path = "data"
access = "read-write"

[plugins.text]
tools = "{DIGEST}"
component = "{DIGEST}"
"#
        );
        assert_eq!(text, expected);
        assert_eq!(parse(&text), Ok(LockFile { entries: entries(), digest }));
        assert_eq!(digest, Digest::of(text.as_bytes()));
    }

    #[test]
    fn an_empty_lock_grants_nothing() {
        let text = LockFile::text(&BTreeMap::new()).expect("it can be written");
        assert_eq!(parse(&text).map(|lock| lock.entries), Ok(BTreeMap::new()));
    }

    #[test]
    fn bad_locks_say_where_and_why() {
        let entry = format!("version = 1\n[plugins.x]\ntools = {DIGEST:?}\ncomponent = {DIGEST:?}\n");
        assert!(parse(&entry).is_ok());
        for (text, expected) in [
            (String::new(), "1:1: missing key `version`"),
            ("version = 2\nnew = 1".to_owned(), "1:11: lock file has version 2; this Toolcell reads version 1"),
            (format!("{entry}networks = []"), "5:1: unknown key \"networks\"; did you mean \"network\"?"),
            (format!("{entry}[plugins.x]\n"), "5:10: duplicate key"),
            (format!("{entry}env = []\nenv = []"), "6:1: duplicate key"),
            (
                entry.replace("plugins.x", "plugins.X"),
                "2:10: \"X\" cannot name a plugin; expected 1 to 48 of a-z, 0-9 and `-`, not starting with `-`",
            ),
            (
                entry.replacen("sha256", "sha1", 1),
                "3:9: not a digest; expected \"sha256:\" and 64 hexadecimal digits in lower case",
            ),
            (entry.replace("component", "#"), "2:1: missing key `component`"),
            (format!("{entry}network = [\"x\"]"), "5:12: network rule \"x\" has no scheme; write \"https://x\""),
            (
                format!("{entry}[plugins.x.limits]\ndeadline = \"5s\""),
                "6:12: a limit at or below the default needs no grant; to lower limits, write them in toolcell.toml",
            ),
        ] {
            assert_eq!(parse(&text), Err(format!("plugins/toolcell.lock:{expected}")));
        }
    }

    #[test]
    fn the_digest_of_tools_is_of_what_they_say() {
        let a = json!({"name": "a", "inputSchema": {"type": "object", "required": ["x", "y"]}});
        let b = json!({"name": "b", "description": "B"});
        let digest = tools_digest([a.clone(), b.clone()]);
        assert_eq!(tools_digest([b.clone(), a.clone()]), digest);
        let reordered =
            serde_json::from_str(r#"{"inputSchema": {"required": ["x", "y"], "type": "object"}, "name": "a"}"#);
        assert_eq!(tools_digest([reordered.expect("it is JSON"), b.clone()]), digest);
        let changed = json!({"name": "a", "inputSchema": {"type": "object", "required": ["y", "x"]}});
        for other in [vec![a.clone()], vec![changed, b.clone()], vec![a, b.clone(), b]] {
            assert_ne!(tools_digest(other), digest);
        }
    }
}
