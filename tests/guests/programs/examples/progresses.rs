//! Reports how far it has come.

use std::{thread::sleep, time::Duration};
use toolcell_test_programs::{Answer, Value, plugin, progress::report, text, tool};

plugin!(
    tool(
        "progresses",
        "Reports 0, 50 and 100 of 100, 50 ms apart; with `flood` 100,000 reports at once; with \
         `message` one."
    ),
    progresses
);

fn progresses(arguments: &Value) -> Answer {
    if let Some(message) = arguments["message"].as_str() {
        report(1.0, None, Some(message));
        sleep(Duration::from_millis(50));
    } else if arguments["flood"] == true {
        for done in 0..100_000 {
            report(f64::from(done), Some(100_000.0), Some("flood"));
        }
    } else {
        for (done, message) in [(0.0, "started"), (50.0, "half way"), (100.0, "done")] {
            report(done, Some(100.0), Some(message));
            sleep(Duration::from_millis(50));
        }
    }
    text("reported")
}
