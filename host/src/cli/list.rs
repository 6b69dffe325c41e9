use std::process::ExitCode;

use clap::Args;

use super::{Open, terminal};

#[derive(Debug, Args)]
pub(super) struct List {}

impl List {
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let catalog = open.host().await?.catalog();
        let width = catalog.tools.iter().map(|tool| tool.name().len()).max().unwrap_or(0);
        for tool in &catalog.tools {
            let first = tool.description().split_inclusive(". ").next().unwrap_or_default().trim();
            println!("{:width$}  {first} [{}]", tool.name(), tool.plugin());
        }
        for plugin in &catalog.unserved {
            let mend = plugin.reason.mend(&plugin.name).map(|mend| format!("; run: {mend}")).unwrap_or_default();
            eprintln!("{} {}: {}{mend}", terminal::red("not served"), plugin.name, plugin.reason);
        }
        Ok(ExitCode::SUCCESS)
    }
}
