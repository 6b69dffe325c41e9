//! `list`: readable in 80 columns, whatever the names.

use insta::assert_snapshot;

use super::{run, terminal::Terminal};
use crate::folder::Folder;

#[test]
fn tools_are_listed_with_their_plugin_and_first_sentence() {
    let folder = Folder::new(&[("echo", ""), ("sleeps", "")]);
    folder.add_as("pinocchio", "liar", "");
    folder.add_as("a-plugin-with-a-long-name", "fetches", "[tools]\nprefix = \"with_a_prefix_\"\n");
    folder.lock();
    folder.add("spin", "");
    let listed = run(&folder, &["--locked", "list"]);
    assert!(listed.stdout.lines().all(|line| line.chars().count() <= 80), "{}", listed.stdout);
    assert_snapshot!("list", listed.shown());
}

#[test]
fn short_names_stand_in_one_table() {
    let folder = Folder::new(&[("echo", ""), ("liar", "")]);
    folder.lock();
    assert_snapshot!("list_short", run(&folder, &["--locked", "list"]).shown());
}

#[test]
fn an_empty_folder_says_how_to_start() {
    let folder = Folder::new(&[("echo", "")]);
    std::fs::remove_dir_all(folder.plugins().join("echo")).expect("the folder is ours");
    assert_snapshot!("list_empty", run(&folder, &["list"]).shown());
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let folder = Folder::new(&[("echo", "")]);
    let list = || {
        let mut command = folder.toolcell();
        command.arg("list");
        command
    };
    let (screen, _) = Terminal::start(&list()).end();
    assert!(screen.contains("\u{1b}[31;1mnot served\u{1b}[0m echo"), "{screen:?}");
    let (screen, _) = Terminal::start(list().env("NO_COLOR", "1")).end();
    assert!(screen.contains("not served echo") && !screen.contains('\u{1b}'), "{screen:?}");
    assert!(!run(&folder, &["list"]).stderr.contains('\u{1b}'));
}
