use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::Args;

use super::{Open, progress, terminal};
use crate::{
    build::Project,
    plugin::{
        self, Language,
        acceptance::State,
        files::{Found, PluginFolder},
    },
    policy::Digest,
    sandbox::Sandbox,
    wit_package,
    write_file::{self, Readers},
};

#[derive(Debug, Args)]
pub(super) struct Build {
    /// The plugin; all that have source without it. With --wit a file, finished.wasm
    plugin: Option<String>,
    /// Build nothing: put this folder or file of WIT into the finished component, so that its comments describe the tools
    #[arg(long, value_name = "WIT", requires = "plugin", conflicts_with = "line_tables")]
    wit: Option<PathBuf>,
    /// Keep line tables, so that a trap that is no panic names its source line, in a component several times as large
    #[arg(long)]
    line_tables: bool,
}

impl Build {
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        if let (Some(wit), Some(component)) = (&self.wit, &self.plugin) {
            return pack(Path::new(component), wit);
        }
        let folder = open.plugin_folder()?;
        let found = folder.list()?.found;
        let with_source = |found: &Found| Some((found.clone(), folder.language(found)?));
        let meant: Vec<_> = match &self.plugin {
            Some(written) => {
                let name = open.plugin_name(written);
                let named = found.iter().find(|found| found.name.as_str() == name);
                let named = named.ok_or_else(|| open.no_plugin(&name, &found))?;
                with_source(named).into_iter().collect()
            }
            None => found.iter().filter_map(with_source).collect(),
        };
        if meant.is_empty() {
            let shown = folder.path().display();
            match &self.plugin {
                Some(written) => bail!("plugin {written} has no source in {shown}: there is nothing to build"),
                None => bail!(
                    "no plugin in {shown} has a plugin.toml and source to build from; to start one: {}",
                    open.command("new NAME")
                ),
            }
        }
        let (sandbox, state) = (open.sandbox()?, State::open()?);
        for (found, language) in &meant {
            self.build(open, &folder, found, *language, &sandbox, &state)
                .await
                .with_context(|| format!("plugin {}", found.name))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// From source to a component whose machine code is in the cache, so that the first `tools/list` does not wait for it.
    async fn build(
        &self,
        open: &Open,
        folder: &PluginFolder,
        found: &Found,
        language: Language,
        sandbox: &Arc<Sandbox>,
        state: &State,
    ) -> anyhow::Result<()> {
        let manifest = folder.manifest(found)?;
        let source = folder.path().join(found.name.as_str());
        let project = Project { language, folder: source, line_tables: self.line_tables };
        let wasm = project.build(&mut |step| drop(writeln!(terminal::stderr(), "{step}")))?;
        // First, so that servers of this folder find its code in the cache, and what cannot be loaded replaces nothing.
        let compiling = format!("compiling {}", found.name);
        let inspected = plugin::inspect_component(sandbox, &wasm, &found.name);
        let inspection = progress::shown(&compiling, inspected).await?;
        let component = folder.component_path(found, &manifest);
        // Recorded before it is there, and put there whole: a server of this folder never finds one that does not count.
        state.record_build(&component, &Digest::of(&wasm))?;
        write_file::replace(&component, &wasm, Readers::Everybody)
            .with_context(|| format!("{} cannot be written", component.display()))?;
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

/// Puts WIT into a component, in place.
fn pack(component: &Path, wit: &Path) -> anyhow::Result<ExitCode> {
    let shown = component.display();
    let wasm = fs::read(component).with_context(|| format!("{shown} cannot be read"))?;
    let packed = wit_package::pack(&wasm, wit).with_context(|| format!("{shown} stays as it was"))?;
    write_file::replace(component, &packed, Readers::Everybody)
        .with_context(|| format!("{shown} cannot be written"))?;
    writeln!(
        terminal::stdout(),
        "{} {shown} with {} ({} KiB)",
        terminal::green("packed"),
        wit.display(),
        packed.len() >> 10
    )?;
    Ok(ExitCode::SUCCESS)
}
