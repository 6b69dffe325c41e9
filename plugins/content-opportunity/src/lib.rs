//! What is asked and discussed on Hacker News and Reddit, ranked as opportunities for content.

mod find;
mod group;
mod hacker_news;
mod post;
mod rank;
mod reddit;
mod score;
mod time;

use toolcell_sdk::Tool;

toolcell_sdk::plugin!(tools);

/// The tools of this plugin.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new("find_opportunities", find::find_opportunities)
            .title("Find content opportunities")
            .read_only()
            .open_world(true),
        Tool::new("search_subreddit", find::search_subreddit).title("Search a subreddit").read_only().open_world(true),
        Tool::new("rank_opportunities", rank::rank_opportunities)
            .title("Rank content opportunities")
            .read_only()
            .open_world(false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_are_listed() {
        let names: Vec<String> = toolcell_sdk::testing::list(&tools()).into_iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["find_opportunities", "search_subreddit", "rank_opportunities"]);
    }

    #[test]
    fn the_examples_hold() {
        toolcell_sdk::testing::examples(&tools(), "examples");
    }
}
