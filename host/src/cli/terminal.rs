//! Colours where a person looks, and none where `NO_COLOR` or a pipe says so.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Write},
};

/// Whether stderr shows colours (<https://no-color.org>).
pub(super) fn is_coloured() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

pub(super) fn red(text: &str) -> String {
    paint(text, "31;1")
}

pub(super) fn green(text: &str) -> String {
    paint(text, "32")
}

pub(super) fn bold(text: &str) -> String {
    paint(text, "1")
}

fn paint(text: &str, code: &str) -> String {
    if is_coloured() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// The log goes to stderr: stdout is the protocol's, or a command's answer.
pub(super) fn log_to_stderr(filter: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TOOLCELL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(filter));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(is_coloured())
        .with_target(false)
        .init();
}

/// Asks a person on the controlling terminal. Not on stdin: an agent's shell can write there. A hurdle, not a boundary.
///
/// # Errors
///
/// When there is no terminal.
pub(super) fn confirm(question: &str) -> io::Result<bool> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    write!(&terminal, "{question} Type yes to agree: ")?;
    let mut answer = String::new();
    BufReader::new(&terminal).read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
