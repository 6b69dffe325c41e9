//! Takes an `id` that could be anything.

use toolcell_test_programs::{Tool, json, plugin, story};

plugin!(vague(), story::story);

fn vague() -> Tool {
    let input_schema = json!({ "type": "object", "properties": { "id": { "type": "integer" } }, "required": ["id"] });
    Tool { input_schema: input_schema.to_string(), ..story::tool() }
}
