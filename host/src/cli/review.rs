//! What a person reads before they grant something, and what their yes writes. `allow` and `call` share it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::Args;

use super::{Open, progress, terminal};
use crate::{
    plugin::{
        self, Inspection,
        acceptance::State,
        files::{Found, PluginFolder},
        lock::LockFile,
    },
    policy::{Capabilities, DatabaseName, Entry, EnvName, FolderChoice, NetworkRule},
    sandbox::Sandbox,
};

/// Less than a plugin asks for.
#[derive(Debug, Default, Args)]
pub(super) struct Choice {
    /// Grant only these of the servers that the plugin asks for, or of those that `https://*` asks for
    #[arg(long, value_name = "RULE", requires = "plugin")]
    network: Option<Vec<NetworkRule>>,
    /// Grant only these of the variables that the plugin asks for
    #[arg(long, value_name = "NAME", requires = "plugin")]
    env: Option<Vec<EnvName>>,
    /// Grant only these of the databases that the plugin asks for
    #[arg(long, value_name = "NAME", requires = "plugin")]
    postgres: Option<Vec<DatabaseName>>,
    /// Grant only these of the folders that the plugin asks for; PATH:read to let it read there and not write
    #[arg(long, value_name = "PATH", requires = "plugin")]
    files: Option<Vec<FolderChoice>>,
}

/// Shows on `out` what one plugin asks for, asks for a yes and writes the plugin's entry. False for a no.
pub(super) async fn plugin(
    open: &Open,
    sandbox: &Arc<Sandbox>,
    folder: &PluginFolder,
    found: &Found,
    state: &State,
    choice: &Choice,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let lock = folder.lock()?;
    // Otherwise entries that nobody here looked at would come in with the new digest.
    if let Some(lock) = lock.as_ref().filter(|lock| lock.entries.keys().any(|entry| *entry != found.name))
        && !state.is_accepted(&folder.lock_path(), &lock.digest)?
    {
        let (path, command) = (folder.lock_path(), open.command("allow"));
        bail!("{} has entries that you have not accepted; run `{command}` first", path.display());
    }
    let name = &found.name;
    let compiling = format!("compiling {name}");
    let inspection = progress::shown(&compiling, plugin::inspect(sandbox, folder, found, state)).await;
    let inspection = inspection.map_err(|reason| {
        let mend = open.advice(name, &reason).map(|mend| format!("\nTo mend: {mend}")).unwrap_or_default();
        anyhow::anyhow!("plugin {name}: {reason}{mend}")
    })?;
    let mut entries = lock.map(|lock| lock.entries).unwrap_or_default();
    let before = entries.get(name).map(Entry::reviewed).unwrap_or_default();
    let granted = choice.of(&inspection.asked)?;
    show(name.as_str(), &inspection, &before, &granted, out)?;
    let question = if inspection.asked.is_empty() { "Serve it?" } else { "Grant this?" };
    if !agreed(question, out)? {
        return Ok(false);
    }
    let entry = Entry::new(&inspection.asked, granted, inspection.loaded.tools, inspection.loaded.component);
    entries.insert(name.clone(), entry);
    write(folder, state, &entries)?;
    writeln!(out, "written to {}", folder.lock_path().display())?;
    Ok(true)
}

/// Shows on `out` what the lock file grants, asks for a yes and accepts the file as it is. False for a no.
pub(super) fn lock_file(
    open: &Open,
    folder: &PluginFolder,
    state: &State,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let path = folder.lock_path();
    let Some(lock) = folder.lock()? else {
        let names: Vec<_> = folder.list()?.found.iter().map(|found| found.name.to_string()).collect();
        let what = match names.as_slice() {
            [] => "the folder holds no plugin".to_owned(),
            [name] => format!("to review the plugin: {}", open.command(&format!("allow {name}"))),
            names => format!("to review one of {}: {}", names.join(", "), open.command("allow PLUGIN")),
        };
        bail!("{} does not exist; {what}", path.display());
    };
    if state.is_accepted(&path, &lock.digest)? {
        writeln!(out, "you have accepted {} already", path.display())?;
        return Ok(true);
    }
    writeln!(out, "{} grants:", terminal::bold(&path.display().to_string()))?;
    for (name, entry) in &lock.entries {
        list(name.as_str(), &entry.granted.in_words(), NOTHING, out)?;
    }
    if !agreed("Accept all of this?", out)? {
        return Ok(false);
    }
    state.accept(&path, &lock.digest)?;
    writeln!(out, "accepted")?;
    Ok(true)
}

impl Choice {
    fn of(&self, asked: &Capabilities) -> anyhow::Result<Capabilities> {
        let (network, env, postgres) =
            (set(self.network.as_ref()), set(self.env.as_ref()), set(self.postgres.as_ref()));
        Ok(asked.granted_by_naming(network, env, postgres, self.files.as_deref())?)
    }
}

fn set<T: Clone + Ord>(named: Option<&Vec<T>>) -> Option<BTreeSet<T>> {
    named.map(|named| named.iter().cloned().collect())
}

fn show(
    name: &str,
    inspection: &Inspection,
    before: &Capabilities,
    granted: &Capabilities,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(out, "{}: {}", terminal::bold(name), inspection.description.as_deref().unwrap_or("(no description)"))?;
    for (tool, description) in inspection.loaded.tools() {
        let first = description.lines().next().unwrap_or_default();
        writeln!(out, "{}", terminal::hanging("  tool ", &format!("{tool}: {first}")))?;
    }
    list("It asks to", &inspection.asked.in_words(), NOTHING, out)?;
    if inspection.asked.is_empty() && before.is_empty() {
        return Ok(());
    }
    if !before.is_empty() {
        list("New since the last review", &inspection.asked.beyond(before).in_words(), "nothing", out)?;
    }
    list("It would be granted to", &granted.in_words(), "nothing", out)?;
    if granted.network.is_empty() && inspection.asked.network.iter().any(NetworkRule::is_any) {
        writeln!(out, "To let it reach servers, name them, now or later: --network https://SERVER")?;
    }
    Ok(())
}

/// Of a plugin that names no server, variable, database, folder, cache or limit above the defaults.
const NOTHING: &str = "nothing: it computes and answers";

fn list(title: &str, items: &[String], none: &str, out: &mut impl Write) -> anyhow::Result<()> {
    if items.is_empty() {
        writeln!(out, "{title}: {none}")?;
        return Ok(());
    }
    writeln!(out, "{title}:")?;
    items.iter().try_for_each(|item| Ok(writeln!(out, "  - {item}")?))
}

fn agreed(question: &str, out: &mut impl Write) -> anyhow::Result<bool> {
    out.flush()?;
    let agreed = terminal::confirm(question).context("this asks a person, and there is no terminal; run it in one")?;
    if !agreed {
        writeln!(out, "nothing was changed")?;
    }
    Ok(agreed)
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
