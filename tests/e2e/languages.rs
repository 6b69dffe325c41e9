//! A plugin in each language: from nothing to a tool that was tested, built, reviewed and called.

mod c;
mod go;
mod javascript;
mod python;
mod typescript;

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{clients::command, folder::Folder, peers};

const NAME: &str = "first-one";

/// A folder with a new plugin, which is in `plugins/first-one`.
fn new(language: &str) -> Folder {
    let folder = Folder::new(&[]);
    said(folder.toolcell().args(["new", NAME, "--lang", language, "--sdk"]).arg(repository().join("guest-sdk")));
    folder
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn source(folder: &Folder) -> PathBuf {
    folder.plugins().join(NAME)
}

/// Node.js and npm, the same on every machine, for a build as its user would have them.
struct Node {
    programs: TempDir,
}

impl Node {
    fn new() -> Self {
        let programs = tempfile::tempdir().expect("a folder can be made");
        let (node, npm) = peers::node_and_npm();
        symlink(&node, programs.path().join("node")).expect("it is ours");
        let script = programs.path().join("npm");
        fs::write(&script, format!("#!/bin/sh\nexec node '{}' \"$@\"\n", npm.display())).expect("it is ours");
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).expect("it is ours");
        Self { programs }
    }

    /// Puts them before all others.
    fn first<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let others = env::var_os("PATH").unwrap_or_default();
        let paths = [self.programs.path().to_owned()].into_iter().chain(env::split_paths(&others));
        command.env("PATH", env::join_paths(paths).expect("no path has a colon"))
    }
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
pub fn holds(folder: &Folder) {
    answers_alike(folder);
    said(folder.toolcell().args(["--locked", "check", NAME]));
    let strict = said(folder.toolcell().args(["check", NAME, "--strict"]));
    assert!(strict.contains("All ten pass."), "{strict}");
}

/// One snapshot for all languages.
fn answers_alike(folder: &Folder) {
    folder.lock();
    assert_snapshot!("the_tool_in_every_language", told_to_a_client(folder));
}

/// What the Python SDK's client sees of the tool, and what calls with good and bad arguments answer.
fn told_to_a_client(folder: &Folder) -> String {
    let names = [
        json!({"name": " Ada "}),
        json!({"name": "Zoë 🦀 \"the\\first\"\n"}),
        json!({"name": "x".repeat(3_000)}),
        json!({"name": " "}),
        json!({"name": 7}),
        json!({"name": null}),
        json!({}),
    ];
    let calls = names.iter().map(|arguments| json!({"do": "call", "tool": NAME, "arguments": arguments}));
    let steps: Vec<_> = [json!({"do": "list"})].into_iter().chain(calls).collect();
    let plan = json!({"command": command(folder, &[]), "era": "auto", "steps": steps});
    let mut told = peers::python(&plan);
    let tools = told.remove(1);
    let mine = |tool: &&Value| tool["name"] == NAME;
    let tool = tools["tools"].as_array().expect("a list").iter().find(mine).expect("it is listed").clone();
    told.remove(0);
    let mut shown = format!("{tool:#}\n");
    for (arguments, mut answer) in names.iter().zip(told) {
        let result = &mut answer["result"];
        let meta = result["_meta"].as_object_mut().expect("every answer has a receipt");
        let receipt = meta.remove("toolcell/receipt").expect("every answer has a receipt");
        let call = receipt["call"].as_str().expect("a call has an id").to_owned();
        shown.push_str(&format!("\n{arguments}\n{result:#}\n").replace(&call, "CALL"));
    }
    shown.replace(&"x".repeat(3_000), "xxx…")
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
