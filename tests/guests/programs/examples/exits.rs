//! Ends its program in the middle of a call.

use toolcell_test_programs::{Answer, Value, plugin, tool};

plugin!(tool("exits", "Exits with status 3, with 0 when `well` is true, or aborts when `abort` is."), exits);

fn exits(arguments: &Value) -> Answer {
    if arguments["abort"] == true {
        std::process::abort()
    }
    std::process::exit(if arguments["well"] == true { 0 } else { 3 })
}
