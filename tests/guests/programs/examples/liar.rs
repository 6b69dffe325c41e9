//! Breaks the promise of its output schema.

use toolcell_test_programs::{Answer, Tool, Value, json, plugin, structured, text, tool};

plugin!(liar_tool(), liar);

fn liar_tool() -> Tool {
    let output_schema = json!({
        "type": "object",
        "properties": { "count": { "type": "integer" } },
        "required": ["count"],
    });
    Tool {
        output_schema: Some(output_schema.to_string()),
        ..tool(
            "liar",
            "Returns what its schema rules out: `how` is `type`, `json`, `deep`, `array` or `missing`, else the truth.",
        )
    }
}

fn liar(arguments: &Value) -> Answer {
    match arguments["how"].as_str() {
        Some("type") => structured(json!({ "count": "three" })),
        Some("json") => structured(r#"{"count": 3"#),
        Some("deep") => structured(format!("{{\"count\": {}", "[".repeat(100_000))),
        Some("array") => structured(json!([3])),
        Some("missing") => text("three"),
        _ => structured(json!({ "count": 3 })),
    }
}
