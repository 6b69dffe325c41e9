use std::{collections::BTreeSet, io::Write, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use serde::Serialize;

use super::{Open, progress, terminal};
use crate::{
    host::Host,
    plugin::{examples::Example, files::Found, files::PluginFolder},
    sandbox::Sandbox,
    smoke::{self, Run},
    text,
    trial::Trial,
};

#[derive(Debug, Args)]
pub(super) struct Smoke {
    /// The plugin; all without it
    plugin: Option<String>,
    /// Call the real servers, with what each plugin is granted
    #[arg(long)]
    live: bool,
    /// Print the results as one JSON object
    #[arg(long)]
    json: bool,
}

/// What came of all examples.
#[derive(Debug, Serialize)]
struct Results {
    live: bool,
    holds: bool,
    plugins: Vec<PluginResults>,
}

#[derive(Debug, Serialize)]
struct PluginResults {
    plugin: String,
    /// Why none of its examples was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    examples: Vec<ExampleResult>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExampleResult {
    example: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_ms: Option<f64>,
}

impl Smoke {
    /// 0 when all examples hold and there is one; 1 otherwise.
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let (folder, sandbox) = (open.plugin_folder()?, open.sandbox()?);
        let meant = open.meant(&folder, self.plugin.as_deref())?;
        let host = if self.live { Some(open.host(&sandbox).await?) } else { None };
        let mut plugins = Vec::new();
        for found in &meant {
            let running = plugin(open, &sandbox, &folder, found, host.as_deref());
            plugins.push(progress::shown(&format!("running the examples of {}", found.name), running).await);
        }
        let is_good = |plugin: &PluginResults| plugin.problem.is_none() && plugin.examples.iter().all(|it| it.holds);
        let some = plugins.iter().any(|plugin| !plugin.examples.is_empty());
        let results = Results { live: self.live, holds: some && plugins.iter().all(is_good), plugins };
        let mut out = terminal::stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&results)?)?;
        } else {
            write(&results, &mut out)?;
        }
        Ok(if results.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn plugin(
    open: &Open,
    sandbox: &Arc<Sandbox>,
    folder: &PluginFolder,
    found: &Found,
    host: Option<&Host>,
) -> PluginResults {
    let name = found.name.to_string();
    let none = |problem| PluginResults { plugin: name.clone(), problem: Some(problem), examples: Vec::new() };
    let examples = folder.examples(found);
    if examples.is_empty() {
        return PluginResults { plugin: name, problem: None, examples: Vec::new() };
    }
    let mended = |reason| {
        let mend = open.advice(&found.name, &reason).map(|mend| format!("; to mend: {mend}"));
        format!("{reason}{}", mend.unwrap_or_default())
    };
    if let Some(host) = host
        && let Some(unserved) = host.catalog().unserved.iter().find(|unserved| unserved.name == found.name)
    {
        return none(mended(unserved.reason.clone()));
    }
    let trial = match Trial::load(sandbox, folder, found).await {
        Ok(trial) => trial,
        Err(reason) => return none(mended(reason)),
    };
    let mut results = Vec::new();
    for example in examples {
        results.push(match example {
            Ok(example) => {
                let offline = smoke::offline(&trial, &example).await;
                let run = match host {
                    Some(host) if offline.problem.is_none() => live(host, found, &example).await,
                    _ => offline,
                };
                ExampleResult::of(example, &run)
            }
            Err(error) => ExampleResult::unreadable(&error.file, error.to_string()),
        });
    }
    PluginResults { plugin: name, problem: None, examples: results }
}

async fn live(host: &Host, found: &Found, example: &Example) -> Run {
    let catalog = host.catalog();
    let is_meant =
        |tool: &&Arc<crate::plugin::Tool>| tool.plugin() == found.name.as_str() && tool.own_name() == example.tool;
    // A tool that toolcell.toml takes away is unknown under any name.
    let shown = catalog.tools.iter().find(is_meant).map_or(example.tool.as_str(), |tool| tool.name());
    smoke::live(host, shown, example).await
}

impl ExampleResult {
    fn of(example: Example, run: &Run) -> Self {
        Self {
            example: example.name,
            tool: Some(example.tool),
            holds: run.problem.is_none(),
            problem: run.problem.clone(),
            elapsed_ms: Some(milliseconds(run.elapsed)),
        }
    }

    fn unreadable(file: &str, problem: String) -> Self {
        let name = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".json");
        Self { example: name.to_owned(), tool: None, holds: false, problem: Some(problem), elapsed_ms: None }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

fn write(results: &Results, out: &mut impl Write) -> anyhow::Result<()> {
    let examples = || results.plugins.iter().flat_map(|plugin| &plugin.examples);
    let width = |of: fn(&ExampleResult) -> &str| examples().map(|it| of(it).chars().count()).max().unwrap_or(0);
    let names = width(|it| &it.example);
    let tools = width(|it| it.tool.as_deref().unwrap_or_default());
    for plugin in &results.plugins {
        let name = terminal::bold(&plugin.plugin);
        match &plugin.problem {
            Some(problem) => writeln!(out, "{name}: {}: {problem}", terminal::red("not run"))?,
            None if plugin.examples.is_empty() => writeln!(out, "{name}: {}", terminal::yellow("no examples"))?,
            None => writeln!(out, "{name}")?,
        }
        for example in &plugin.examples {
            let verdict = if example.holds { terminal::green("holds") } else { terminal::red("fails") };
            let tool = example.tool.as_deref().unwrap_or_default();
            let took = example.elapsed_ms.map(|ms| format!("{ms:9.2} ms")).unwrap_or_default();
            writeln!(out, "{}", format!("   {verdict}  {:names$}  {tool:tools$}{took}", example.example).trim_end())?;
            if let Some(problem) = &example.problem {
                writeln!(out, "{}", terminal::hanging("          ", &text::shown(problem, 2_000)))?;
            }
        }
    }
    writeln!(out, "\n{}", last_line(results))?;
    Ok(())
}

/// The line that people look for.
fn last_line(results: &Results) -> String {
    let ran = || results.plugins.iter().filter(|plugin| !plugin.examples.is_empty());
    let total: usize = ran().map(|plugin| plugin.examples.len()).sum();
    let failed: Vec<_> = ran()
        .flat_map(|plugin| {
            let failed = plugin.examples.iter().filter(|it| !it.holds);
            failed.map(|it| format!("{}/{}", plugin.plugin, it.example))
        })
        .collect();
    let not_run: BTreeSet<_> = results.plugins.iter().filter(|it| it.problem.is_some()).map(|it| &*it.plugin).collect();
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let mut line = if !failed.is_empty() {
        let verb = if failed.len() == 1 { "does" } else { "do" };
        format!("{} of {} {verb} not hold: {}.", failed.len(), count(total, "example"), failed.join(", "))
    } else if total == 0 {
        "No example was run.".to_owned()
    } else {
        let where_to = if results.live { "live" } else { "and nothing left this machine" };
        match total {
            1 => format!("The only example holds, {where_to}."),
            _ => format!("All {total} examples of {} hold, {where_to}.", count(ran().count(), "plugin")),
        }
    };
    if !not_run.is_empty() {
        line.push_str(&format!(" Not run: {}.", not_run.into_iter().collect::<Vec<_>>().join(", ")));
    }
    line
}
