use std::process::ExitCode;

use clap::Args;

use super::{Open, terminal};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The plugin; all of them without it
    plugin: Option<String>,
}

impl Check {
    /// 0 when everything asked about is served, 1 when something is not.
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let catalog = open.host().await?.catalog();
        let is_meant = |name: &str| self.plugin.as_ref().is_none_or(|plugin| plugin == name);
        let (mut seen, mut is_good) = (0, true);
        for plugin in catalog.served.iter().filter(|plugin| is_meant(plugin.name.as_str())) {
            seen += 1;
            println!("{} {}", terminal::green("ok"), terminal::bold(plugin.name.as_str()));
            for tool in catalog.tools.iter().filter(|tool| tool.plugin() == plugin.name.as_str()) {
                println!("   tool {}", tool.name());
            }
            let tool = catalog.tools.iter().find(|tool| tool.plugin() == plugin.name.as_str());
            if let Some(grant) = tool.map(|tool| tool.grant()) {
                grant.network().iter().for_each(|rule| println!("   may reach {rule}"));
                grant.env().iter().for_each(|name| println!("   may read the variable {}", name.as_str()));
                if grant.network().is_empty() && grant.env().is_empty() {
                    println!("   may reach nothing");
                }
            }
        }
        for plugin in catalog.unserved.iter().filter(|plugin| is_meant(plugin.name.as_str())) {
            seen += 1;
            is_good = false;
            println!("{} {}: {}", terminal::red("not served"), terminal::bold(plugin.name.as_str()), plugin.reason);
            // A mend that is this very command would send people in circles.
            if let Some(mend) = plugin.reason.mend(&plugin.name).filter(|mend| !mend.starts_with("toolcell check")) {
                println!("   to mend: {mend}");
            }
        }
        if seen == 0 {
            let what = self.plugin.map_or_else(|| "no plugin".to_owned(), |name| format!("no plugin {name:?}"));
            anyhow::bail!(
                "{what} in {}; a plugin is a folder with a plugin.toml, or a NAME.wasm",
                open.folder().display()
            );
        }
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
