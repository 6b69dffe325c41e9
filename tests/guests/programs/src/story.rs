//! A plugin that passes the checklist, for programs that each spoil one thing of it.

use crate::{Answer, Hints, Tool, ToolError, Value, http, json, structured};

/// The tool.
pub fn tool() -> Tool {
    let input_schema = json!({
        "type": "object",
        "properties": {
            "id": { "type": "integer", "minimum": 1, "description": "The story's number.", "examples": [7] },
        },
        "required": ["id"],
        "additionalProperties": false,
    });
    let output_schema = json!({
        "type": "object",
        "properties": { "title": { "type": "string" } },
        "required": ["title"],
    });
    Tool {
        input_schema: input_schema.to_string(),
        output_schema: Some(output_schema.to_string()),
        hints: Hints { read_only: Some(true), destructive: None, idempotent: None, open_world: Some(true) },
        ..crate::tool(
            "story",
            "Reads one story from the server at api.example.com. Use it when its number is known. Returns the title of at \
             most one story. Fails with `upstream_unreachable` when the server is down.",
        )
    }
}

/// The title of the story, as the server has it.
pub fn title(arguments: &Value) -> Result<String, Box<http::Error>> {
    let request = http::Request {
        method: "GET".to_owned(),
        url: format!("https://api.example.com/stories/{}", arguments["id"]),
        headers: Vec::new(),
        body: None,
        timeout_ms: Some(5_000),
        extra: None,
    };
    let response = http::send(&request).map_err(Box::new)?;
    Ok(crate::parse(&String::from_utf8_lossy(&response.body))["title"].as_str().unwrap_or_default().to_owned())
}

/// What the tool answers when nothing is wrong with it.
pub fn story(arguments: &Value) -> Answer {
    title(arguments).map(|title| json!({ "title": title })).map_err(|error| passed_on(*error)).and_then(structured)
}

/// The host's error as the tool's own.
pub fn passed_on(error: http::Error) -> Box<ToolError> {
    Box::new(ToolError {
        code: error.code,
        message: error.message,
        likely_causes: error.likely_causes,
        check_first: Some(error.check_first),
        retryable: error.retryable,
        extra: None,
    })
}
