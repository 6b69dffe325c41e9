//! What is written for people: to where, in which colours, how wide.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Stderr, Stdout, Write},
};

use anstream::{AutoStream, ColorChoice};

/// The answer of a command. Colours are left out where `NO_COLOR`, a pipe or a file says so (<https://no-color.org>).
pub(super) fn stdout() -> AutoStream<Stdout> {
    anstream::stdout()
}

/// What is said beside the answer. Colours as in [`stdout`].
pub(super) fn stderr() -> AutoStream<Stderr> {
    anstream::stderr()
}

/// Whether a person can read the prompt of [`confirm`] where it belongs and answer it.
pub(super) fn has_person() -> bool {
    io::stderr().is_terminal() && controlling_terminal().is_ok()
}

pub(super) fn red(text: &str) -> String {
    paint(text, "31;1")
}

pub(super) fn green(text: &str) -> String {
    paint(text, "32")
}

pub(super) fn yellow(text: &str) -> String {
    paint(text, "33")
}

pub(super) fn bold(text: &str) -> String {
    paint(text, "1")
}

fn paint(text: &str, code: &str) -> String {
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Columns of the terminal; 80 where there is none.
pub(super) fn width() -> usize {
    // Text is hard to read in longer lines.
    textwrap::termwidth().min(120)
}

/// The text in lines that fit the terminal, the first after `label`, the others under the first one's beginning.
pub(super) fn hanging(label: &str, text: &str) -> String {
    let indent = " ".repeat(label.len());
    let options = textwrap::Options::new(width()).initial_indent(label).subsequent_indent(&indent);
    // What people copy, such as a name with a hyphen, stays whole.
    textwrap::fill(text, options.break_words(false).word_splitter(textwrap::WordSplitter::NoHyphenation))
}

/// The log goes to stderr: stdout is the protocol's, or a command's answer.
pub(super) fn log_to_stderr(filter: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TOOLCELL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(filter));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(AutoStream::choice(&io::stderr()) != ColorChoice::Never)
        .with_target(false)
        .init();
}

/// Asks a person on the controlling terminal. Not on stdin: an agent's shell can write there. A hurdle, not a boundary.
///
/// # Errors
///
/// When there is no terminal.
pub(super) fn confirm(question: &str) -> io::Result<bool> {
    let terminal = controlling_terminal()?;
    write!(&terminal, "{question} Type yes to agree: ")?;
    let mut answer = String::new();
    BufReader::new(&terminal).read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

fn controlling_terminal() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/tty")
}
