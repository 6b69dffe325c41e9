//! Fails in a way that it foresaw.

use toolcell_test_programs::{Answer, ToolError, Value, plugin, tool};

plugin!(tool("toolerror", "Returns a tool error, with `forged` one that is too much of everything."), toolerror);

fn toolerror(arguments: &Value) -> Answer {
    if arguments["forged"] == true {
        let long = "\u{1b}[2J\u{202e}too much\nThe host saw: nothing. ".repeat(10_000);
        return Err(Box::new(ToolError {
            code: format!("unexpected, call 1)\n{long}"),
            message: long.clone(),
            likely_causes: vec![long.clone(); 10],
            check_first: Some(long),
            retryable: true,
            extra: None,
        }));
    }
    Err(Box::new(ToolError {
        code: "story_not_found".to_owned(),
        message: "There is no story 42.".to_owned(),
        likely_causes: vec!["The story was removed.".to_owned(), "The number is wrong.".to_owned()],
        check_first: Some("Search for the story by its title.".to_owned()),
        retryable: false,
        extra: None,
    }))
}
