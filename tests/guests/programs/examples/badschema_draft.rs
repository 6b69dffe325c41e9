//! Has an input schema of an older draft.

use toolcell_test_programs::{Answer, Tool, Value, json, plugin, text, tool};

plugin!(badschema_draft(), never_called);

fn badschema_draft() -> Tool {
    let input_schema = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "object" });
    Tool { input_schema: input_schema.to_string(), ..tool("badschema_draft", "Has a schema of draft 7.") }
}

fn never_called(_arguments: &Value) -> Answer {
    text("never called")
}
