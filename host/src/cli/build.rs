use std::{fs, io::Write, process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use clap::Args;
use toolcell_toolchain::{GuestBuild, Targets, Toolchain};

use super::{Open, progress, terminal};
use crate::{
    plugin::{
        self,
        acceptance::State,
        files::{Found, PluginFolder},
    },
    policy::Digest,
    sandbox::Sandbox,
};

#[derive(Debug, Args)]
pub(super) struct Build {
    /// The plugin; all that have Rust source without it
    plugin: Option<String>,
    /// Keep line tables, so that a trap that is no panic names its source line, in a component several times as large
    #[arg(long)]
    line_tables: bool,
}

impl Build {
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let folder = open.plugin_folder()?;
        let found = folder.list()?.found;
        let meant = match &self.plugin {
            Some(written) => vec![with_source(open, &folder, &found, &open.plugin_name(written))?],
            None => found.iter().filter(|found| folder.has_source(found)).collect(),
        };
        if meant.is_empty() {
            let start = open.command("new NAME");
            bail!(
                "no plugin in {} has a plugin.toml and a Cargo.toml to build from; to start one: {start}",
                folder.path().display()
            );
        }
        let notify = &mut |step: &str| drop(writeln!(terminal::stderr(), "{step}"));
        let toolchain = Toolchain::locate(folder.path(), notify)?;
        let (sandbox, state) = (open.sandbox()?, State::open()?);
        for found in meant {
            self.build(open, &toolchain, &folder, found, &sandbox, &state)
                .await
                .with_context(|| format!("plugin {}", found.name))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// From source to a component whose machine code is in the cache, so that the first `tools/list` does not wait for it.
    async fn build(
        &self,
        open: &Open,
        toolchain: &Toolchain,
        folder: &PluginFolder,
        found: &Found,
        sandbox: &Arc<Sandbox>,
        state: &State,
    ) -> anyhow::Result<()> {
        let manifest = folder.manifest(found)?;
        let manifest_path = folder.path().join(found.name.as_str()).join("Cargo.toml");
        let guest =
            GuestBuild { manifest_path, target_dir: None, targets: Targets::Library, line_tables: self.line_tables };
        let artifacts = toolchain.build(&guest)?;
        let [artifact] = artifacts.as_slice() else { bail!("expected one component and got {}", artifacts.len()) };
        let component = folder.component_path(found, &manifest);
        let wasm = fs::read(&artifact.component)?;
        fs::write(&component, &wasm).with_context(|| format!("{} cannot be written", component.display()))?;
        state.record_build(&component, &Digest::of(&wasm))?;
        let compiling = format!("compiling {}", found.name);
        let inspection = progress::shown(&compiling, plugin::inspect(sandbox, folder, found, state)).await?;
        let tools: Vec<_> = inspection.loaded.tools().map(|(name, _)| name).collect();
        let mut out = terminal::stdout();
        writeln!(out, "{} {}: {} ({} KiB)", terminal::green("built"), found.name, tools.join(", "), wasm.len() >> 10)?;
        let is_reviewed = folder.lock()?.is_some_and(|lock| lock.entries.contains_key(&found.name));
        if !is_reviewed {
            writeln!(out, "   nobody has reviewed it yet: {}", open.command(&format!("allow {}", found.name)))?;
        }
        Ok(())
    }
}

fn with_source<'a>(open: &Open, folder: &PluginFolder, found: &'a [Found], name: &str) -> anyhow::Result<&'a Found> {
    match found.iter().find(|found| found.name.as_str() == name) {
        Some(found) if folder.has_source(found) => Ok(found),
        Some(_) => bail!("plugin {name} has no Cargo.toml in {}: there is nothing to build", folder.path().display()),
        None => Err(open.no_plugin(name, found)),
    }
}
