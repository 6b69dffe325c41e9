use std::path::{Path, PathBuf};

use serde_json::Value;

/// What `cargo metadata` says about the sources of a build.
#[derive(Debug, PartialEq)]
pub(crate) struct Metadata {
    /// The folder that paths of workspace members are relative to.
    pub(crate) workspace: PathBuf,
    pub(crate) target_dir: PathBuf,
    /// The folders of all packages, those of dependencies included.
    pub(crate) packages: Vec<PathBuf>,
}

impl Metadata {
    /// Reads the output of `cargo metadata --format-version 1`; `None` when it is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let metadata: Value = serde_json::from_str(text).ok()?;
        let manifests = metadata["packages"].as_array()?.iter().filter_map(|package| package["manifest_path"].as_str());
        Some(Self {
            workspace: PathBuf::from(metadata["workspace_root"].as_str()?),
            target_dir: PathBuf::from(metadata["target_directory"].as_str()?),
            packages: manifests.filter_map(|path| Path::new(path).parent()).map(Path::to_path_buf).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_a_build_are_read() {
        let text = r#"{
            "packages": [{"name": "text", "manifest_path": "/src/plugins/text/Cargo.toml"},
                         {"name": "serde", "manifest_path": "/home/a/registry/serde-1.0.0/Cargo.toml"}],
            "workspace_root": "/src", "target_directory": "/src/target", "version": 1}"#;
        assert_eq!(
            Metadata::parse(text),
            Some(Metadata {
                workspace: PathBuf::from("/src"),
                target_dir: PathBuf::from("/src/target"),
                packages: vec![PathBuf::from("/src/plugins/text"), PathBuf::from("/home/a/registry/serde-1.0.0")],
            })
        );
        assert_eq!(Metadata::parse("error: no such manifest"), None);
    }
}
