use std::{collections::BTreeMap, io::Write, path::Path, process::ExitCode};

use clap::Args;

use super::{Open, checklist, progress, terminal};
use crate::{
    plugin::{
        self, Catalog, Inspection,
        acceptance::State,
        files::{Found, component_at},
        receivers,
    },
    policy::{Capabilities, EnvName, Grant, NotServed, PluginName},
    sandbox::Sandbox,
};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// A plugin, or the path of a component, FILE.wasm; all plugins without it
    #[arg(value_name = "PLUGIN|FILE")]
    what: Option<String>,
    /// Ask the ten questions of the checklist for production, with faults that are made for them
    #[arg(long)]
    strict: bool,
    /// Print the answers as JSON
    #[arg(long, requires = "strict")]
    json: bool,
}

impl Check {
    /// 0 when all that was asked about is served, or the file could be, or fails no question; 1 otherwise.
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        if self.strict {
            let passes = checklist::run(open, self.what.as_deref(), self.json).await?;
            return Ok(if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        let is_wasm = |what: &str| Path::new(what).extension().is_some_and(|end| end.eq_ignore_ascii_case("wasm"));
        let is_file = |what: &&String| what.contains('/') || is_wasm(what);
        let is_good = match self.what.as_ref().filter(is_file) {
            Some(path) if !Path::new(path).is_dir() => file(open, Path::new(path)).await?,
            _ => plugins(open, self.what.as_deref()).await?,
        };
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn plugins(open: &Open, written: Option<&str>) -> anyhow::Result<bool> {
    let sandbox = open.sandbox()?;
    let catalog = open.host(&sandbox).await?.catalog();
    let (folder, state, mut out) = (open.plugin_folder()?, State::open()?, terminal::stdout());
    let meant = open.meant(&folder, written)?;
    let mut is_good = true;
    for found in &meant {
        let unserved = catalog.unserved.iter().find(|plugin| plugin.name == found.name).map(|plugin| &plugin.reason);
        is_good &= unserved.is_none();
        status(open, &catalog, found, unserved, &mut out)?;
        let inspecting = plugin::inspect(&sandbox, &folder, found, &state);
        match progress::shown(&format!("compiling {}", found.name), inspecting).await {
            Ok(inspection) => {
                let path = folder.component_path(found, &folder.manifest(found)?);
                let gets = credentials(&sandbox, &catalog, &found.name);
                describe(&inspection, &path, grant(&catalog, &found.name), &gets, &mut out)?;
            }
            Err(reason) if Some(&reason) != unserved => problem(open, found, "   also", &reason, &mut out)?,
            Err(_) => {}
        }
    }
    super::warn(&catalog, &mut terminal::stderr())?;
    Ok(is_good)
}

/// Whether the plugin is served, and if not, why and what mends it.
fn status(
    open: &Open,
    catalog: &Catalog,
    found: &Found,
    unserved: Option<&NotServed>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let name = terminal::bold(found.name.as_str());
    if let Some(reason) = unserved {
        return problem(open, found, &format!("{} {name}", terminal::red("not served")), reason, out);
    }
    writeln!(out, "{} {name}", terminal::green("ok"))?;
    let served = catalog.served.iter().find(|plugin| plugin.name == found.name);
    for warning in served.map(|plugin| &plugin.warnings).into_iter().flatten() {
        writeln!(out, "   {} {warning}", terminal::yellow("warning:"))?;
    }
    Ok(())
}

fn problem(open: &Open, found: &Found, label: &str, reason: &NotServed, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{label}: {reason}")?;
    if let Some(mend) = open.advice(&found.name, reason) {
        writeln!(out, "   to mend: {mend}")?;
    }
    Ok(())
}

/// What calls of a plugin that is served may do, narrowed by toolcell.toml.
fn grant<'a>(catalog: &'a Catalog, plugin: &PluginName) -> Option<&'a Grant> {
    catalog.tools.iter().find(|tool| tool.plugin() == plugin.as_str()).map(|tool| tool.grant())
}

/// The credentials that requests of a plugin get, in words: servers, header fields and variables.
fn credentials(sandbox: &Sandbox, catalog: &Catalog, plugin: &PluginName) -> Vec<String> {
    let all = sandbox.credentials().all().iter();
    let own = all.filter(|credential| receivers(credential, catalog).contains(plugin.as_str()));
    own.map(|credential| {
        let variables: Vec<_> = credential.value.variables().map(EnvName::as_str).collect();
        let (header, name) = (&credential.header, credential.name());
        format!("`{header}` for {name}, made of {}, which it cannot read", variables.join(" and "))
    })
    .collect()
}

/// A component that is in no folder of plugins.
async fn file(open: &Open, path: &Path) -> anyhow::Result<bool> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name: Result<PluginName, _> = stem.parse();
    // Only the log names it.
    let loaded_as = name.clone().or_else(|_| "component".parse())?;
    let mut out = terminal::stdout();
    let compiling = format!("compiling {}", path.display());
    let wasm = component_at(path)?;
    let sandbox = open.sandbox()?;
    let inspected = progress::shown(&compiling, plugin::inspect_component(&sandbox, &wasm, &loaded_as)).await;
    let shown = terminal::bold(&path.display().to_string());
    match inspected {
        Ok(inspection) => {
            writeln!(out, "{} {shown}", terminal::green("ok"))?;
            describe(&inspection, path, None, &[], &mut out)?;
            let target = open.folder();
            let advice = match name {
                Ok(name) => {
                    format!("copy it into {}, then: {}", target.display(), open.command(&format!("allow {name}")))
                }
                Err(error) => format!("copy it into {} under another name: {error}", target.display()),
            };
            writeln!(out, "{}", terminal::hanging("   to serve it: ", &advice))?;
            Ok(true)
        }
        Err(reason) => {
            writeln!(out, "{} {shown}: {reason}", terminal::red("not usable"))?;
            Ok(false)
        }
    }
}

fn describe(
    inspection: &Inspection,
    component: &Path,
    grant: Option<&Grant>,
    credentials: &[String],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if let Some(description) = &inspection.description {
        writeln!(out, "{}", terminal::hanging("   ", description))?;
    }
    let mut row = |label: &str, text: &str| writeln!(out, "{}", terminal::hanging(&format!("   {label:10} "), text));
    row("tools", &inspection.shown_tools().collect::<Vec<_>>().join(", "))?;
    row("asks to", &words(&inspection.asked))?;
    if let Some(grant) = grant {
        row("may", &words(&grant.granted()))?;
        let exceptions: Vec<_> = grant.exceptions().map(|rule| format!("reach {rule}")).collect();
        if !exceptions.is_empty() {
            row("but not", &exceptions.join("; "))?;
        }
    }
    if !credentials.is_empty() {
        row("gets", &credentials.join("; "))?;
    }
    row("imports", &by_package(&inspection.imports).join(", "))?;
    row(
        "component",
        &format!("{}, {} KiB, {}", component.display(), inspection.size >> 10, inspection.loaded.component),
    )?;
    if inspection.sends_requests() && inspection.asked.network.is_empty() {
        let warning = "it can send requests and asks for no server, so each would be refused; plugin.toml names them in \
                       `network` under [capabilities]";
        writeln!(out, "   {} {warning}", terminal::yellow("warning:"))?;
    }
    Ok(())
}

/// Interfaces with those of one package together: `wasi:cli/{exit, stderr}@0.2.6`.
fn by_package(imports: &[String]) -> Vec<String> {
    let mut packages: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut others = Vec::new();
    for import in imports {
        match import.split_once('/').and_then(|(package, rest)| Some((package, rest.split_once('@')?))) {
            Some((package, (interface, version))) => packages.entry((package, version)).or_default().push(interface),
            None => others.push(import.clone()),
        }
    }
    let named = packages.into_iter().map(|((package, version), interfaces)| match interfaces.as_slice() {
        [interface] => format!("{package}/{interface}@{version}"),
        interfaces => format!("{package}/{{{}}}@{version}", interfaces.join(", ")),
    });
    named.chain(others).collect()
}

fn words(capabilities: &Capabilities) -> String {
    let words = capabilities.in_words();
    if words.is_empty() { "nothing: it computes and answers".to_owned() } else { words.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_one_package_stand_together() {
        let imports = ["toolcell:plugin/http@0.1.0", "wasi:cli/exit@0.2.6", "wasi:cli/stderr@0.2.6", "strange"];
        let shown = by_package(&imports.map(str::to_owned));
        assert_eq!(shown, ["toolcell:plugin/http@0.1.0", "wasi:cli/{exit, stderr}@0.2.6", "strange"]);
    }
}
