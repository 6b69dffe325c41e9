//! `allow`: what a person reads and what their yes writes.

use std::fs;

use insta::assert_snapshot;

use super::{run, terminal::Terminal};
use crate::folder::Folder;

fn screen(folder: &Folder, arguments: &[&str], answer: &str) -> (String, Option<i32>) {
    let mut command = folder.toolcell();
    let mut terminal = Terminal::start(command.args(arguments).env("NO_COLOR", "1"));
    terminal.wait_for("Type yes to agree: ");
    terminal.type_line(answer);
    let (screen, code) = terminal.end();
    // A line of progress that came and went on a slow machine.
    let shown = screen.lines().map(|line| line.rsplit('\r').next().unwrap_or_default());
    (shown.map(|line| format!("{line}\n")).collect(), code)
}

#[test]
fn a_plugin_that_asks_for_any_server_gets_those_that_are_named() {
    let folder = Folder::new(&[]);
    let asks = "description = \"Fetches pages.\"\n[capabilities]\nnetwork = [\"https://*\"]\n";
    folder.add_as("pages", "fetches", asks);
    let (shown, code) = screen(&folder, &["allow", "pages"], "yes");
    assert_eq!(code, Some(0), "{shown}");
    assert_snapshot!("allow_any_server", shown);
    let (shown, code) = screen(&folder, &["allow", "pages", "--network", "https://en.wikipedia.org"], "yes");
    assert_eq!(code, Some(0), "{shown}");
    assert_snapshot!("allow_named_server", shown);
    let lock = fs::read_to_string(folder.plugins().join("toolcell.lock")).expect("it was written");
    assert!(lock.contains("network = [\"https://en.wikipedia.org\"]"), "{lock}");
}

#[test]
fn folders_are_shown_for_what_they_are_and_granted_to_be_read_alone() {
    let folder = Folder::new(&[]);
    let asks = "description = \"Keeps notes.\"\n[capabilities]\nfiles = [{ path = \"notes\", access = \"read-write\" }, { path \
                = \"/srv/docs\" }]\n";
    folder.add_as("notes", "files", asks);
    let (shown, code) = screen(&folder, &["allow", "notes", "--files", "notes:read"], "yes");
    assert_eq!(code, Some(0), "{shown}");
    assert_snapshot!("allow_files", shown);
    let lock = fs::read_to_string(folder.plugins().join("toolcell.lock")).expect("it was written");
    assert!(lock.contains("[[plugins.notes.files]]\npath = \"notes\"\naccess = \"read\"\n"), "{lock}");
}

#[test]
fn what_was_not_asked_cannot_be_granted() {
    let folder = Folder::new(&[("echo", "")]);
    assert_snapshot!("allow_not_asked", run(&folder, &["allow", "echo", "--network", "https://x.example"]).shown());
}

#[test]
fn a_plugin_that_is_not_there_is_named_with_the_nearest() {
    let folder = Folder::new(&[("echo", "")]);
    assert_snapshot!("allow_unknown", run(&folder, &["allow", "ech"]).shown());
    assert_snapshot!("allow_no_lock", run(&folder, &["allow"]).shown());
}

#[test]
fn what_cannot_be_loaded_cannot_be_reviewed_and_its_mend_is_named() {
    let folder = Folder::new(&[("echo", "")]);
    fs::remove_file(folder.plugins().join("echo/guest.wasm")).expect("it is there");
    fs::write(folder.plugins().join("echo/Cargo.toml"), "").expect("the folder is ours");
    assert_snapshot!("allow_not_built", run(&folder, &["allow", "echo"]).shown());
    folder.add("echo", "[capabilities]\nnetwrok = []\n");
    // As a shell completes it.
    assert_snapshot!("allow_bad_manifest", run(&folder, &["allow", "plugins/echo/"]).shown());
}

#[test]
fn entries_that_nobody_here_accepted_come_first() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    folder.lock();
    assert_snapshot!("allow_not_accepted", run(&folder, &["allow", "echo"]).shown());
}
