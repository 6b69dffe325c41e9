//! Rust, with cargo: `toolcell-toolchain` finds or sets up the target.

use std::fs;

use toolcell_toolchain::{GuestBuild, Targets, Toolchain};

use super::{BuildError, Project};

pub(super) fn build(project: &Project, notify: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
    let toolchain = Toolchain::locate(&project.folder, notify)?;
    let manifest_path = project.folder.join("Cargo.toml");
    let guest = GuestBuild {
        manifest_path: manifest_path.clone(),
        target_dir: None,
        targets: Targets::Library,
        line_tables: project.line_tables,
    };
    let artifacts = toolchain.build(&guest)?;
    let [artifact] = artifacts.as_slice() else {
        return Err(BuildError::file(&manifest_path, format!("expected one component and got {}", artifacts.len())));
    };
    fs::read(&artifact.component).map_err(|error| BuildError::file(&artifact.component, error))
}
