//! A plugin as a person reviews it: what it asks for and what its tools are, loaded with nothing granted.

use std::sync::Arc;

use wasmparser::{Parser, Payload};

use super::{
    acceptance::State,
    files::{Found, PluginFolder},
    load::{self, Candidate, Loaded},
    manifest::{Manifest, ToolNames},
};
use crate::{
    policy::{Capabilities, Digest, NotServed, PluginName},
    sandbox::Sandbox,
};

/// What there is to review.
#[derive(Debug)]
pub struct Inspection {
    /// What the plugin is, in its author's words.
    pub description: Option<String>,
    /// What it asks for.
    pub asked: Capabilities,
    /// Its component and tools.
    pub loaded: Loaded,
    /// Bytes of the component.
    pub size: usize,
    /// The interfaces that the component imports, sorted.
    pub imports: Vec<String>,
    names: ToolNames,
}

impl Inspection {
    /// The tools by the names that clients would see.
    pub fn shown_tools(&self) -> impl Iterator<Item = String> {
        self.loaded.tools().filter_map(|(own, _)| self.names.shown(own))
    }

    /// Whether the component can send HTTP requests, which the host then refuses unless they were granted.
    #[must_use]
    pub fn sends_requests(&self) -> bool {
        let imports = |interface: &str| self.imports.iter().any(|import| import.starts_with(interface));
        // Some toolchains import all of the contract whatever a plugin does.
        let imports_all = ["cache@", "http@", "log@", "postgres@", "progress@"]
            .iter()
            .all(|interface| imports(&format!("toolcell:plugin/{interface}")));
        imports("wasi:http/outgoing-handler@") || (imports("toolcell:plugin/http@") && !imports_all)
    }

    fn new(manifest: Manifest, wasm: &[u8], loaded: Loaded) -> Self {
        let Manifest { description, asked, tools: names, .. } = manifest;
        Self { description, asked, loaded, size: wasm.len(), imports: imports(wasm), names }
    }
}

/// Reads and loads a plugin without asking whether it may be served.
///
/// # Errors
///
/// When its manifest or component is not valid.
pub async fn inspect(
    sandbox: &Arc<Sandbox>,
    folder: &PluginFolder,
    found: &Found,
    state: &State,
) -> Result<Inspection, NotServed> {
    let candidate = Candidate::read(folder, found, state)?;
    let loaded = load::load(sandbox, &found.name, &candidate.wasm, candidate.component).await?;
    let loaded = loaded.described(&candidate.manifest.tools)?;
    Ok(Inspection::new(candidate.manifest, &candidate.wasm, loaded))
}

/// Loads a component that is in no folder of plugins, as the plugin `name` without a manifest.
///
/// # Errors
///
/// When the component is not valid.
pub async fn inspect_component(
    sandbox: &Arc<Sandbox>,
    wasm: &[u8],
    name: &PluginName,
) -> Result<Inspection, NotServed> {
    let loaded = load::load(sandbox, name, wasm, Digest::of(wasm)).await?;
    Ok(Inspection::new(Manifest::bare(name), wasm, loaded))
}

/// The names of the component's own imports, not those of components inside it. What a loaded component holds is valid;
/// of anything else, what comes before the first mistake.
fn imports(wasm: &[u8]) -> Vec<String> {
    let mut depth = 0_u32;
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::ComponentImportSection(section)) if depth == 0 => {
                names.extend(section.into_iter().filter_map(|import| Some(import.ok()?.name.name.to_owned())));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    names.sort();
    names
}
