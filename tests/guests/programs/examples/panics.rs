//! Panics with the message that it is given.

use toolcell_test_programs::{Answer, Value, plugin, tool};

plugin!(tool("panics", "Panics with `message`."), panics);

fn panics(arguments: &Value) -> Answer {
    panic!("{}", arguments["message"].as_str().unwrap_or("no message given"));
}
