//! JavaScript: what the SDK gives and what its engines lack, in the real host.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use insta::assert_snapshot;
use serde_json::json;

use super::{NAME, Node, build, call, holds, new, repository, said, source};
use crate::folder::Folder;

#[test]
fn a_new_plugin_in_javascript_is_built_tested_and_called() {
    let (folder, node) = (new("javascript"), Node::new());
    let told = build(node.first(&mut folder.toolcell()));
    assert!(told.contains("$ npm install --no-audit --no-fund\n"), "{told}");
    let tested = said(node.first(&mut Command::new("npm")).arg("test").current_dir(source(&folder)));
    assert!(tested.contains("pass 4") && tested.contains("fail 0"), "{tested}");
    holds(&folder);

    // What was installed stays.
    let told = build(node.first(&mut folder.toolcell()));
    assert!(!told.contains("$ npm"), "{told}");
}

#[test]
fn the_sdks_own_tests_pass() {
    let sdk = repository().join("guest-sdk/javascript");
    let tested = said(Node::new().first(&mut Command::new("npm")).arg("test").current_dir(sdk));
    assert!(tested.contains("fail 0") && !tested.contains("pass 0"), "{tested}");
}

/// The plugin beside this file, which uses all that there is, built for this engine.
fn everything(engine: &str) -> Folder {
    let (folder, node) = (new("javascript"), Node::new());
    let (plugin, all) = (source(&folder), repository().join("tests/e2e/languages/javascript"));
    fs::remove_dir_all(plugin.join("examples")).expect("it is ours");
    for part in ["src", "examples"] {
        fs::create_dir_all(plugin.join(part)).expect("it is ours");
        for file in fs::read_dir(all.join(part)).expect("it is in this repository") {
            let file = file.expect("it is in this repository");
            fs::copy(file.path(), plugin.join(part).join(file.file_name())).expect("it is ours");
        }
    }
    fs::copy(all.join("plugin.toml"), plugin.join("plugin.toml")).expect("it is ours");
    let package = plugin.join("package.json");
    let text = fs::read_to_string(&package).expect("it was made");
    let asked = format!("\"type\": \"module\",\n  \"toolcell\": {{ \"engine\": \"{engine}\" }},");
    fs::write(package, text.replace("\"type\": \"module\",", &asked)).expect("it is ours");
    build(node.first(&mut folder.toolcell()));
    folder
}

/// Runs the examples of [`everything`], and returns what is said of a plugin's bugs.
fn give_everything(folder: &Folder) -> String {
    let smoked = said(folder.toolcell().args(["smoke", NAME]));
    assert!(smoked.contains("All 8 examples of 1 plugin hold"), "{smoked}");
    folder.lock();
    // Nothing random was drawn when the plugin was built.
    let random = || call(folder, "random", &json!({}))["structured"].clone();
    let (one, other) = (random(), random());
    for name in ["number", "id", "at"] {
        assert!(!one[name].is_null() && one[name] != other[name], "{name}: {one} {other}");
    }

    ["member", "throws text", "number", "big"].map(|how| crashed(folder, how)).concat()
}

fn crashed(folder: &Folder, how: &str) -> String {
    let answer = call(folder, "crash", &json!({"how": how}));
    format!("{how}\n  {}: {}\n", answer["error"]["code"], answer["error"]["message"])
}

#[test]
fn what_the_host_gives_is_reached_with_quickjs() {
    let folder = everything("quickjs");
    assert_snapshot!("quickjs", give_everything(&folder) + &crashed(&folder, "waits"));
    // A crash is one also where it became an error.
    let strict = folder.toolcell().args(["check", NAME, "--strict"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&strict.stdout);
    assert!(strict.status.code() == Some(1) && said.contains("it crashes in the example crash (crashed)"), "{said}");
}

#[test]
fn what_the_host_gives_is_reached_with_starlingmonkey() {
    assert_snapshot!("starlingmonkey", give_everything(&everything("starlingmonkey")));
}

#[test]
fn a_build_without_node_says_what_to_install() {
    let folder = new("javascript");
    let build = |programs: &Path| {
        let output = folder.toolcell().args(["build", NAME]).env("PATH", programs).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let programs = folder.plugins().with_file_name("bin");
    fs::create_dir(&programs).expect("it is ours");
    assert_snapshot!("no_node", build(&programs));
    let node = programs.join("node");
    fs::write(&node, "#!/bin/sh\necho v18.20.8\n").expect("it is ours");
    fs::set_permissions(&node, Permissions::from_mode(0o755)).expect("it is ours");
    assert_snapshot!("old_node", build(&programs));
}
