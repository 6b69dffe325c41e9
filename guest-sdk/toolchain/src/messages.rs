use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Artifact;

/// The component that one line of `cargo build --message-format=json` announces, if it is one of the package at
/// `manifest_path` (The Cargo Book, "External Tools": artifact messages).
pub(crate) fn component(line: &str, manifest_path: &Path) -> Option<Artifact> {
    let message: Value = serde_json::from_str(line).ok()?;
    let own = message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest_path);
    if message["reason"] != "compiler-artifact" || !own {
        return None;
    }
    let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str);
    let component = files.map(PathBuf::from).find(|file| file.extension().is_some_and(|end| end == "wasm"))?;
    Some(Artifact { name: message["target"]["name"].as_str()?.to_owned(), component })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MANIFEST: &str = "/src/plugins/text/Cargo.toml";

    fn artifact(manifest: &str, files: &[&str]) -> String {
        json!({
            "reason": "compiler-artifact",
            "package_id": "path+file:///src/plugins/text#0.1.0",
            "manifest_path": manifest,
            "target": { "kind": ["cdylib"], "crate_types": ["cdylib"], "name": "text", "src_path": "/src/lib.rs" },
            "filenames": files,
            "executable": null,
            "fresh": true,
        })
        .to_string()
    }

    #[test]
    fn a_component_of_the_package_is_found_among_its_files() {
        let line = artifact(MANIFEST, &["/target/release/libtext.rlib", "/target/release/text.wasm"]);
        assert_eq!(
            component(&line, Path::new(MANIFEST)),
            Some(Artifact { name: "text".to_owned(), component: PathBuf::from("/target/release/text.wasm") })
        );
    }

    #[test]
    fn other_lines_announce_none() {
        let manifest = Path::new(MANIFEST);
        assert_eq!(component(&artifact(MANIFEST, &["/target/release/libtext.rlib"]), manifest), None);
        assert_eq!(component(&artifact("/src/other/Cargo.toml", &["/target/release/other.wasm"]), manifest), None);
        assert_eq!(component(r#"{"reason":"build-finished","success":true}"#, manifest), None);
        assert_eq!(component("warning: not JSON", manifest), None);
    }
}
