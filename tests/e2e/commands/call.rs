//! `call` of a tool that is not served: it asks a person, or says what a person has to do.

use std::fs;

use insta::assert_snapshot;

use super::{root, run, terminal::Terminal};
use crate::folder::Folder;

const ASKS: &str =
    "description = \"Fetches what it is told to.\"\ncapabilities.network = [\"https://api.example.com\"]\n";

#[test]
fn a_person_at_the_terminal_is_asked_and_the_call_goes_on() {
    let folder = Folder::new(&[("echo", "")]);
    let mut terminal = Terminal::start(folder.toolcell().args(["call", "echo", r#"{"message": "hello there"}"#]));
    terminal.wait_for("Serve it? Type yes to agree: ");
    terminal.type_line("yes");
    let (screen, code) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("It asks to: nothing: it computes and answers"), "{screen}");
    assert!(screen.contains("\"message\": \"hello there\""), "{screen}");
    assert!(folder.plugins().join("toolcell.lock").exists());
    // Granted once, it is not asked for again.
    assert_eq!(run(&folder, &["call", "echo", r#"{"message": "hello"}"#]).code, Some(0));
}

#[test]
fn a_no_ends_the_call_and_grants_nothing() {
    let folder = Folder::new(&[]);
    folder.add_as("fetches", "fetches", ASKS);
    let mut terminal = Terminal::start(folder.toolcell().args(["call", "fetches", r#"{"url": "https://x.example"}"#]));
    terminal.wait_for("It would be granted to:");
    terminal.wait_for("  - reach https://api.example.com\n");
    terminal.wait_for("Type yes to agree: ");
    terminal.type_line("no");
    let (screen, code) = terminal.end();
    assert!(code == Some(1) && screen.contains("nothing was changed"), "{screen}");
    assert!(!folder.plugins().join("toolcell.lock").exists());
}

#[test]
fn a_lock_file_that_came_with_the_folder_is_accepted_on_the_way() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    folder.lock();
    let mut terminal = Terminal::start(folder.toolcell().args(["call", "echo", r#"{"message": "x"}"#]));
    terminal.wait_for("plugins/toolcell.lock");
    terminal.wait_for("Accept all of this? Type yes to agree: ");
    terminal.type_line("yes");
    let (screen, code) = terminal.end();
    assert!(code == Some(0) && screen.contains("accepted"), "{screen}");
}

#[test]
fn without_a_terminal_it_says_what_a_person_has_to_do() {
    let folder = Folder::new(&[("echo", "")]);
    assert_snapshot!("call_not_reviewed", run(&folder, &["call", "echo"]).shown());
    // Where the folder was named, so does the command that mends it.
    let named = run(&folder, &["-C", "plugins/../plugins", "call", "echo"]);
    assert!(named.stderr.contains("`toolcell -C plugins/../plugins allow echo`"), "{}", named.stderr);
    folder.lock();
    assert_snapshot!("call_not_accepted", run(&folder, &["call", "echo"]).shown());
}

#[test]
fn what_a_yes_does_not_mend_is_not_asked() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    fs::write(root(&folder).join("toolcell.toml"), "[plugins.echo]\nenabled = false\n").expect("the folder is ours");
    assert_snapshot!("call_disabled", run(&folder, &["--locked", "call", "echo"]).shown());
}

#[test]
fn a_tool_that_nobody_has_is_unknown_and_the_nearest_is_named() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    folder.lock();
    assert_snapshot!("call_unknown", run(&folder, &["--locked", "call", "ecoh"]).shown());
    folder.add("sleeps", "");
    fs::remove_file(folder.plugins().join("sleeps/guest.wasm")).expect("it is there");
    fs::write(folder.plugins().join("sleeps/Cargo.toml"), "").expect("the folder is ours");
    assert_snapshot!("call_unknown_not_served", run(&folder, &["--locked", "call", "weather"]).shown());
}

#[test]
fn wrong_arguments_are_answered_with_what_the_tool_takes() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let called = run(&folder, &["--locked", "call", "echo", r#"{"count": 1}"#]);
    assert_eq!(called.code, Some(1));
    let takes = "\n\necho takes:\n  count    integer, optional\n  message  string\n";
    assert!(called.stderr.ends_with(takes), "{}", called.shown());
}

#[test]
fn a_refusal_that_the_plugin_keeps_to_itself_is_told() {
    let folder = Folder::new(&[("fetches", "capabilities.network = [\"https://api.example.com\"]")]);
    folder.lock();
    let arguments = r#"{"url": "https://elsewhere.example/", "swallow": true}"#;
    let called = run(&folder, &["--locked", "call", "fetches", arguments]);
    assert_eq!(called.code, Some(0), "{}", called.shown());
    assert!(
        called.stderr.contains("The host saw: ") && called.stderr.contains("elsewhere.example"),
        "{}",
        called.stderr
    );
}

#[test]
fn arguments_have_to_be_an_object() {
    let folder = Folder::new(&[("echo", "")]);
    assert_snapshot!("call_no_json", run(&folder, &["call", "echo", "message=x"]).shown());
    assert_snapshot!("call_no_object", run(&folder, &["call", "echo", "[1]"]).shown());
}

#[test]
fn what_a_call_found_and_kept_is_in_its_receipt() {
    let folder = Folder::new(&[("cached", "capabilities.cache = { max = \"1MiB\", ttl-max = \"1h\" }")]);
    folder.lock();
    let steps = r#"{"steps": [["get", "k"], ["set", "k", "v", 60000], ["get", "k"], ["get", "k"]]}"#;
    let called = run(&folder, &["--locked", "call", "cached", steps]);
    assert!(called.stderr.ends_with("\n  cache: 2 hits, 1 miss, 1 set\n"), "{}", called.shown());
    let called = run(&folder, &["--locked", "call", "cached"]);
    assert!(!called.stderr.contains("cache:"), "{}", called.shown());
}
