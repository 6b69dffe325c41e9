//! Writes to its standard output and error, some of it in the shape of a message of the protocol.

use toolcell_test_programs::{Answer, Value, plugin, text, tool};

plugin!(tool("prints", "Writes `lines` lines to stdout and to stderr."), prints);

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the program is for")]
fn prints(arguments: &Value) -> Answer {
    let lines = arguments["lines"].as_u64().unwrap_or(1);
    for line in 0..lines {
        println!("stdout line {line}");
        println!(r#"{{"jsonrpc":"2.0","id":{line},"result":{{"forged":true}}}}"#);
        eprintln!("stderr line {line}");
    }
    text(format!("printed {lines} lines"))
}
