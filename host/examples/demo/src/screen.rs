//! What the demo prints. Colours only where a terminal shows them and `NO_COLOR` is not set (no-color.org).

use anstream::println;
use anstyle::{AnsiColor, Style};
use serde_json::Value;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const CYAN: Style = AnsiColor::Cyan.on_default();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// Lines of an answer that are shown.
const MAX_LINES: usize = 16;

pub(crate) fn heading(text: &str) {
    println!("\n{BOLD}{text}{BOLD:#}");
}

pub(crate) fn step(text: &str) {
    println!("  building {text}");
}

pub(crate) fn note(text: &str) {
    println!("  {DIM}{text}{DIM:#}");
}

pub(crate) fn tool(name: &str, width: usize, description: &str) {
    println!("  {name:<width$}  {DIM}{description}{DIM:#}");
}

pub(crate) fn request(tool: &str, arguments: &Value) {
    println!("\n  {CYAN}{tool}{CYAN:#} {arguments}");
}

pub(crate) fn answer(answer: &Value) {
    block(&format!("{answer:#}"), GREEN);
}

pub(crate) fn failure(text: &str) {
    block(text, RED);
}

/// What the call did: time, memory, and the servers that it reached.
pub(crate) fn receipt(receipt: &Value) {
    let milliseconds = receipt["elapsedMs"].as_f64().unwrap_or_default();
    let memory = receipt["memoryPeak"].as_u64().unwrap_or_default() >> 10;
    let what = if memory == 0 { "no instance was made".to_owned() } else { format!("own instance, {memory} KiB") };
    let servers = receipt["exchanges"].as_array().into_iter().flatten();
    let servers: String =
        servers.filter_map(|exchange| exchange["server"].as_str()).map(|it| format!(", {it}")).collect();
    println!("  {DIM}{milliseconds:.2} ms, {what}{servers}{DIM:#}");
}

fn block(text: &str, bar: Style) {
    let lines: Vec<_> = text.lines().collect();
    for line in lines.iter().take(MAX_LINES) {
        println!("  {bar}│{bar:#} {line}");
    }
    if let Some(more) = lines.len().checked_sub(MAX_LINES).filter(|more| *more > 0) {
        println!("  {bar}│{bar:#} {DIM}… {more} more lines{DIM:#}");
    }
}
