use std::process::ExitCode;

use clap::Args;

use super::{
    Open,
    review::{self, Choice},
    terminal,
};
use crate::plugin::acceptance::State;

#[derive(Debug, Args)]
pub(super) struct Allow {
    /// The plugin; without it, the whole lock file is accepted as it is
    plugin: Option<String>,
    #[command(flatten)]
    choice: Choice,
}

impl Allow {
    /// 0 when it was granted, 1 when not.
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let folder = open.plugin_folder()?;
        let (state, mut out) = (State::open()?, terminal::stdout());
        let agreed = match &self.plugin {
            Some(written) => {
                let name = &open.plugin_name(written);
                let listing = folder.list()?;
                let Some(found) = listing.found.iter().find(|found| found.name.as_str() == name) else {
                    return Err(open.no_plugin(name, &listing.found));
                };
                let sandbox = open.sandbox()?;
                review::plugin(open, &sandbox, &folder, found, &state, &self.choice, &mut out).await?
            }
            None => review::lock_file(open, &folder, &state, &mut out)?,
        };
        Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
