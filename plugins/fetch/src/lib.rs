//! A web page as markdown, in pieces that fit a model's context.

mod content;
mod download;
mod markdown;
mod page;

use toolcell_sdk::Tool;

toolcell_sdk::plugin!(tools);

/// The tools of this plugin.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![Tool::new("fetch_page", page::fetch_page).title("Fetch a web page").read_only().open_world(true)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_listed() {
        assert_eq!(toolcell_sdk::testing::list(&tools())[0].name, "fetch_page");
    }

    #[test]
    fn the_examples_hold() {
        toolcell_sdk::testing::examples(&tools(), "examples");
    }
}
