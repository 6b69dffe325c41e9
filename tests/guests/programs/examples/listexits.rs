//! Exits when it is asked for its tools.

use toolcell_test_programs::{Answer, Tool, Value, plugin, text};

plugin!(no_tool(), never_called);

fn no_tool() -> Tool {
    std::process::exit(1)
}

fn never_called(_arguments: &Value) -> Answer {
    text("never called")
}
