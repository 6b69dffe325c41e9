//! Full-text search over a documentation site, by the search index that the site publishes.

mod excerpt;
mod format;
mod html;
mod index;
mod search;
mod source;
mod words;

use toolcell_sdk::Tool;

toolcell_sdk::plugin!(tools);

/// The tools of this plugin.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![Tool::new("search_docs", search::search_docs).title("Search the documentation").read_only().open_world(true)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_listed() {
        assert_eq!(toolcell_sdk::testing::list(&tools())[0].name, "search_docs");
    }

    #[test]
    fn the_examples_hold() {
        toolcell_sdk::testing::examples(&tools(), "examples");
    }
}
