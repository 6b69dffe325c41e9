//! From what ended a guest to the failure that says so.

use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace, component::ResourceTableError};
use wasmtime_wasi::I32Exit;

use super::{files::TooMuch, limits::Refused, lines::Lines, state::CallState};
use crate::{
    failure::{Failure, Full},
    receipt::{Denial, ExchangeEnd, Query, Receipt},
    text,
};

/// Characters of a panic message that are shown.
const MAX_REASON: usize = 300;

/// When there may be memory again: when another call has ended, and nobody knows when that is.
const RETRY: Duration = Duration::from_secs(1);

/// Why a guest that ended in `error` did: what the store saw counts for more than the trap itself.
pub(super) fn failure(error: &wasmtime::Error, state: &CallState, receipt: &Receipt, lines: Option<&Lines>) -> Failure {
    match state.limiter.refused {
        Some(Refused::Memory(wanted)) => return Failure::MemoryLimit { limit: state.limiter.limit(), wanted },
        Some(Refused::Budget) => {
            let full = Full::Host("all calls together hold the memory that they may");
            return Failure::Busy { full, retry_after: RETRY };
        }
        Some(Refused::Tables) => return Failure::ResourceLimit { resource: "table elements" },
        None => {}
    }
    if let Some(resource) = exhausted(error) {
        return Failure::ResourceLimit { resource };
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::StackOverflow) {
        return Failure::StackOverflow;
    }
    // A guest that gives up right after a refusal or a failed request gave up because of it.
    if let Some(denial) = receipt.denials.iter().rfind(|denial| may_have_ended_it(denial, receipt)) {
        return Failure::Denied { denial: denial.clone() };
    }
    if let Some(exchange) = receipt.exchanges.last().filter(|exchange| matches!(exchange.end, ExchangeEnd::Failed(_))) {
        return Failure::Unreachable { exchange: Box::new(exchange.clone()) };
    }
    if let Some(failure) = receipt.queries.last().and_then(Query::failure) {
        return Failure::Database { failure: Box::new(failure.clone()) };
    }
    if let Some(fault) = &receipt.cache.fault {
        return Failure::CacheUnreachable { fault: fault.clone() };
    }
    if !receipt.unset_variables.is_empty() {
        let user = Some(&state.user).filter(|user| !user.is_local()).map(|user| user.name().to_owned());
        return Failure::MissingVariable { names: receipt.unset_variables.clone(), user };
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return Failure::Exited { status: *status };
    }
    let panic = python_exception(&receipt.stderr).or_else(|| panic_message(&receipt.stderr));
    let source = panic.as_ref().and_then(|panic| panic.source.clone()).or_else(|| source_line(error, lines));
    let reason = match (panic, trap) {
        (Some(panic), _) => panic.message,
        (None, Some(trap)) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        (None, None) => text::shown(&error.root_cause().to_string(), MAX_REASON),
    };
    Failure::Trapped { reason, source }
}

/// Runtimes look for files by themselves and go on without them: where the plugin asks for none, its last words have to be about
/// a refusal, if it had any.
fn may_have_ended_it(denial: &Denial, receipt: &Receipt) -> bool {
    let is_by_the_way = matches!(denial, Denial::File(file) if !file.is_of_a_plugin_with_files());
    !is_by_the_way || receipt.stderr.is_empty() || receipt.stderr.to_ascii_lowercase().contains("permission denied")
}

/// Words of the runtime's errors, which have no type of their own, and the resource that each is about. The end-to-end tests
/// provoke each of them, so that an upgrade that changes the words is seen.
const EXHAUSTED: [(&str, &str); 3] = [
    ("fuel allocated for hostcalls has been exhausted", "data passed to the host at once"),
    ("store handle limit exceeded", "open resources"),
    ("requested len", "random bytes at once"),
];

/// What the guest had too much of.
fn exhausted(error: &wasmtime::Error) -> Option<&'static str> {
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return Some("open resources");
    }
    if let Some(TooMuch(resource)) = error.downcast_ref() {
        return Some(resource);
    }
    let root = error.root_cause().to_string();
    EXHAUSTED.into_iter().find_map(|(words, resource)| root.contains(words).then_some(resource))
}

struct Panic {
    message: String,
    source: Option<String>,
}

/// The last message that Rust's panic hook printed: `thread '…' panicked at src/lib.rs:3:5:` and the message below it.
fn panic_message(printed: &str) -> Option<Panic> {
    let (_, rest) = printed.rsplit_once("panicked at ")?;
    let (place, message) = rest.split_once('\n')?;
    let place = place.trim_end_matches(':');
    // The column helps nobody.
    let source = place.rsplit_once(':').map(|(file_and_line, _)| relative(file_and_line));
    let message = message.split("\nnote: run with `RUST_BACKTRACE").next().unwrap_or(message).trim();
    Some(Panic { message: text::shown(message, MAX_REASON), source })
}

/// The exception that ended a Python plugin. Its runtime prints the traceback, the innermost call last, and then panics with
/// a message and a place of its own, which say nothing about the plugin.
fn python_exception(printed: &str) -> Option<Panic> {
    let (_, traceback) = printed.rsplit_once("Traceback (most recent call last):\n")?;
    let message = traceback.lines().find(|line| !line.starts_with(' '))?;
    let places = traceback.lines().take_while(|line| line.starts_with(' '));
    let source = places.filter_map(|line| {
        let (file, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
        Some(relative(&format!("{file}:{}", rest.split(',').next()?)))
    });
    Some(Panic { message: text::shown(message, MAX_REASON), source: source.last() })
}

/// Whether source lines can say where the guest was.
pub(super) fn has_frames(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<WasmBacktrace>().is_some_and(|trace| !trace.frames().is_empty())
}

/// The innermost frame of the guest that has a source line of the plugin's own.
fn source_line(error: &wasmtime::Error, lines: Option<&Lines>) -> Option<String> {
    let frames = error.downcast_ref::<WasmBacktrace>()?.frames();
    let (file, line) = frames.iter().find_map(|frame| {
        let instruction = frame.module_offset()?;
        lines?.at(instruction.checked_sub(frame.func_offset()?)?, instruction)
    })?;
    Some(relative(&format!("{file}:{line}")))
}

/// A path without what it says about the machine that the plugin was built on.
fn relative(path: &str) -> String {
    if !path.starts_with('/') {
        return path.to_owned();
    }
    match path.rfind("/src/") {
        Some(at) => path[at + 1..].to_owned(),
        None => path.rsplit('/').next().unwrap_or(path).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_read_from_what_was_printed() {
        let printed = "hello\n\nthread '<unnamed>' (1) panicked at src/lib.rs:12:9:\nindex out of bounds\nnote: run with \
                       `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let panic = panic_message(printed).expect("there is a panic");
        assert_eq!((panic.message.as_str(), panic.source.as_deref()), ("index out of bounds", Some("src/lib.rs:12")));
        assert!(panic_message("all is well\n").is_none());
    }

    #[test]
    fn an_exception_is_read_from_its_traceback() {
        let printed = "Traceback (most recent call last):\n  File \"/0/app.py\", line 37, in call_tool\n    check(x)\n  File \
                       \"/0/checks.py\", line 4, in check\nValueError: no good\n\nthread '<unnamed>' (1) panicked at \
                       runtime/src/lib.rs:1293:29:\nPython function threw an unexpected exception\n";
        let exception = python_exception(printed).expect("there is one");
        assert_eq!(exception.message, "ValueError: no good");
        assert_eq!(exception.source.as_deref(), Some("checks.py:4"));
        assert!(python_exception("all is well\n").is_none());
    }

    #[test]
    fn paths_of_the_building_machine_are_not_shown() {
        assert_eq!(relative("/home/somebody/tool/src/main.rs:4"), "src/main.rs:4");
        assert_eq!(relative("/home/somebody/tool.c:4"), "tool.c:4");
        assert_eq!(relative("src/lib.rs:4"), "src/lib.rs:4");
    }
}
