use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;

use super::{Open, terminal};
use crate::{
    plugin::{self, acceptance::State, files::PluginFolder, lock::LockFile},
    policy::{Entry, EnvName, NetworkRule},
};

#[derive(Debug, Args)]
pub(super) struct Allow {
    /// The plugin; without it, the whole lock file is accepted as it is
    plugin: Option<String>,
    /// Grant only these of the servers that the plugin asks for, or of those that `https://*` asks for
    #[arg(long, value_name = "RULE", requires = "plugin")]
    network: Option<Vec<NetworkRule>>,
    /// Grant only these of the variables that the plugin asks for
    #[arg(long, value_name = "NAME", requires = "plugin")]
    env: Option<Vec<EnvName>>,
}

impl Allow {
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let folder = open.plugin_folder()?;
        let state = State::open()?;
        let lock = folder.lock()?;
        match &self.plugin {
            Some(name) => self.one(open, &folder, &state, lock, name).await,
            None => all(&folder, &state, lock),
        }
    }

    async fn one(
        &self,
        open: &Open,
        folder: &PluginFolder,
        state: &State,
        lock: Option<LockFile>,
        name: &str,
    ) -> anyhow::Result<ExitCode> {
        let listing = folder.list()?;
        let Some(found) = listing.found.iter().find(|found| found.name.as_str() == name) else {
            let names: Vec<_> = listing.found.iter().map(|found| found.name.as_str()).collect();
            bail!("no plugin {name:?} in {}; there are: {}", folder.path().display(), names.join(", "));
        };
        // Otherwise entries that nobody here looked at would come in with the new digest.
        if let Some(lock) = lock.as_ref().filter(|lock| lock.entries.keys().any(|entry| *entry != found.name))
            && !state.is_accepted(&folder.lock_path(), &lock.digest)?
        {
            bail!(
                "{} has entries that you have not accepted; run `toolcell allow` first",
                folder.lock_path().display()
            );
        }
        let inspection = plugin::inspect(&open.sandbox()?, folder, found, state).await?;
        let mut entries = lock.map(|lock| lock.entries).unwrap_or_default();
        let before = entries.get(&found.name).map(Entry::reviewed).unwrap_or_default();
        println!("{}: {}", terminal::bold(name), inspection.description.as_deref().unwrap_or("(no description)"));
        for (tool, description) in inspection.loaded.tools() {
            println!("  tool {tool}: {}", description.lines().next().unwrap_or_default());
        }
        let granted = if self.network.is_some() || self.env.is_some() {
            let network = self.network.clone().map(|rules| rules.into_iter().collect());
            inspection.asked.granted_by_naming(network, self.env.clone().map(|names| names.into_iter().collect()))?
        } else {
            inspection.asked.granted_by_default()
        };
        print_list("It asks to", &inspection.asked.in_words(), "nothing: it computes and answers");
        if !before.is_empty() {
            print_list("New since the last review", &inspection.asked.beyond(&before).in_words(), "nothing");
        }
        print_list("It would be granted to", &granted.in_words(), "nothing");
        if !ask("Grant this?")? {
            println!("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
        let entry = Entry::new(&inspection.asked, granted, inspection.loaded.tools, inspection.loaded.component);
        entries.insert(found.name.clone(), entry);
        write(folder, state, &entries)?;
        println!("written to {}", folder.lock_path().display());
        Ok(ExitCode::SUCCESS)
    }
}

/// Accepts the lock file as it is.
fn all(folder: &PluginFolder, state: &State, lock: Option<LockFile>) -> anyhow::Result<ExitCode> {
    let path = folder.lock_path();
    let Some(lock) = lock else { bail!("{} does not exist; run `toolcell allow PLUGIN`", path.display()) };
    if state.is_accepted(&path, &lock.digest)? {
        println!("you have accepted {} already", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} grants:", terminal::bold(&path.display().to_string()));
    for (name, entry) in &lock.entries {
        print_list(name.as_str(), &entry.granted.in_words(), "nothing: it computes and answers");
    }
    if !ask("Accept all of this?")? {
        println!("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    state.accept(&path, &lock.digest)?;
    println!("accepted");
    Ok(ExitCode::SUCCESS)
}

fn write(
    folder: &PluginFolder,
    state: &State,
    entries: &BTreeMap<crate::policy::PluginName, Entry>,
) -> anyhow::Result<()> {
    let path = folder.lock_path();
    let digest = LockFile::write(&path, entries).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(state.accept(&path, &digest)?)
}

fn ask(question: &str) -> anyhow::Result<bool> {
    terminal::confirm(question).context("this asks a person, and there is no terminal; run it in one")
}

fn print_list(title: &str, items: &[String], none: &str) {
    if items.is_empty() {
        println!("{title}: {none}");
        return;
    }
    println!("{title}:");
    items.iter().for_each(|item| println!("  - {item}"));
}
