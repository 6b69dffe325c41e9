//! Has an input schema that is not JSON.

use toolcell_test_programs::{Answer, Tool, Value, plugin, text, tool};

plugin!(badschema_json(), never_called);

fn badschema_json() -> Tool {
    Tool { input_schema: "{\"type\": object}".to_owned(), ..tool("badschema_json", "Has a schema that is not JSON.") }
}

fn never_called(_arguments: &Value) -> Answer {
    text("never called")
}
