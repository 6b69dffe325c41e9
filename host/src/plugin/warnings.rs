//! What is odd about a folder of plugins as a whole and keeps no plugin from being served.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    catalog::Catalog,
    files::{Listing, PluginFolder},
};
use crate::{
    nearest::did_you_mean,
    policy::{Credential, Entry, Grant, PluginName, Policy, UserPolicies},
    receipt::CredentialFault,
    sandbox::Credentials,
};

/// Entries of the folder that cannot be plugins, and names in toolcell.toml and the lock file that no plugin has: a slip of
/// the pen, or what is left of a plugin that was removed.
pub(super) fn warnings(
    folder: &PluginFolder,
    listing: &Listing,
    policy: &Policy,
    entries: Option<&BTreeMap<PluginName, Entry>>,
) -> Vec<String> {
    let shown = &folder.path().display();
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
    let lists = policy.users.lists(|policy| policy.plugins.as_ref());
    let of_users = lists.flat_map(|(user, plugins)| {
        unknown(plugins.iter(), &listing.names).map(move |(name, meant)| {
            format!("toolcell.toml names plugin {name:?} for user {user:?}, which is not in {shown}{meant}")
        })
    });
    problems.chain(in_policy).chain(of_users).chain(in_lock).collect()
}

/// Names of tools in toolcell.toml that let a user call nothing.
pub(super) fn of_tools(catalog: &Catalog, users: &UserPolicies) -> Vec<String> {
    let warning = |user: &str, name: &str| {
        let names = format!("toolcell.toml names tool {name:?} for user {user:?}");
        let Some(tool) = catalog.get(name) else {
            let meant = did_you_mean(name, catalog.tools.iter().map(|tool| tool.name()));
            return Some(format!("{names}, which no plugin that is served has{meant}"));
        };
        let (plugin, policy) = (tool.plugin(), users.iter().find(|(other, _)| *other == user)?.1);
        (!policy.may_call(plugin, name)).then(|| format!("{names} and not its plugin {plugin:?}, which is needed too"))
    };
    let lists = users.lists(|policy| policy.tools.as_ref());
    let named = lists.flat_map(|(user, tools)| tools.iter().map(move |name| (user, name)));
    named.filter_map(|(user, name)| warning(user, name)).collect()
}

/// Credentials that no request can get, and what is wrong with the variables of the others. Which plugins there are is known
/// once all are loaded.
pub(super) fn of_credentials(
    credentials: &Credentials,
    listing: &Listing,
    catalog: &Catalog,
    is_complete: bool,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for credential in credentials.all() {
        let name = credential.name();
        for (plugin, meant) in unknown(credential.plugins.iter().flatten(), &listing.names) {
            warnings.push(format!(
                "toolcell.toml names plugin {plugin:?} for the credential of {name}, which is not in the folder{meant}"
            ));
        }
        if is_complete && receivers(credential, catalog).is_empty() {
            let names = |grant: &Grant| grant.may_reach(&credential.server).is_ok();
            let reaches = catalog.tools.iter().any(|tool| names(tool.grant()));
            let why = if reaches {
                "those that may reach it are not named in `plugins`, which those have to be that may reach any server"
            } else {
                "no plugin that is served was granted that server"
            };
            warnings.push(format!("no plugin gets the credential for {name}: {why}"));
        }
        for (variable, fault) in credentials.faults(credential) {
            let fault = match fault {
                CredentialFault::Unset => "is not set",
                CredentialFault::TooShort => "has a value of fewer than 8 bytes, too few for a secret",
                CredentialFault::TooLong => "has a value of more than 8 KiB",
                CredentialFault::NotText => "has a value that no header field can carry",
            };
            warnings.push(format!(
                "{variable} {fault} on the host: requests to {name} fail for users who have no value of their own for it"
            ));
        }
    }
    warnings
}

/// The plugins that are served whose requests get a credential.
pub(crate) fn receivers<'a>(credential: &Credential, catalog: &'a Catalog) -> BTreeSet<&'a str> {
    let tools = catalog.tools.iter().filter(|tool| credential.is_for(tool.plugin(), tool.grant()));
    tools.map(|tool| tool.plugin()).collect()
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
    use crate::policy::{Capabilities, Digest, PluginPolicy, UserPolicy};

    fn name(text: &str) -> PluginName {
        text.parse().expect("the test writes a name")
    }

    fn users_of(plugins: &[&str]) -> UserPolicy {
        UserPolicy { plugins: Some(plugins.iter().map(|plugin| name(plugin)).collect()), ..UserPolicy::default() }
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
        let users = UserPolicies {
            named: [("alice".parse().expect("a name"), users_of(&["txt", "fetch"]))].into(),
            others: users_of(&["weather"]),
        };
        let policy = Policy { plugins: plugins.into(), users, ..Policy::default() };
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
                "toolcell.toml names plugin \"txt\" for user \"alice\", which is not in PLUGINS; did you mean \"text\"?",
                "toolcell.toml names plugin \"weather\" for user \"*\", which is not in PLUGINS",
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
