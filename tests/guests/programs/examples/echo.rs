//! Returns its arguments as they are.

use toolcell_test_programs::{Answer, Tool, Value, json, plugin, structured, tool};

plugin!(echo_tool(), echo);

fn echo_tool() -> Tool {
    let input_schema = json!({
        "type": "object",
        "properties": {
            "message": { "type": "string", "maxLength": 2_000_000 },
            "count": { "type": "integer", "minimum": 0 },
        },
        "required": ["message"],
    });
    Tool {
        input_schema: input_schema.to_string(),
        output_schema: Some(input_schema.to_string()),
        ..tool("echo", "Returns its arguments.")
    }
}

fn echo(arguments: &Value) -> Answer {
    structured(arguments)
}
