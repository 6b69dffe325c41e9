use std::{fs, process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use clap::Args;
use toolcell_toolchain::{GuestBuild, Targets, Toolchain};

use super::{Open, terminal};
use crate::{
    plugin::{
        self,
        acceptance::State,
        files::{Found, Layout, PluginFolder},
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
        let listing = folder.list()?;
        let has_source = |found: &&Found| {
            found.layout == Layout::Folder && folder.path().join(found.name.as_str()).join("Cargo.toml").is_file()
        };
        let is_meant = |found: &&Found| self.plugin.as_ref().is_none_or(|plugin| *plugin == found.name.as_str());
        let meant: Vec<_> = listing.found.iter().filter(is_meant).filter(has_source).collect();
        if meant.is_empty() {
            bail!("no plugin with a plugin.toml and a Cargo.toml to build in {}", folder.path().display());
        }
        let toolchain = Toolchain::locate(folder.path(), &mut |step| eprintln!("{step}"))?;
        let (sandbox, state) = (open.sandbox()?, State::open()?);
        for found in meant {
            build(&toolchain, self.line_tables, &folder, found, &sandbox, &state)
                .await
                .with_context(|| format!("plugin {}", found.name))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// From source to a component whose machine code is in the cache, so that the first `tools/list` does not wait for it.
async fn build(
    toolchain: &Toolchain,
    line_tables: bool,
    folder: &PluginFolder,
    found: &Found,
    sandbox: &Arc<Sandbox>,
    state: &State,
) -> anyhow::Result<()> {
    let manifest = folder.manifest(found)?;
    let manifest_path = folder.path().join(found.name.as_str()).join("Cargo.toml");
    let guest = GuestBuild { manifest_path, target_dir: None, targets: Targets::Library, line_tables };
    let artifacts = toolchain.build(&guest)?;
    let [artifact] = artifacts.as_slice() else { bail!("expected one component and got {}", artifacts.len()) };
    let component = folder.component_path(found, &manifest);
    let wasm = fs::read(&artifact.component)?;
    fs::write(&component, &wasm).with_context(|| format!("{} cannot be written", component.display()))?;
    state.record_build(&component, &Digest::of(&wasm))?;
    let inspection = plugin::inspect(sandbox, folder, found, state).await?;
    let tools: Vec<_> = inspection.loaded.tools().map(|(name, _)| name).collect();
    println!("{} {}: {} ({} KiB)", terminal::green("built"), found.name, tools.join(", "), wasm.len() >> 10);
    Ok(())
}
