//! Waits for as long as it is told.

use std::{thread::sleep, time::Duration};
use toolcell_test_programs::{Answer, Value, plugin, text, tool};

plugin!(tool("sleeps", "Waits `ms` milliseconds."), sleeps);

fn sleeps(arguments: &Value) -> Answer {
    let ms = arguments["ms"].as_u64().unwrap_or(0);
    sleep(Duration::from_millis(ms));
    text(format!("slept {ms} ms"))
}
