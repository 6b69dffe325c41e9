//! Wrong words, missing folders, files that cannot be read.

use std::{fs, os::unix::fs::PermissionsExt, process::Stdio};

use insta::assert_snapshot;

use super::{Ran, root, run, run_command, terminal::Terminal};
use crate::folder::Folder;

#[test]
fn a_slip_in_a_word_is_met_with_the_nearest() {
    let folder = Folder::new(&[]);
    assert_snapshot!("usage_command", run(&folder, &["lst"]).shown());
    assert_snapshot!("usage_client", run(&folder, &["connect", "claude"]).shown());
    assert_snapshot!("usage_option", run(&folder, &["list", "--lock"]).shown());
}

#[test]
fn a_missing_folder_is_named() {
    let folder = Folder::new(&[]);
    fs::remove_dir(folder.plugins()).expect("it is empty");
    fs::write(root(&folder).join("file"), "").expect("the folder is ours");
    assert_snapshot!("usage_no_folder", run(&folder, &["list"]).shown());
    assert_snapshot!("usage_named_folder", run(&folder, &["-C", "elsewhere", "list"]).shown());
    assert_snapshot!("usage_file_for_folder", run(&folder, &["-C", "file", "list"]).shown());
    let inside = Folder::new(&[("echo", "")]);
    assert_snapshot!(
        "usage_inside",
        run_command(&inside, inside.toolcell().arg("list").current_dir(inside.plugins())).shown()
    );
}

#[test]
fn files_that_are_named_have_to_be_there() {
    let folder = Folder::new(&[("echo", "")]);
    assert_snapshot!("usage_env_file", run(&folder, &["--env-file", "nope", "list"]).shown());
    assert_snapshot!("usage_config", run(&folder, &["--config", "nope", "list"]).shown());
    assert_snapshot!("usage_build", run(&folder, &["build", "echo"]).shown());
    assert_snapshot!("usage_build_unknown", run(&folder, &["build", "ecoh"]).shown());
    assert_snapshot!("usage_build_nothing", run(&folder, &["build"]).shown());
}

#[test]
fn a_private_folder_that_is_open_to_others_is_not_believed() {
    let folder = Folder::new(&[("echo", "")]);
    let state = root(&folder).join("state");
    fs::create_dir_all(state.join("toolcell")).expect("the folder is ours");
    fs::set_permissions(state.join("toolcell"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let mut list = folder.toolcell();
    assert_snapshot!("usage_state", run_command(&folder, list.arg("list").env("XDG_STATE_HOME", state)).shown());
}

#[test]
fn a_server_at_a_terminal_says_whom_it_waits_for() {
    let folder = Folder::new(&[("echo", "")]);
    let mut terminal = Terminal::start(folder.toolcell().arg("serve"));
    terminal.wait_for("An MCP client starts this");
    terminal.wait_for("serving 0 tools of 0 plugins");
    // The end of input, as Ctrl-D types it.
    terminal.type_line("\u{4}");
    let (screen, code) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = folder.toolcell();
    let output = command.args(["--locked", "list"]).stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
    let ran = Ran {
        code: output.status.code(),
        stdout: String::new(),
        stderr: String::from_utf8(output.stderr).expect("it prints text"),
    };
    assert_eq!(ran.shown(), "exit 0\n-- stdout\n-- stderr\n");
}
