//! What is odd about a folder of plugins as a whole and keeps no plugin from being served.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Listing, PluginFolder};
use crate::{
    nearest::did_you_mean,
    policy::{Entry, PluginName, Policy},
};

/// Entries of the folder that cannot be plugins, and names in toolcell.toml and the lock file that no plugin has: a slip of
/// the pen, or what is left of a plugin that was removed.
pub(super) fn warnings(
    folder: &PluginFolder,
    listing: &Listing,
    policy: &Policy,
    entries: Option<&BTreeMap<PluginName, Entry>>,
) -> Vec<String> {
    let shown = folder.path().display();
    let problems = listing.problems.iter().map(ToString::to_string);
    let in_policy = unknown(policy.plugins.keys(), &listing.names)
        .map(|(name, meant)| format!("toolcell.toml names plugin {name:?}, which is not in {shown}{meant}"));
    let in_lock = unknown(entries.into_iter().flat_map(BTreeMap::keys), &listing.names).map(|(name, meant)| {
        let lock = folder.lock_path();
        format!(
            "{} has an entry for plugin {name:?}, which is not in {shown}{}",
            lock.display(),
            if meant.is_empty() { format!("; if it is gone for good, delete [plugins.{name}] there") } else { meant }
        )
    });
    problems.chain(in_policy).chain(in_lock).collect()
}

/// The names that are not known, and which of the known ones each may have meant.
fn unknown<'a>(
    written: impl Iterator<Item = &'a PluginName>,
    known: &'a BTreeSet<PluginName>,
) -> impl Iterator<Item = (&'a str, String)> {
    let known_names = || known.iter().map(PluginName::as_str);
    let unknown = written.filter(|name| !known.contains(*name));
    unknown.map(move |name| (name.as_str(), did_you_mean(name.as_str(), known_names())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::policy::{Capabilities, Digest, PluginPolicy};

    fn name(text: &str) -> PluginName {
        text.parse().expect("the test writes a name")
    }

    #[test]
    fn names_that_no_plugin_has_are_told_with_the_one_that_was_meant() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for file in ["fetch.wasm", "Fetch.wasm", "text.wasm"] {
            fs::write(dir.path().join(file), "").expect("the folder is ours");
        }
        let folder = PluginFolder::open(dir.path()).expect("the folder is there");
        let listing = folder.list().expect("the folder can be listed");
        let plugins = ["text", "fetc"].map(|plugin| (name(plugin), PluginPolicy::default()));
        let policy = Policy { plugins: plugins.into(), ..Policy::default() };
        let nothing = Capabilities::default();
        let entry = Entry::new(&nothing, nothing.clone(), Digest::of(b""), Digest::of(b""));
        let entries = ["txt", "text", "weather"].map(|plugin| (name(plugin), entry.clone())).into();

        let path = dir.path().display().to_string();
        let told = warnings(&folder, &listing, &policy, Some(&entries));
        let told: Vec<_> = told.iter().map(|warning| warning.replace(&path, "PLUGINS")).collect();
        assert_eq!(
            told,
            [
                "PLUGINS/Fetch.wasm: \"Fetch\" cannot name a plugin; expected 1 to 48 of a-z, 0-9 and `-`, not starting \
                 with `-`",
                "toolcell.toml names plugin \"fetc\", which is not in PLUGINS; did you mean \"fetch\"?",
                "PLUGINS/toolcell.lock has an entry for plugin \"txt\", which is not in PLUGINS; did you mean \"text\"?",
                "PLUGINS/toolcell.lock has an entry for plugin \"weather\", which is not in PLUGINS; if it is gone for \
                 good, delete [plugins.weather] there",
            ]
        );
        assert_eq!(
            warnings(&folder, &listing, &Policy::default(), None),
            told[..1].iter().map(|warning| warning.replace("PLUGINS", &path)).collect::<Vec<_>>()
        );
    }
}
