//! Calls the host again and again.

use toolcell_test_programs::log::{Level, log};
use toolcell_test_programs::{Answer, Value, plugin, text, tool};
use wasip2::{
    cli::{stderr::get_stderr, stdout::get_stdout},
    clocks::monotonic_clock::{now, subscribe_duration},
    io::streams::OutputStream,
    random::random::get_random_bytes,
};

/// What one write to a stream takes.
const CHUNK: usize = 64 << 10;

plugin!(
    tool(
        "floods",
        "Calls the host `times` times (without: for ever) for `what`: `stdout` and `stderr` write 64 KiB, `empty` nothing, \
         `log` a line; `clock`, `poll` and `random` ask for what they say."
    ),
    floods
);

fn floods(arguments: &Value) -> Answer {
    let times = arguments["times"].as_u64().unwrap_or(u64::MAX);
    let (stdout, stderr, bytes) = (get_stdout(), get_stderr(), vec![b'x'; CHUNK]);
    for _ in 0..times {
        match arguments["what"].as_str().unwrap_or_default() {
            "stdout" => write(&stdout, &bytes),
            "stderr" => write(&stderr, &bytes),
            "empty" => write(&stdout, &[]),
            "log" => log(Level::Info, "one more line of a flood"),
            "clock" => drop(now()),
            "poll" => subscribe_duration(0).block(),
            "random" => drop(get_random_bytes(CHUNK as u64)),
            other => panic!("there is no {other:?} to flood with"),
        }
    }
    text(format!("called {times} times"))
}

fn write(stream: &OutputStream, bytes: &[u8]) {
    assert!(stream.check_write().expect("the stream is open") >= CHUNK as u64, "the host takes less than it did");
    stream.write(bytes).expect("the host takes what it said it would");
}
