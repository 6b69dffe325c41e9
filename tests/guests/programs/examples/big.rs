//! Answers with as much as it is told.

use toolcell_test_programs::{Answer, Value, json, plugin, structured, text, tool};

plugin!(tool("big", "Returns `bytes` bytes of text, or of structured content when `structured` is true."), big);

fn big(arguments: &Value) -> Answer {
    let bytes = usize::try_from(arguments["bytes"].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
    let filling = "x".repeat(bytes);
    if arguments["structured"] == true { structured(json!({ "filling": filling })) } else { text(filling) }
}
