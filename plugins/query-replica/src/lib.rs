//! SQL on a PostgreSQL replica that can read and nothing else: the database's role and a read-only transaction see to that,
//! not this plugin, which never judges a statement by its text.

mod catalog;
mod describe;
mod query;
mod refusal;
mod statement;

use toolcell_sdk::Tool;

toolcell_sdk::plugin!(tools);

/// The database, as manifest and operator call it.
const DATABASE: &str = "replica";

/// The tools of this plugin.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new("query_replica", query::query_replica).title("Query the replica").read_only().open_world(true),
        Tool::new("describe_tables", describe::describe_tables).title("Describe tables").read_only().open_world(true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_are_listed() {
        let names: Vec<_> = toolcell_sdk::testing::list(&tools()).into_iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["query_replica", "describe_tables"]);
    }

    #[test]
    fn the_examples_hold() {
        toolcell_sdk::testing::examples(&tools(), "examples");
    }
}
