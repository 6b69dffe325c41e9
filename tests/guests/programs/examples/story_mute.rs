//! Fails without a cause and without a next step.

use toolcell_test_programs::{Answer, ToolError, Value, json, plugin, story, structured};

plugin!(story::tool(), mute);

fn mute(arguments: &Value) -> Answer {
    match story::title(arguments) {
        Ok(title) => structured(json!({ "title": title })),
        Err(error) => {
            let error = *story::passed_on(*error);
            Err(Box::new(ToolError { likely_causes: Vec::new(), check_first: None, ..error }))
        }
    }
}
