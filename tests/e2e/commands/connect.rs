//! `connect`: what each client's settings need, with paths that hold wherever the client starts.

use std::{fs, process::Command};

use insta::assert_snapshot;

use super::run;
use crate::folder::Folder;

const PROGRAM: &str = env!("CARGO_BIN_EXE_toolcell");

#[test]
fn every_client_gets_its_configuration() {
    let folder = Folder::new(&[("echo", "")]);
    for client in ["claude-code", "claude-desktop", "cursor", "vscode", "codex"] {
        let printed = run(&folder, &["connect", client]);
        assert_snapshot!(format!("connect_{client}"), printed.shown().replace(PROGRAM, "PROGRAM"));
    }
}

#[test]
fn a_folder_with_spaces_and_quotes_passes_the_shell_whole() {
    let folder = Folder::new(&[]);
    let odd = "my mother's plugins";
    fs::create_dir_all(folder.plugins().with_file_name(odd)).expect("the folder is ours");
    let line = run(&folder, &["-C", odd, "connect", "claude-code"]).stdout;
    // `claude` as a function that prints its arguments, one on a line.
    let script = format!("claude() {{ printf '%s\\n' \"$@\"; }}\n{line}");
    let output = Command::new("sh").args(["-c", &script]).output().expect("there is a shell");
    let arguments = String::from_utf8(output.stdout).expect("it prints text");
    let expected = ["mcp", "add", "toolcell", "--", PROGRAM, "serve", "ROOT/my mother's plugins"];
    assert_eq!(arguments.lines().collect::<Vec<_>>(), expected);
}
