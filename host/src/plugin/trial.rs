//! The tools of a plugin with all that it asks for, without a review: for calls that a replay answers, which can reach
//! nothing. What comes of that is [`crate::trial::Trial`]'s.

use std::sync::Arc;

use super::{
    files::{Found, PluginFolder},
    load::{self, Candidate, Environment},
    manifest::Manifest,
    tool::Tool,
};
use crate::{
    policy::{Digest, Grant, NotServed, Policy},
    sandbox::Sandbox,
};

/// The tools of a plugin in a folder.
pub(crate) async fn on_trial(
    sandbox: &Arc<Sandbox>,
    folder: &PluginFolder,
    found: &Found,
) -> Result<Vec<Tool>, NotServed> {
    tools(sandbox, &Candidate::files(folder, found)?).await
}

/// The tools of a component with this manifest.
pub(crate) async fn component_on_trial(
    sandbox: &Arc<Sandbox>,
    found: &Found,
    manifest: Manifest,
    wasm: Vec<u8>,
) -> Result<Vec<Tool>, NotServed> {
    let component = Digest::of(&wasm);
    tools(sandbox, &Candidate { found, manifest, wasm: wasm.into(), component, built_here: false, home: None }).await
}

async fn tools(sandbox: &Arc<Sandbox>, candidate: &Candidate<'_>) -> Result<Vec<Tool>, NotServed> {
    let loaded = load::load(sandbox, &candidate.found.name, &candidate.wasm, candidate.component).await?;
    let loaded = loaded.described(&candidate.manifest.tools)?;
    let grant = Grant::everything(&candidate.manifest.asked);
    // The replay has the variables; that those of this process are not set is nobody's matter.
    let (environment, mut warnings) = (Environment::default(), Vec::new());
    load::tools(sandbox, candidate, &loaded, grant, &Policy::default(), &environment, &mut warnings)
}
