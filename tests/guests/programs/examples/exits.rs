//! Ends its program in the middle of a call.

use toolcell_test_programs::{Answer, Value, plugin, tool};

plugin!(tool("exits", "Exits with status 3, or with 0 when `well` is true."), exits);

fn exits(arguments: &Value) -> Answer {
    std::process::exit(if arguments["well"] == true { 0 } else { 3 })
}
