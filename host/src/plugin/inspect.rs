//! A plugin as a person reviews it: what it asks for and what its tools are, loaded with nothing granted.

use std::sync::Arc;

use super::{
    acceptance::State,
    files::{Found, PluginFolder},
    load::{self, Candidate, Loaded},
};
use crate::{
    policy::{Capabilities, NotServed},
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
    Ok(Inspection { description: candidate.manifest.description, asked: candidate.manifest.asked, loaded })
}
