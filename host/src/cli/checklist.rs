//! `check --strict`: the answers of the checklist, for people and for programs.

use std::{io::Write, sync::Arc};

use serde::Serialize;

use super::{Open, progress, terminal};
use crate::{
    checklist::{self, Answer, Finding, Verdict},
    plugin::files::{Found, PluginFolder},
    sandbox::Sandbox,
    text,
};

/// The answers about one plugin.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    plugin: String,
    verdict: Verdict,
    /// Why there are no answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    answers: Vec<Answer>,
    /// What is told beside them.
    notes: Vec<String>,
}

/// Asks all questions about the plugins that are meant. Whether none of them failed.
pub(super) async fn run(open: &Open, written: Option<&str>, json: bool) -> anyhow::Result<bool> {
    let (folder, sandbox) = (open.plugin_folder()?, open.sandbox()?);
    let mut all = Vec::new();
    for found in open.meant(&folder, written)? {
        let checking = check(open, &sandbox, &folder, &found);
        all.push(progress::shown(&format!("running {}", found.name), checking).await);
    }
    let mut out = terminal::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else {
        all.iter().try_for_each(|checked| write(checked, &mut out))?;
    }
    Ok(all.iter().all(|checked| checked.verdict < Verdict::Fail))
}

async fn check(open: &Open, sandbox: &Arc<Sandbox>, folder: &PluginFolder, found: &Found) -> Checked {
    let plugin = found.name.to_string();
    match checklist::collect(sandbox, folder, found).await {
        Ok(facts) => {
            let answers = checklist::judge(&facts);
            let verdict = answers.iter().map(|answer| answer.verdict).max().unwrap_or(Verdict::Pass);
            Checked { plugin, verdict, problem: None, answers, notes: checklist::notes(&facts) }
        }
        Err(reason) => {
            let mend = open.advice(&found.name, &reason).map(|mend| format!("; to mend: {mend}"));
            let problem = Some(format!("{reason}{}", mend.unwrap_or_default()));
            Checked { plugin, verdict: Verdict::Fail, problem, answers: Vec::new(), notes: Vec::new() }
        }
    }
}

fn write(checked: &Checked, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}", terminal::bold(&checked.plugin))?;
    if let Some(problem) = &checked.problem {
        writeln!(out, "   {} {problem}", terminal::red("not checked:"))?;
        return Ok(());
    }
    for Answer { rule, says, verdict, findings } in &checked.answers {
        let shown = match verdict {
            Verdict::Pass => terminal::green("pass"),
            Verdict::Warn => terminal::yellow("warn"),
            Verdict::Fail => terminal::red("fail"),
        };
        writeln!(out, "   {shown}  {rule:2}  {says}")?;
        for Finding { place, says, .. } in findings {
            let finding = text::shown(&format!("{place}: {says}"), 1_000);
            writeln!(out, "{}", terminal::hanging("             ", &finding))?;
        }
    }
    for note in &checked.notes {
        writeln!(out, "{}", terminal::hanging("   note      ", &text::shown(note, 1_000)))?;
    }
    let count = |verdict| checked.answers.iter().filter(|answer| answer.verdict == verdict).count();
    let line = match (count(Verdict::Fail), count(Verdict::Warn)) {
        (0, 0) => "All ten pass.".to_owned(),
        (0, warned) => format!("None fails; {warned} to look at."),
        (failed, 0) => format!("{} of ten pass; {failed} to mend.", count(Verdict::Pass)),
        (failed, warned) => {
            format!("{} of ten pass; {failed} to mend, {warned} to look at.", count(Verdict::Pass))
        }
    };
    writeln!(out, "   {}\n", terminal::bold(&line))?;
    Ok(())
}
