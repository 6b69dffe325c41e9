//! What is shown. Colours only where a terminal shows them and `NO_COLOR` is not set (no-color.org).

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::attack::Attack;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// Columns of the text beside the labels.
const WIDTH: usize = 100;

/// Characters that the text of a failure may have.
const MAX_TEXT: usize = 800;

pub(crate) fn setting_up() {
    println!("{DIM}compiling nine plugins and starting the server{DIM:#}");
}

/// Shows what an attack came to, and holds it to what is promised: code, offender, cause and one first check.
pub(crate) fn show(number: usize, attack: &Attack, result: &Value) -> Result<()> {
    let error = &result["_meta"]["toolcell/error"];
    let part = |name: &str| error[name].as_str().with_context(|| format!("no {name} in {result}"));
    let (code, message, check) = (part("code")?, part("message")?, part("checkFirst")?);
    ensure!(code == attack.code, "{} should have failed with {} and not {code}", attack.tool, attack.code);
    let text = result["content"][0]["text"].as_str().context("a failure has a text")?;
    let length = text.chars().count();
    ensure!(length <= MAX_TEXT, "the text has {length} characters");
    let causes: Vec<_> = error["likelyCauses"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let took = result["_meta"]["toolcell/receipt"]["elapsedMs"].as_f64().unwrap_or_default();

    println!("\n{BOLD}{number:>2}  {}{BOLD:#}  {DIM}{} {}{DIM:#}", attack.title, attack.tool, attack.arguments);
    println!("    {RED}{code:<20}{RED:#} {DIM}after {took:.0} ms, {length} characters{DIM:#}");
    for (label, text) in [("what", message), ("causes", &causes.join("; ")), ("check first", check)] {
        for (line, label) in textwrap::wrap(text, WIDTH).iter().zip([label].into_iter().chain(std::iter::repeat(""))) {
            println!("    {DIM}{label:<12}{DIM:#} {line}");
        }
    }
    Ok(())
}

pub(crate) fn sum(attacks: usize, process: u32) {
    println!("\n{GREEN}{attacks} of {attacks} contained{GREEN:#}, one process ({process})");
}

pub(crate) fn failed(error: &anyhow::Error) {
    eprintln!("{RED}error:{RED:#} {error:#}");
}
