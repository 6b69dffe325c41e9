//! `dev`: source that changes while it is watched, for a client and for a person at a terminal.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    new::{checkout, for_cargo, one_builds},
    root, run,
    terminal::Terminal,
};
use crate::{
    client::{Client, PATIENCE},
    folder::Folder,
};

const CHANGED: &str = "notifications/tools/list_changed";

/// A new plugin in a folder of its own, built once: what it depends on takes longer to compile than a client waits.
fn project(name: &str) -> (Folder, PathBuf) {
    let folder = checkout();
    let made = run(&folder, &["new", name]);
    assert_eq!(made.code, Some(0), "{}", made.shown());
    let built = for_cargo(folder.toolcell().args(["build", name])).output().expect("it runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let source = folder.plugins().join(name).join("src/lib.rs");
    (folder, source)
}

fn edit(source: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(source).expect("it was made");
    assert!(text.contains(from), "no {from:?} in {text}");
    fs::write(source, text.replace(from, to)).expect("the folder is ours");
}

fn greeting(client: &mut Client) -> String {
    client.call("dev-client", json!({"name": "Ada"}))["structuredContent"]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn wait_for_greeting(client: &mut Client, expected: &str) {
    let began = Instant::now();
    while greeting(client) != expected {
        assert!(began.elapsed() < PATIENCE, "it still says {:?}", greeting(client));
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_client_is_served_what_the_source_says_and_the_last_good_version_while_it_does_not_build() {
    let _one = one_builds();
    let (folder, source) = project("dev-client");
    let mut client = Client::start(for_cargo(folder.toolcell().args(["--locked", "dev", "dev-client"])));
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    client.request("initialize", hello);
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
    client.wait_for_log("+ dev-client(name)");
    client.wait_for_log("examples: all 2 hold");
    let told = client.wait_for_log("not served: permissions not reviewed");
    assert!(told.contains("toolcell allow dev-client"), "{told}");
    assert_eq!(client.tools(), [""; 0]);

    // A person reviews it.
    folder.lock();
    client.wait_for(CHANGED);
    client.wait_for_log("dev-client          served");
    assert_eq!(greeting(&mut client), "Hello, Ada!");
    let line = client.wait_for_log(" ok ");
    assert!(line.contains("  dev-client  ") && line.contains(" ms ") && line.contains(" KiB"), "{line}");

    edit(&source, "\"Hello, {name}!\"", "\"Good day, {name}!\"");
    wait_for_greeting(&mut client, "Good day, Ada!");
    // The example in the plugin's folder still says hello.
    client.wait_for_log("examples: 1 hold, 1 do not");

    edit(&source, "name.trim()", "name.trimm()");
    let told = client.wait_for_log("not built, after ");
    assert!(told.contains("the version before this one stays"), "{told}");
    client.wait_for_log("no method named `trimm`");
    assert_eq!(greeting(&mut client), "Good day, Ada!");

    edit(&source, "name.trimm()", "name.trim()");
    edit(&source, "Good day, ", "Good night, ");
    wait_for_greeting(&mut client, "Good night, Ada!");

    // What a person reviewed is something else now.
    edit(
        &source,
        "    name: String,\n}\n\n#[derive(Debug, Part",
        "    name: String,\n    /// In what words.\n    _how: Option<String>,\n}\n\n#[derive(Debug, Part",
    );
    let told = client.wait_for_log("~ dev-client(");
    assert!(told.contains("new argument _how"), "{told}");
    client.wait_for_log("not served: tools changed since they were reviewed");
    client.wait_for(CHANGED);
    assert_eq!(client.tools(), [""; 0]);
    assert_eq!(client.close().code(), Some(0));
}

#[test]
fn at_a_terminal_it_builds_until_it_is_interrupted() {
    let _one = one_builds();
    let (folder, source) = project("dev-terminal");
    let mut command = folder.toolcell();
    let mut terminal = Terminal::start(for_cargo(command.args(["--locked", "dev", "dev-terminal"])));
    terminal.wait_for("Ctrl-C ends this");
    terminal.wait_for("not served: permissions not reviewed");
    folder.lock();
    terminal.wait_for("served\u{1b}[0m");
    edit(&source, "Hello, ", "Good day, ");
    terminal.wait_for("1 hold, 1 do not");
    let called = run(&folder, &["--locked", "call", "dev-terminal", r#"{"name": "Ada"}"#]);
    assert!(called.stdout.contains("Good day, Ada!"), "{}", called.shown());
    terminal.type_line("\u{3}");
    let (screen, code) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
}

#[test]
fn what_has_no_source_is_not_watched() {
    let folder = Folder::new(&[("echo", "")]);
    let told = run(&folder, &["dev", "echo"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (Some(1), "error: plugin echo has no source: there is nothing to build\n")
    );
    let told = run(&folder, &["dev"]);
    assert!(told.code == Some(1) && told.stderr.contains("to start one: toolcell new NAME"), "{}", told.shown());
    assert!(root(&folder).is_dir());
}
