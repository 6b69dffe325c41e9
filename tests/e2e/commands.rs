//! The command line as somebody meets it who has never used it: what it prints, how it ends, what it asks.

mod allow;
mod call;
mod check;
mod connect;
mod dev;
mod list;
mod new;
mod smoke;
pub mod strict;
mod terminal;
mod usage;

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::folder::Folder;

/// What a command printed, and the code that it ended with.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// All of it, for a snapshot.
    fn shown(&self) -> String {
        format!("exit {:?}\n-- stdout\n{}-- stderr\n{}", self.code.unwrap_or(-1), self.stdout, self.stderr)
    }
}

/// Runs a command in the folder around the plugins, away from any terminal. Paths of this machine, and digests, which
/// follow the compiler, are left out of what it printed.
fn run(folder: &Folder, arguments: &[&str]) -> Ran {
    run_command(folder, folder.toolcell().args(arguments))
}

fn run_command(folder: &Folder, command: &Command) -> Ran {
    let output = without_terminal(command).output().expect("it runs");
    let text = |bytes| {
        let text = String::from_utf8(bytes).expect("it prints text");
        without_digests(&text.replace(&root(folder).display().to_string(), "ROOT"))
    };
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The same command in a session of its own, which has no controlling terminal.
fn without_terminal(command: &Command) -> Command {
    session(command, &[])
}

fn session(command: &Command, options: &[&str]) -> Command {
    let mut session = Command::new("setsid");
    session.arg("--wait").args(options).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        session.current_dir(folder);
    }
    session
}

fn root(folder: &Folder) -> PathBuf {
    folder.plugins().parent().expect("it is in a folder").to_owned()
}

fn guest_file(guest: &str) -> &'static str {
    toolcell_test_guests::ALL.iter().find(|(known, _)| *known == guest).expect("a guest of that name").1
}

fn without_digests(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("sha256:") {
        shown.push_str(before);
        shown.push_str("sha256:DIGEST");
        rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    shown + rest
}
