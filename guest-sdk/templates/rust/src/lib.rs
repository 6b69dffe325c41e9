//! What the plugin does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolcell_sdk::{Tool, ToolError};

toolcell_sdk::plugin!(tools);

fn tools() -> Vec<Tool> {
    vec![Tool::new("{{name}}", greet).title("Greet").read_only()]
}

/// Greets somebody by name. Use it to see that the plugin works. Reads nothing but its arguments, returns one line, and
/// fails with `blank_name` when there is no name to greet.
#[derive(Deserialize, JsonSchema)]
struct Greet {
    /// Whom to greet, for example `Ada`.
    name: String,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Greeting {
    /// The greeting, one line.
    text: String,
}

fn greet(input: Greet) -> Result<Greeting, ToolError> {
    let name = input.name.trim();
    if name.is_empty() {
        return Err(ToolError::new("blank_name", "the name is blank")
            .cause("the argument `name` is empty or only spaces")
            .check_first("Ask the user whom to greet."));
    }
    Ok(Greeting { text: format!("Hello, {name}!") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use toolcell_sdk::testing;

    use super::*;

    #[test]
    fn greets_by_name() {
        let greeting = greet(Greet { name: " Ada ".to_owned() }).unwrap();
        assert_eq!(greeting, Greeting { text: "Hello, Ada!".to_owned() });
    }

    #[test]
    fn a_blank_name_is_an_error_that_says_what_to_do() {
        let error = greet(Greet { name: " ".to_owned() }).unwrap_err();
        assert_eq!(error.code, "blank_name");
        assert_eq!(error.check_first.as_deref(), Some("Ask the user whom to greet."));
    }

    #[test]
    fn a_client_can_list_and_call_the_tool() {
        let tool = &testing::list(&tools())[0];
        let output = testing::call(&tools(), &tool.name, json!({"name": "Ada"})).unwrap();
        assert_eq!(output.structured_json(), Some(r#"{"text":"Hello, Ada!"}"#));
    }
}
