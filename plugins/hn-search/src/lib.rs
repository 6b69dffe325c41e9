//! Hacker News stories, over the public search API that Algolia runs (<https://hn.algolia.com/api>).

mod api;
mod search;

use toolcell_sdk::Tool;

toolcell_sdk::plugin!(tools);

/// The tools of this plugin.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![Tool::new("search_hn", search::search_hn).title("Search Hacker News").read_only().open_world(true)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_listed() {
        assert_eq!(toolcell_sdk::testing::list(&tools())[0].name, "search_hn");
    }

    #[test]
    fn the_examples_hold() {
        toolcell_sdk::testing::examples(&tools(), "examples");
    }
}
