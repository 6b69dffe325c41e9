//! Tools for text that a model has at hand: exact counts, a diff, a JSON query. They reach nothing but their arguments.

mod count;
mod diff;
mod query;

use toolcell_sdk::Tool;

toolcell_sdk::plugin!(tools);

/// The tools of this plugin.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new("count_text", count::count_text).title("Count text").read_only(),
        Tool::new("diff_text", diff::diff_text).title("Compare two texts").read_only(),
        Tool::new("query_json", query::query_json).title("Query JSON").read_only(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_are_listed() {
        let listed = toolcell_sdk::testing::list(&tools());
        assert_eq!(
            listed.iter().map(|tool| &*tool.name).collect::<Vec<_>>(),
            ["count_text", "diff_text", "query_json"]
        );
    }

    #[test]
    fn the_examples_hold() {
        toolcell_sdk::testing::examples(&tools(), "examples");
    }
}
