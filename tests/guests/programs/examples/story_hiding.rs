//! Answers as if nothing were wrong when its server is gone.

use toolcell_test_programs::{Answer, Value, json, plugin, story, structured};

plugin!(story::tool(), hiding);

fn hiding(arguments: &Value) -> Answer {
    structured(json!({ "title": story::title(arguments).unwrap_or_default() }))
}
