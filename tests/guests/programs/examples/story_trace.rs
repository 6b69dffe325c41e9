//! Shows a trace where it should say what happened.

use toolcell_test_programs::{Answer, ToolError, Value, plugin, story};

plugin!(story::tool(), trace);

fn trace(arguments: &Value) -> Answer {
    story::story(arguments).map_err(|error| {
        let message = format!("Traceback (most recent call last):\n  File \"story.py\", line 7\n{}", error.message);
        Box::new(ToolError { message, ..*error })
    })
}
