//! Has a value of each kind in its arguments, and texts that would like to be markup. Returns its arguments.

use toolcell_test_programs::{Answer, Tool, Value, json, plugin, text, tool};

plugin!(forms_tool(), forms);

const MARKUP: &str = "<img src=x onerror=\"document.title='markup'\">";

fn forms_tool() -> Tool {
    let input_schema = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "minLength": 2, "title": "Name <b>of it</b>", "description": MARKUP },
            "size": { "type": "integer", "minimum": 1, "maximum": 10, "default": 3 },
            "ratio": { "type": ["number", "null"], "minimum": 0, "maximum": 1 },
            "confirmed": { "type": "boolean" },
            "order": { "anyOf": [{ "$ref": "#/$defs/Order" }, { "type": "null" }] },
            "tags": { "type": "array", "items": { "type": "string", "maxLength": 20 }, "maxItems": 3 },
            "range": {
                "type": "object",
                "properties": { "from": { "type": "string" }, "to/until": { "type": "string", "pattern": "^[0-9]+$" } },
                "required": ["from"],
            },
            "filter": { "oneOf": [{ "type": "string" }, { "type": "object" }] },
        },
        "required": ["name", "confirmed"],
        "$defs": { "Order": { "type": "string", "enum": ["newest", "oldest", MARKUP] } },
    });
    let description = format!("Returns its arguments. {MARKUP}<script>document.title = 'markup'</script>");
    Tool { input_schema: input_schema.to_string(), title: Some(MARKUP.to_owned()), ..tool("forms", &description) }
}

fn forms(arguments: &Value) -> Answer {
    text(format!("{MARKUP} {arguments}"))
}
