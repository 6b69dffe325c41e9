//! `connect`: what each client's settings need, with paths that hold wherever the client starts, and how they get there.

use std::{fs, os::unix::fs::symlink, process::Command};

use insta::assert_snapshot;

use super::run;
use crate::folder::Folder;

const PROGRAM: &str = env!("CARGO_BIN_EXE_toolcell");
const CLIENTS: [&str; 5] = ["claude-code", "claude-desktop", "cursor", "vscode", "codex"];
const TEAM: [&str; 4] = ["--url", "https://tools.example.com/mcp", "--token-env", "TEAM_TOKEN"];

fn connect(folder: &Folder, client: &str, options: &[&str]) -> String {
    run(folder, &[&["connect", client], options].concat()).shown().replace(PROGRAM, "PROGRAM")
}

#[test]
fn every_client_gets_its_configuration() {
    let folder = Folder::new(&[("echo", "")]);
    for client in CLIENTS {
        assert_snapshot!(format!("connect_{client}"), connect(&folder, client, &[]));
    }
}

#[test]
fn a_server_elsewhere_and_a_shared_folder_in_each_clients_form() {
    let folder = Folder::new(&[("echo", "")]);
    let all = |options: &[&str]| CLIENTS.map(|client| connect(&folder, client, options)).join("\n");
    assert_snapshot!("connect_elsewhere", all(&TEAM));
    assert_snapshot!("connect_project", all(&["--scope", "project", "--locked"]));
}

#[test]
fn what_others_wrote_stays() {
    let folder = Folder::new(&[("echo", "")]);
    let before = "{\n  // ours\n  \"mcpServers\": {\"other\": {\"command\": \"x\"}}\n}\n";
    folder.write(".mcp.json", before);
    let project = [&TEAM[..], &["--scope", "project", "--write"]].concat();
    assert_snapshot!("connect_write", connect(&folder, "claude-code", &project));
    let file = folder.plugins().with_file_name(".mcp.json");
    let written = fs::read_to_string(&file).expect("it was written");
    assert_snapshot!("connect_written", written);
    assert_snapshot!("connect_again", connect(&folder, "claude-code", &project));
    assert_snapshot!("connect_another", connect(&folder, "claude-code", &["--scope", "project", "--write"]));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), written);

    fs::remove_file(&file).expect("it is ours");
    symlink("elsewhere.json", &file).expect("the folder is ours");
    assert_snapshot!("connect_link", connect(&folder, "claude-code", &project));
}

#[test]
fn a_file_is_made_where_there_is_none() {
    let folder = Folder::new(&[("echo", "")]);
    for client in ["cursor", "vscode", "codex"] {
        connect(&folder, client, &[&TEAM[..], &["--scope", "project", "--write"]].concat());
    }
    let root = folder.plugins();
    let text = |file: &str| fs::read_to_string(root.with_file_name(file)).expect("it was written");
    assert_snapshot!(
        "connect_made",
        [".cursor/mcp.json", ".vscode/mcp.json", ".codex/config.toml"].map(text).join("\n")
    );
}

#[test]
fn secrets_do_not_go_where_they_can_be_read() {
    let folder = Folder::new(&[]);
    let refused = |url| connect(&folder, "cursor", &["--url", url, "--token-env", "TEAM_TOKEN"]);
    let urls =
        ["http://tools.example.com/mcp", "https://me:secret@tools.example.com/mcp", "https://a.example/mcp?token=x"];
    assert_snapshot!("connect_secrets", urls.map(refused).join("\n"));
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
