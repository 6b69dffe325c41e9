//! Fails in a way that it foresaw.

use toolcell_test_programs::{Answer, ToolError, Value, plugin, tool};

plugin!(tool("toolerror", "Returns a tool error."), toolerror);

fn toolerror(_arguments: &Value) -> Answer {
    Err(Box::new(ToolError {
        code: "story_not_found".to_owned(),
        message: "There is no story 42.".to_owned(),
        likely_causes: vec!["The story was removed.".to_owned(), "The number is wrong.".to_owned()],
        check_first: Some("Search for the story by its title.".to_owned()),
        retryable: false,
        extra: None,
    }))
}
