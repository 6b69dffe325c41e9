//! Waits for what does not come.

use toolcell_test_programs::{Answer, Value, plugin, text, tool};
use wasip2::{
    cli::stdin::get_stdin,
    clocks::monotonic_clock::subscribe_duration,
    io::{poll::poll, streams::StreamError},
};

/// An hour, in nanoseconds.
const HOUR: u64 = 3_600_000_000_000;

plugin!(tool("waits", "Waits for an hour on 500 `clocks`, or for input on `stdin`, as `what` says."), waits);

fn waits(arguments: &Value) -> Answer {
    if arguments["what"] == "stdin" {
        let stdin = get_stdin();
        stdin.subscribe().block();
        return match stdin.blocking_read(1 << 20) {
            Err(StreamError::Closed) => text("stdin is closed"),
            read => text(format!("stdin gave {read:?}")),
        };
    }
    let clocks: Vec<_> = (0..500).map(|_| subscribe_duration(HOUR)).collect();
    text(format!("ready: {:?}", poll(&clocks.iter().collect::<Vec<_>>())))
}
