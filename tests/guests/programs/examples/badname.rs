//! Has a tool name that the contract does not allow.

use toolcell_test_programs::{Answer, Value, plugin, text, tool};

plugin!(tool("bad name/../x", "Has a name with characters that are not allowed."), never_called);

fn never_called(_arguments: &Value) -> Answer {
    text("never called")
}
