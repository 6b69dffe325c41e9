//! `plugin.toml`: what a plugin is and what it asks for. Asking grants nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    policy::{Capabilities, PluginName},
    source::{CacheTable, FolderTable, LimitsTable, Source, SourceError},
    text::hidden_character,
};

/// The name of the manifest in a plugin's folder.
pub const FILE: &str = "plugin.toml";

/// Characters of a tool's description.
pub(super) const MAX_DESCRIPTION: usize = 8_192;

/// What a manifest means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// One line for people.
    pub description: Option<String>,
    /// Where the component is, relative to the plugin's folder and inside it.
    pub component: PathBuf,
    /// What the plugin asks for.
    pub asked: Capabilities,
    /// What its tools are called, and how they are described.
    pub tools: ToolNames,
}

impl Manifest {
    /// The manifest of a `NAME.wasm` without one: it asks for nothing.
    #[must_use]
    pub fn bare(name: &PluginName) -> Self {
        Self {
            description: None,
            component: format!("{name}.wasm").into(),
            asked: Capabilities::default(),
            tools: ToolNames::default(),
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it has to be, with its place and what was expected.
    pub fn parse(source: &Source) -> Result<Self, SourceError> {
        let raw: RawManifest = source.parse()?;
        Ok(Self {
            description: raw.description.as_ref().map(|text| one_line(source, text)).transpose()?,
            component: inside(source, &raw.component)?,
            asked: Capabilities {
                network: source.set(&raw.capabilities.network)?,
                env: source.set(&raw.capabilities.env)?,
                cache: raw.capabilities.cache.as_ref().map(|room| source.cache_room(room)).transpose()?,
                postgres: source.set(&raw.capabilities.postgres)?,
                files: source.folders(&raw.capabilities.files)?,
                limits: source.limits(&raw.limits)?,
            },
            tools: tool_names(source, &raw.tools)?,
        })
    }
}

/// How a plugin's own names and descriptions of its tools become those that clients see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolNames {
    /// Put in front of every name that is not in `rename`.
    pub prefix: String,
    /// The plugin's own name and the one that clients see.
    pub rename: BTreeMap<String, String>,
    /// Tools that are not served, by the plugin's own names.
    pub disable: BTreeSet<String>,
    /// Descriptions in place of the plugin's own, by the plugin's own names.
    pub describe: BTreeMap<String, String>,
}

impl ToolNames {
    /// The name that clients see, or `None` for a tool that is not served. With a prefix it can be longer than a name may
    /// be: see [`is_tool_name`].
    #[must_use]
    pub fn shown(&self, own: &str) -> Option<String> {
        if self.disable.contains(own) {
            return None;
        }
        Some(self.rename.get(own).cloned().unwrap_or_else(|| format!("{}{own}", self.prefix)))
    }

    /// Names in `rename`, `disable` and `describe` that none of the plugin's tools has: probably typing errors.
    #[must_use]
    pub fn unknown<'a>(&'a self, own: &BTreeSet<&str>) -> Vec<&'a str> {
        let written: BTreeSet<_> = self.rename.keys().chain(&self.disable).chain(self.describe.keys()).collect();
        written.into_iter().map(String::as_str).filter(|name| !own.contains(name)).collect()
    }
}

/// Whether a text can name a tool: 1 to 48 of `A-Z a-z 0-9 _ -`, which leaves clients room for prefixes of their own.
#[must_use]
pub fn is_tool_name(text: &str) -> bool {
    (1..=48).contains(&text.len()) && has_tool_characters(text)
}

fn has_tool_characters(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    description: Option<Spanned<String>>,
    component: Spanned<String>,
    #[serde(default)]
    capabilities: RawCapabilities,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    tools: RawTools,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawCapabilities {
    network: Vec<Spanned<String>>,
    env: Vec<Spanned<String>>,
    postgres: Vec<Spanned<String>>,
    cache: Option<Spanned<CacheTable>>,
    files: Vec<FolderTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTools {
    prefix: Option<Spanned<String>>,
    rename: BTreeMap<Spanned<String>, Spanned<String>>,
    disable: Vec<Spanned<String>>,
    describe: BTreeMap<Spanned<String>, Spanned<String>>,
}

fn one_line(source: &Source, text: &Spanned<String>) -> Result<String, SourceError> {
    let problem = match text.get_ref() {
        text if text.contains(['\n', '\t']) => "description has more than one line".to_owned(),
        text if text.chars().count() > 200 => "description has more than 200 characters".to_owned(),
        text => match hidden_character(text) {
            Some(hidden) => format!("description has a character that cannot be seen: U+{:04X}", u32::from(hidden)),
            None => return Ok(text.clone()),
        },
    };
    Err(source.error(text, problem))
}

fn inside(source: &Source, written: &Spanned<String>) -> Result<PathBuf, SourceError> {
    let text = written.get_ref();
    let stays_inside = Path::new(text).components().all(|part| matches!(part, Component::Normal(_)));
    if text.is_empty() || !stays_inside || text.contains(['\\', '\0']) {
        let problem =
            format!("component {text:?} is not inside the plugin's folder; expected a path such as \"x.wasm\"");
        return Err(source.error(written, problem));
    }
    Ok(text.into())
}

fn tool_names(source: &Source, raw: &RawTools) -> Result<ToolNames, SourceError> {
    let mut names = ToolNames::default();
    if let Some(prefix) = &raw.prefix {
        if prefix.get_ref().len() > 24 || !has_tool_characters(prefix.get_ref()) {
            return Err(source.error(prefix, "prefix has to be at most 24 of A-Z, a-z, 0-9, `_` and `-`"));
        }
        names.prefix.clone_from(prefix.get_ref());
    }
    for (own, shown) in &raw.rename {
        names.rename.insert(tool_name(source, own)?, tool_name(source, shown)?);
    }
    for own in &raw.disable {
        if !names.disable.insert(tool_name(source, own)?) {
            return Err(source.error(own, format!("{:?} is in the list twice; remove one", own.get_ref())));
        }
    }
    for (own, text) in &raw.describe {
        names.describe.insert(tool_name(source, own)?, description(source, text)?);
    }
    Ok(names)
}

fn description(source: &Source, written: &Spanned<String>) -> Result<String, SourceError> {
    let text = written.get_ref().trim();
    if text.is_empty() || text.chars().count() > MAX_DESCRIPTION {
        return Err(source.error(written, format!("a description has to have 1 to {MAX_DESCRIPTION} characters")));
    }
    match hidden_character(text) {
        Some(hidden) => {
            let problem = format!("a description has a character that cannot be seen: U+{:04X}", u32::from(hidden));
            Err(source.error(written, problem))
        }
        None => Ok(text.to_owned()),
    }
}

fn tool_name(source: &Source, written: &Spanned<String>) -> Result<String, SourceError> {
    let text = written.get_ref();
    if is_tool_name(text) {
        Ok(text.clone())
    } else {
        let problem = format!("{text:?} cannot name a tool; expected 1 to 48 of A-Z, a-z, 0-9, `_` and `-`");
        Err(source.error(written, problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(&Source { file: "plugins/x/plugin.toml", text }).map_err(|error| error.to_string())
    }

    const FULL: &str = r#"
description = "Search Hacker News stories"
component   = "hn-search.wasm"

[capabilities]
network = ["https://hn.algolia.com"]
env     = ["HN_TOKEN"]

[limits]
memory = "64MiB"
deadline = "30s"
concurrency = 16

[tools]
prefix = "hn_"
rename = { search = "search_hn" }
disable = ["debug"]
describe = { item = "Reads one item." }
"#;

    #[test]
    fn a_full_manifest_means_what_it_says() {
        let manifest = parse(FULL).expect("the manifest is good");
        assert_eq!(manifest.description.as_deref(), Some("Search Hacker News stories"));
        assert_eq!(manifest.component, Path::new("hn-search.wasm"));
        assert_eq!(manifest.asked.in_words(), ["reach https://hn.algolia.com", "read the variable HN_TOKEN"]);
        assert_eq!(manifest.asked.limits.memory, Some(64 << 20));
        assert_eq!(manifest.asked.limits.concurrency, Some(16));
        let shown = |own| manifest.tools.shown(own);
        assert_eq!(shown("search").as_deref(), Some("search_hn"));
        assert_eq!(shown("item").as_deref(), Some("hn_item"));
        assert_eq!(shown("debug"), None);
        assert_eq!(manifest.tools.describe, [("item".to_owned(), "Reads one item.".to_owned())].into());
        assert_eq!(manifest.tools.unknown(&["search", "item"].into()), ["debug"]);
    }

    #[test]
    fn a_bare_component_asks_for_nothing() {
        let manifest = Manifest::bare(&"x".parse().expect("a name"));
        assert_eq!(manifest, parse("component = \"x.wasm\"").expect("the smallest manifest"));
        assert!(manifest.asked.is_empty());
        assert_eq!(manifest.tools.shown("t").as_deref(), Some("t"));
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        for (from, to, expected) in [
            (
                "\"https://hn.algolia.com\"",
                "\"hn.algolia.com\"",
                "6:12: network rule \"hn.algolia.com\" has no scheme; write \"https://hn.algolia.com\"",
            ),
            ("network =", "netwrok =", "6:1: unknown key \"netwrok\"; did you mean \"network\"?"),
            ("[limits]", "[limit]", "9:2: unknown key \"limit\"; did you mean \"limits\"?"),
            ("[\"HN_TOKEN\"]", "\"HN_TOKEN\"", "7:11: invalid type: string \"HN_TOKEN\", expected a list: [...]"),
            (
                "[\"HN_TOKEN\"]",
                "[\"HN_*\"]",
                "7:12: \"HN_*\" is not the name of a variable; expected letters, digits and `_`, not starting with a digit",
            ),
            (
                "64MiB",
                "64M",
                "10:10: \"64M\" is not a size; write a whole number and KiB, MiB or GiB, such as \"64MiB\"",
            ),
            (
                "hn-search.wasm",
                "../other/x.wasm",
                "3:15: component \"../other/x.wasm\" is not inside the plugin's folder; expected a path such as \"x.wasm\"",
            ),
            ("\"hn_\"", "\"hn.\"", "15:10: prefix has to be at most 24 of A-Z, a-z, 0-9, `_` and `-`"),
            (
                "search_hn",
                "search hn",
                "16:21: \"search hn\" cannot name a tool; expected 1 to 48 of A-Z, a-z, 0-9, `_` and `-`",
            ),
            ("[\"debug\"]", "[\"debug\", \"debug\"]", "17:21: \"debug\" is in the list twice; remove one"),
            ("Reads one item.", " ", "18:21: a description has to have 1 to 8192 characters"),
            ("one item", "\\u202eone item", "18:21: a description has a character that cannot be seen: U+202E"),
            ("stories\"", "\\u202estories\"", "2:15: description has a character that cannot be seen: U+202E"),
            ("Search", "Sea\\nrch", "2:15: description has more than one line"),
        ] {
            assert!(FULL.contains(from), "{from}");
            assert_eq!(parse(&FULL.replacen(from, to, 1)), Err(format!("plugins/x/plugin.toml:{expected}")));
        }
    }

    #[test]
    fn state_is_asked_for_by_name_and_measure() {
        let asks = |capabilities: &str| {
            let manifest = parse(&format!("component = \"x.wasm\"\n[capabilities]\n{capabilities}"));
            manifest.map(|manifest| manifest.asked.in_words())
        };
        assert_eq!(
            asks("postgres = [\"replica\"]\n[capabilities.cache]\nmax = \"16MiB\"\nttl-max = \"1h\""),
            Ok(vec![
                "keep up to 16MiB from one call to the next, each entry for at most 1h".to_owned(),
                "read the database `replica`".to_owned()
            ])
        );
        for (capabilities, expected) in [
            ("cache = { max = \"16MiB\" }", "3:9: missing key `ttl-max`, such as max = \"16MiB\", ttl-max = \"1h\""),
            (
                "cache = { max = \"1KiB\", ttl-max = \"1h\" }",
                "3:17: max \"1KiB\" is out of range; expected 64KiB to 1GiB",
            ),
            ("cache = { max = \"1MiB\", ttl = \"1h\" }", "3:25: unknown key \"ttl\"; did you mean \"ttl-max\"?"),
            (
                "postgres = [\"REPLICA_URL\"]",
                "3:13: \"REPLICA_URL\" cannot name a database; expected 1 to 48 of a-z, 0-9 and `-`, not starting with `-`",
            ),
        ] {
            assert_eq!(asks(capabilities), Err(format!("plugins/x/plugin.toml:{expected}")));
        }
    }

    #[test]
    fn files_are_asked_for_by_folder() {
        let asks = |files: &str| {
            let manifest = parse(&format!("component = \"x.wasm\"\n[capabilities]\nfiles = {files}"));
            manifest.map(|manifest| manifest.asked.in_words())
        };
        assert_eq!(asks("[{ path = \"data\" }]"), Ok(vec!["read the files in `data` of its own folder".to_owned()]));
        for (files, expected) in [
            (
                "[\"data\"]",
                "3:10: invalid type: string \"data\", expected a folder: { path = \"data\", access = \"read\" }",
            ),
            ("[{ path = \"data\", acess = \"read\" }]", "3:27: unknown key \"acess\"; did you mean \"access\"?"),
            (
                "[{ path = \"data\", access = \"write\" }]",
                "3:36: \"write\" is no access; expected \"read\" or \"read-write\"",
            ),
            ("[{ access = \"read\" }]", "3:10: missing key `path`"),
            (
                "[{ path = \"../x\" }]",
                "3:19: \"../x\" cannot name a folder of files; expected a path such as \"data\", in the plugin's own folder, or \
                 \"/srv/docs\", without `.`, `..` and characters that cannot be seen",
            ),
            (
                "[{ path = \"data\" }, { path = \"/data\" }]",
                "3:38: the plugin sees another folder of the list at the path of \"/data\"; remove one",
            ),
            (
                "[{ path = \"a\", access = \"read-write\" }, { path = \"a/b\" }]",
                "3:58: \"a/b\" lies in another folder of the list that is read-write; remove one",
            ),
        ] {
            assert_eq!(asks(files), Err(format!("plugins/x/plugin.toml:{expected}")));
        }
    }

    #[test]
    fn a_component_has_to_be_named() {
        assert_eq!(parse("").expect_err("nothing is written"), "plugins/x/plugin.toml:1:1: missing key `component`");
    }

    #[test]
    fn components_stay_inside() {
        for path in ["", "/x.wasm", "..", "a/../../x.wasm", "a/..", ".", "./x.wasm", "a\\b", "a\\u0000"] {
            let path = path.replace('\\', if path.contains("u0000") { "\\" } else { "\\\\" });
            let error = parse(&format!("component = \"{path}\"")).expect_err(&path);
            assert!(error.contains("is not inside the plugin's folder"), "{error}");
        }
        assert!(parse("component = \"target/x.wasm\"").is_ok());
    }
}
