//! `check`: what is wrong, and what mends it.

use std::fs;

use insta::assert_snapshot;

use super::{guest_file, root, run};
use crate::folder::Folder;

/// Without what follows the compiler that built the guests: the size of components and what they import of WASI.
fn shown(folder: &Folder, arguments: &[&str]) -> String {
    let mut shown = String::new();
    let mut is_import = false;
    for line in run(folder, arguments).shown().lines() {
        is_import = line.starts_with("   imports ") || is_import && line.starts_with(&" ".repeat(14));
        if is_import {
            continue;
        }
        match line.split_once(" KiB") {
            Some((before, after)) => {
                shown.push_str(before.trim_end_matches(|c: char| c.is_ascii_digit()));
                shown.push_str("N KiB");
                shown.push_str(after);
            }
            None => shown.push_str(line),
        }
        shown.push('\n');
    }
    shown
}

const ASKS: &str = "description = \"Fetches what it is told to.\"\n\
    [capabilities]\nnetwork = [\"https://api.example.com\"]\nenv = [\"API_TOKEN\"]\n[limits]\nmemory = \"1GiB\"\n";

#[test]
fn a_plugin_is_described_before_and_after_it_was_granted() {
    let folder = Folder::new(&[]);
    folder.add_as("weather", "fetches", ASKS);
    assert_snapshot!("check_not_reviewed", shown(&folder, &["check", "weather"]));
    folder.lock();
    assert_snapshot!("check_served", shown(&folder, &["--locked", "check", "weather"]));
    assert!(run(&folder, &["check"]).stdout.contains("toolcell:plugin/{http, "));
}

#[test]
fn each_problem_has_its_mend() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    folder.add_as("echo-too", "echo", "");
    folder.add_as("wordy", "fetches", "[tools]\ndisable = [\"fetch\"]\n");
    folder.add_as("off", "sleeps", "");
    folder.lock();
    folder.add_as("bad-manifest", "spin", "[limit]\nmemory = \"1GiB\"\n");
    folder.add_as("bad-component", "spin", "");
    fs::write(folder.plugins().join("bad-component/guest.wasm"), "not wasm").expect("the folder is ours");
    folder.add_as("not-built", "spin", "");
    fs::write(folder.plugins().join("not-built/Cargo.toml"), "").expect("the folder is ours");
    fs::remove_file(folder.plugins().join("not-built/guest.wasm")).expect("it is there");
    folder.add_as("no-component", "spin", "");
    fs::remove_file(folder.plugins().join("no-component/guest.wasm")).expect("it is there");
    let policy = "[plugins.off]\nenabled = false\n[plugins.tolerror]\nenabled = false\n\
        [plugins.toolerror]\ndisable = [\"tolerror\"]\n";
    fs::write(root(&folder).join("toolcell.toml"), policy).expect("the folder is ours");
    assert_snapshot!("check_problems", shown(&folder, &["--locked", "check"]));
}

#[test]
fn a_lock_file_that_cannot_be_read_keeps_all_from_being_served() {
    let folder = Folder::new(&[("echo", "")]);
    fs::write(folder.plugins().join("toolcell.lock"), "version = 1\n[plugin.echo]\n").expect("the folder is ours");
    assert_snapshot!("check_bad_lock", shown(&folder, &["check"]));
}

#[test]
fn a_component_in_no_folder_is_checked_by_its_path() {
    let folder = Folder::new(&[]);
    fs::copy(guest_file("echo"), root(&folder).join("echo.wasm")).expect("the folder is ours");
    fs::write(root(&folder).join("text.wasm"), "not wasm").expect("the folder is ours");
    assert_snapshot!("check_file", shown(&folder, &["check", "echo.wasm"]));
    fs::write(root(&folder).join("core.wasm"), b"\0asm\x01\0\0\0").expect("the folder is ours");
    assert_snapshot!("check_file_core", shown(&folder, &["check", "core.wasm"]));
    // A component by its first bytes, and nothing after them that is one.
    fs::write(root(&folder).join("cut.wasm"), b"\0asm\x0d\0\x01\0\x07").expect("the folder is ours");
    assert_snapshot!("check_file_cut", shown(&folder, &["check", "cut.wasm"]));
    assert_snapshot!("check_file_bad", shown(&folder, &["check", "text.wasm"]));
    assert_snapshot!("check_file_missing", shown(&folder, &["check", "./missing"]));
}

#[test]
fn a_plugin_that_is_not_there_is_named_with_the_nearest() {
    let folder = Folder::new(&[("echo", "")]);
    assert_snapshot!("check_unknown", shown(&folder, &["check", "ecoh"]));
    fs::create_dir(folder.plugins().join("half")).expect("the folder is ours");
    assert_snapshot!("check_no_manifest", shown(&folder, &["check", "half"]));
    fs::remove_dir_all(folder.plugins().join("echo")).expect("the folder is ours");
    assert_snapshot!("check_empty", shown(&folder, &["check"]));
}

#[test]
fn the_cache_that_is_asked_for_and_what_the_operator_leaves_of_it_are_shown() {
    let folder = Folder::new(&[("cached", "capabilities.cache = { max = \"16MiB\", ttl-max = \"1h\" }")]);
    folder.lock().write("toolcell.toml", "[cache]\nmax = \"8MiB\"\nttl-max = \"10m\"\n");
    let ran = run(&folder, &["--locked", "check", "cached"]);
    let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let asked = "asks to keep up to 16MiB from one call to the next, each entry for at most 1h";
    let may = "may keep up to 8MiB from one call to the next, each entry for at most 10m";
    assert!(text.contains(asked) && text.contains(may), "{}", ran.shown());
}

#[test]
fn servers_that_the_operator_takes_away_are_not_shown_as_granted() {
    let asked = "[capabilities]\nnetwork = [\"https://a.example\", \"https://*.b.example\"]\n";
    let folder = Folder::new(&[("echo", asked)]);
    let denied = "[network]\ndeny = [\"https://a.example\", \"https://secret.b.example\", \"https://c.example\"]\n";
    folder.lock().write("toolcell.toml", denied);
    let ran = run(&folder, &["--locked", "check", "echo"]);
    let rows: Vec<_> =
        ran.stdout.lines().map(str::trim).filter(|row| row.starts_with("may") || row.starts_with("but")).collect();
    let expected = [
        "may        reach every server under b.example (https://*.b.example)",
        "but not    reach https://secret.b.example",
    ];
    assert_eq!(rows, expected, "{}", ran.shown());
}
