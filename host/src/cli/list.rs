use std::{io::Write, process::ExitCode};

use clap::Args;

use super::{Open, terminal};
use crate::plugin::{Catalog, Tool, receivers};

#[derive(Debug, Args)]
pub(super) struct List {}

impl List {
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let sandbox = open.sandbox()?;
        let catalog = open.host(&sandbox).await?.catalog();
        let mut out = terminal::stdout();
        for line in tools(&catalog) {
            writeln!(out, "{line}")?;
        }
        let mut aside = terminal::stderr();
        if catalog.tools.is_empty() && catalog.unserved.is_empty() {
            let start = open.command("new NAME");
            writeln!(aside, "the folder {} holds no plugin; to start one: {start}", open.folder().display())?;
        }
        for (reason, names) in unserved(open, &catalog) {
            writeln!(aside, "{} {}: {reason}", terminal::red("not served"), names.join(", "))?;
        }
        for credential in sandbox.credentials().all() {
            let receivers: Vec<_> = receivers(credential, &catalog).into_iter().collect();
            if !receivers.is_empty() {
                let name = credential.name();
                writeln!(aside, "requests to {name} get a credential from the host: {}", receivers.join(", "))?;
            }
        }
        super::warn(&catalog, &mut aside)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A table of tool, plugin and what the tool does, in lines that fit the terminal.
fn tools(catalog: &Catalog) -> Vec<String> {
    let width = |of: fn(&Tool) -> &str| catalog.tools.iter().map(|tool| of(tool).len()).max().unwrap_or(0);
    let (names, plugins) = (width(Tool::name), width(Tool::plugin));
    let row = |tool: &Tool| {
        let label = format!("{:names$}  {:plugins$}  ", tool.name(), tool.plugin());
        let sentence = first_sentence(tool.description());
        // Beside long names there is too little room to read a sentence in.
        if label.len() <= terminal::width() / 2 {
            terminal::hanging(&label, sentence)
        } else {
            format!("{}\n{}", label.trim_end(), terminal::hanging("    ", sentence))
        }
    };
    catalog.tools.iter().map(|tool| row(tool)).collect()
}

/// Why plugins are not served, with what mends it; those that one command mends together.
fn unserved<'a>(open: &Open, catalog: &'a Catalog) -> Vec<(String, Vec<&'a str>)> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for plugin in &catalog.unserved {
        let mend = open.mend(&plugin.name, &plugin.reason).map(|mend| format!("\n   to mend: {mend}"));
        let text = format!("{}{}", plugin.reason, mend.unwrap_or_default());
        match reasons.iter_mut().find(|(reason, _)| *reason == text) {
            Some((_, names)) => names.push(plugin.name.as_str()),
            None => reasons.push((text, vec![plugin.name.as_str()])),
        }
    }
    reasons
}

/// To the first full stop with a capital letter or a quoted name after it, or to the end of the paragraph.
pub(super) fn first_sentence(text: &str) -> &str {
    let paragraph = text.trim().split("\n\n").next().unwrap_or_default();
    let ends = |at: &usize| {
        let after = &paragraph[at + 1..];
        let next = after.trim_start();
        next.len() < after.len() && next.starts_with(|c: char| c.is_uppercase() || "`\"".contains(c))
    };
    let end = paragraph.match_indices('.').map(|(at, _)| at).find(ends);
    end.map_or(paragraph, |at| &paragraph[..=at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_at_its_full_stop() {
        for (text, first) in [
            ("Counts words. Reaches nothing.", "Counts words."),
            ("Counts words, e.g. of a poem", "Counts words, e.g. of a poem"),
            ("Reads version 2.0 of a\nfile.\n`x` is optional.", "Reads version 2.0 of a\nfile."),
            ("Counts\n\nReaches nothing. Never.", "Counts"),
            ("", ""),
        ] {
            assert_eq!(first_sentence(text), first);
        }
    }
}
