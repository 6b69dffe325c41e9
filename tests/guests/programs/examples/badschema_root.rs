//! Has an input schema that does not ask for an object.

use toolcell_test_programs::{Answer, Tool, Value, json, plugin, text, tool};

plugin!(badschema_root(), never_called);

fn badschema_root() -> Tool {
    let input_schema = json!({ "type": "array" });
    Tool { input_schema: input_schema.to_string(), ..tool("badschema_root", "Takes an array.") }
}

fn never_called(_arguments: &Value) -> Answer {
    text("never called")
}
