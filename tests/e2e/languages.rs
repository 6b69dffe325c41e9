//! A plugin in each language: from nothing to a tool that was tested, built, reviewed and called.

mod python;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::folder::Folder;

const NAME: &str = "first-one";

/// A folder with a new plugin, which is in `plugins/first-one`.
fn new(language: &str) -> Folder {
    let folder = Folder::new(&[]);
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
    said(folder.toolcell().args(["new", NAME, "--lang", language, "--sdk"]).arg(sdk));
    folder
}

fn source(folder: &Folder) -> PathBuf {
    folder.plugins().join(NAME)
}

/// Builds the plugin, and returns what was told on the way.
fn build(command: &mut Command) -> String {
    let output = command.args(["build", NAME]).output().expect("it runs");
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{told}");
    assert!(said.starts_with("built first-one: "), "{said}");
    told.into_owned()
}

/// Grants the plugin and calls its tool, which is the same in every language, as are the examples that it ships.
fn holds(folder: &Folder) {
    folder.lock();
    let greeted = call(folder, NAME, &json!({"name": " Ada "}));
    assert_eq!(greeted["structured"], json!({"text": "Hello, Ada!"}), "{greeted}");
    let refused = call(folder, NAME, &json!({"name": " "}));
    let error = &refused["error"];
    assert_eq!(error["code"], "blank_name", "{refused}");
    assert_eq!(error["checkFirst"], "Ask the user whom to greet.", "{refused}");
    let wrong = call(folder, NAME, &json!({"name": 7}));
    assert_eq!(wrong["error"]["code"], "invalid_arguments", "{wrong}");

    said(folder.toolcell().args(["--locked", "check", NAME]));
    let strict = said(folder.toolcell().args(["check", NAME, "--strict"]));
    assert!(strict.contains("All ten pass."), "{strict}");
}

fn call(folder: &Folder, tool: &str, arguments: &Value) -> Value {
    let output = folder.toolcell().args(["--locked", "call", "--json", tool]).arg(arguments.to_string()).output();
    let output = output.expect("it runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&shown).unwrap_or_else(|error| {
        panic!("{error}: {shown}{}", String::from_utf8_lossy(&output.stderr));
    })
}

/// What a command that succeeds says.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}{told}");
    said.into_owned()
}
