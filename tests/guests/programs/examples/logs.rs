//! Writes to the host's log.

use toolcell_test_programs::log::{Level, log};
use toolcell_test_programs::{Answer, Value, plugin, text, tool};

plugin!(
    tool(
        "logs",
        "Writes one line of each level, the last with a forged second line; with `flood` 10,000 lines; with \
         `message` that alone."
    ),
    logs
);

fn logs(arguments: &Value) -> Answer {
    if let Some(message) = arguments["message"].as_str() {
        log(Level::Warn, message);
    } else if arguments["flood"] == true {
        for line in 0..10_000 {
            log(Level::Info, &format!("line {line} of a flood"));
        }
    } else {
        log(Level::Debug, "a detail");
        log(Level::Info, "a fact");
        log(Level::Warn, "a warning");
        log(Level::Error, "an error\nERROR forged: a second line \u{1b}[31m");
    }
    text("logged")
}
