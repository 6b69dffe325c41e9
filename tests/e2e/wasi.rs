//! Components of other toolchains: WASI 0.2 under every number of a minor version, and what is a draft still.

use std::fs;

use serde_json::{Value, json};
use wasmparser::{Parser, Payload};

use crate::{
    components::leb128,
    failure::provoke::CACHE,
    files,
    folder::{Folder, component},
};

/// The component, with its imports from WASI under another version of it.
fn importing(component: &[u8], version: &str) -> Vec<u8> {
    let mut depth = 0_u32;
    let mut renamed = Vec::new();
    let mut copied = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("the guest is valid") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                let range = section.range();
                let content = with_version(&component[range.start..range.end], version);
                let before = range.start - 1 - leb128(range.len()).len();
                renamed.extend(&component[copied..before]);
                renamed.push(10);
                renamed.extend(leb128(content.len()));
                renamed.extend(content);
                copied = range.end;
            }
            _ => {}
        }
    }
    renamed.extend(&component[copied..]);
    renamed
}

/// Names are preceded by their length, which is one byte here.
fn with_version(imports: &[u8], version: &str) -> Vec<u8> {
    let mut renamed = Vec::new();
    let mut rest = imports;
    while let Some(at) = rest.windows(5).position(|window| window == b"wasi:") {
        let (name, after) = rest[at..].split_at(usize::from(rest[at - 1]));
        let name = std::str::from_utf8(name).expect("names are text");
        let (interface, _) = name.split_once('@').expect("the guests' WASI has a version");
        let name = format!("{interface}@{version}");
        renamed.extend(&rest[..at - 1]);
        renamed.push(u8::try_from(name.len()).expect("names are short"));
        renamed.extend(name.bytes());
        rest = after;
    }
    renamed.extend(rest);
    renamed
}

#[test]
fn every_minor_version_of_wasi_is_served() {
    let folder = files::folder(files::ASKS);
    let guest = component("files");
    for version in ["0.2.0", "0.2.3", "0.2.6", "0.2.12", "0.2.99"] {
        let bytes = importing(&guest, version);
        let name = format!("wasi:filesystem/preopens@{version}");
        assert!(bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{version}");
        folder.add_component("files", files::ASKS, &bytes);
        let result = folder.lock().serve().call("files", json!({"steps": [["read", "/data/a.txt"]]}));
        assert_eq!(result["structuredContent"], json!({"results": ["granted"]}), "{version}: {result}");
    }
    fs::write(folder.plugins().join("files/guest.wasm"), importing(&guest, "0.4.0")).expect("it is ours");
    let check = folder.toolcell().args(["check", "files"]).output().expect("it runs");
    let text = String::from_utf8(check.stdout).expect("it prints text");
    assert!(text.contains("an import does not fit") && text.contains("@0.4.0"), "{text}");
}

#[test]
pub fn drafts_of_wasi_are_served_with_what_is_granted() {
    let folder = Folder::new(&[("drafts", &format!("{CACHE}\ncapabilities.env = [\"TOKEN\"]"))]);
    folder.write("values.env", "TOKEN=of the plugin\nOTHER=of nobody\n");
    let mut client = folder.lock().serve_with(&["--locked", "--env-file", "values.env"]);
    let result = client.call("drafts", json!({"variable": "TOKEN", "bucket": "default", "value": "kept"}));
    let steps = json!({"found": ["kept", true], "many": ["kept", null], "left": [false, false], "listed": false});
    let all = json!([["TOKEN", "of the plugin"]]);
    let expected = json!({"variable": ["of the plugin", "of the plugin", "of the plugin"], "variables": [all, all, all],
        "draft": steps, "draft2": steps});
    assert_eq!(result["structuredContent"], expected, "{result}");
    assert_eq!(result["_meta"]["toolcell/receipt"]["cache"]["sets"], 4, "{result}");
    let line = client.wait_for_log("of the unversioned one");
    assert!(
        line.contains("ERROR") && line.contains("context: of the unversioned one") && line.contains("drafts"),
        "{line}"
    );
    assert!(client.wait_for_log("of the draft").contains("INFO"));

    let other = client.call("drafts", json!({"variable": "OTHER", "bucket": "another", "value": "kept"}));
    assert_eq!(other["structuredContent"]["variable"], json!([null, null, null]), "{other}");
    assert!(other["structuredContent"]["draft"].as_str().is_some_and(|text| text.contains("NoSuchStore")), "{other}");
}

/// The guest reads the interface's own word, and the model what that comes from.
#[test]
fn a_store_that_is_not_granted_is_told_as_a_cache_is() {
    let folder = Folder::new(&[("drafts", "")]);
    let result = folder.lock().serve().call("drafts", json!({"variable": "PATH", "bucket": "", "value": "kept"}));
    assert!(
        result["structuredContent"]["draft2"].as_str().is_some_and(|text| text.contains("AccessDenied")),
        "{result}"
    );
    assert_eq!(result["structuredContent"]["variables"], json!([[], [], []]), "{result}");
    assert_ne!(result["content"][1]["text"], Value::Null, "{result}");
    assert!(result["content"][1]["text"].as_str().is_some_and(|text| text.contains("not ask for a cache")), "{result}");
}
