//! What `call` does about a tool that is not served: it finds out whose it is, and asks the person at the terminal for the
//! grant that is missing.

use std::sync::Arc;

use anyhow::{Context, bail};

use super::{
    Open, progress,
    review::{self, Choice},
    terminal,
};
use crate::{
    host::Host,
    nearest::did_you_mean,
    plugin::{self, Catalog, Unserved, acceptance::State},
    policy::NotServed,
    sandbox::Sandbox,
};

/// Returns once the host serves the tool.
///
/// # Errors
///
/// There is no such tool; a person said no, or there is none to ask; its plugin is not served for a reason that a yes does
/// not mend.
pub(super) async fn serve(open: &Open, sandbox: &Arc<Sandbox>, host: &Host, tool: &str) -> anyhow::Result<()> {
    let mut asked = None;
    loop {
        let catalog = host.catalog();
        if catalog.get(tool).is_some() {
            return Ok(());
        }
        let owner = progress::shown("looking for the tool", owner(open, sandbox, &catalog, tool)).await?;
        let Some(plugin) = owner else { bail!(unknown(open, &catalog, tool)) };
        let reason = format!("tool {tool:?} is not served, because plugin {} is not: {}", plugin.name, plugin.reason);
        let Some(mend) = open.advice(&plugin.name, &plugin.reason) else { bail!(reason) };
        // A yes that changes nothing must not be asked for again.
        if !is_for_a_person(&plugin.reason) || asked.as_ref() == Some(&plugin.reason) {
            bail!("{reason}\nTo mend: {mend}");
        }
        if !terminal::has_person() {
            bail!("{reason}\nA person has to run `{mend}` in a terminal; then call again");
        }
        if !ask(open, sandbox, plugin).await? {
            bail!("{reason}");
        }
        asked = Some(plugin.reason.clone());
        host.registry().reload().await?;
    }
}

/// The plugin that is not served and has the tool.
async fn owner<'a>(
    open: &Open,
    sandbox: &Arc<Sandbox>,
    catalog: &'a Catalog,
    tool: &str,
) -> anyhow::Result<Option<&'a Unserved>> {
    let (folder, state) = (open.plugin_folder()?, State::open()?);
    for found in folder.list()?.found {
        let Some(plugin) = catalog.unserved.iter().find(|plugin| plugin.name == found.name) else { continue };
        // One that cannot be loaded lists no tools; `toolcell list` says why.
        let Ok(inspection) = plugin::inspect(sandbox, &folder, &found, &state).await else { continue };
        if inspection.shown_tools().any(|shown| shown == tool) {
            return Ok(Some(plugin));
        }
    }
    Ok(None)
}

fn unknown(open: &Open, catalog: &Catalog, tool: &str) -> String {
    let meant = did_you_mean(tool, catalog.tools.iter().map(|tool| tool.name()));
    let unserved = catalog.unserved.iter().map(|plugin| format!("{} ({})", plugin.name, plugin.reason.brief()));
    let unserved: Vec<_> = unserved.collect();
    let hidden = if unserved.is_empty() { String::new() } else { format!("\nNot served: {}", unserved.join(", ")) };
    format!("unknown tool {tool:?}{meant}{hidden}\nSee: {}", open.command("list"))
}

/// Whether a person's yes mends it.
fn is_for_a_person(reason: &NotServed) -> bool {
    use NotServed::{AsksForMore, ComponentChanged, LockNotAccepted, NotReviewed, ToolsChanged};
    matches!(reason, NotReviewed | LockNotAccepted | AsksForMore(_) | ComponentChanged | ToolsChanged)
}

/// As `allow` does, but beside the answer of the call.
async fn ask(open: &Open, sandbox: &Arc<Sandbox>, plugin: &Unserved) -> anyhow::Result<bool> {
    let (folder, state, mut out) = (open.plugin_folder()?, State::open()?, terminal::stderr());
    if plugin.reason == NotServed::LockNotAccepted {
        return review::lock_file(open, &folder, &state, &mut out);
    }
    let listing = folder.list()?;
    let found = listing.found.iter().find(|found| found.name == plugin.name).context("the plugin was removed")?;
    review::plugin(open, sandbox, &folder, found, &state, &Choice::default(), &mut out).await
}
