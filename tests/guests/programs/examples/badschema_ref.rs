//! Has an input schema that refers to another server.

use toolcell_test_programs::{Answer, Tool, Value, json, plugin, text, tool};

plugin!(badschema_ref(), never_called);

fn badschema_ref() -> Tool {
    let input_schema = json!({ "type": "object", "properties": { "a": { "$ref": "https://schemas.example/a.json" } } });
    Tool { input_schema: input_schema.to_string(), ..tool("badschema_ref", "Refers to another server.") }
}

fn never_called(_arguments: &Value) -> Answer {
    text("never called")
}
