use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Deserialize;
use toolcell_sdk::ToolError;

use crate::group::group;
use crate::post::{Opportunity, Post, Ranking, Source, SourceReport};
use crate::score::{self, Weights};
use crate::time;

/// Ranks posts that are at hand as opportunities for content, by the same formula as `find_opportunities` and, where
/// `weights` are given, with other weights. Use it to put the posts of several searches into one order, or to see the
/// order when freshness, questions or comments matter more. It reads nothing but its arguments, up to 200 posts: no
/// network. Returns opportunities (posts with the same link or title are one), each with its score (0 to 100), its five
/// signals (interest, discussion, freshness, question, spread) and the reasons. Fails with `invalid_arguments` when a
/// time cannot be read or all weights are 0; it changes nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RankOpportunities {
    /// The posts, as `posts` in the results of the other tools has them. The same post twice counts once.
    #[schemars(length(min = 1, max = 200))]
    posts: Vec<Post>,
    /// How much each signal counts. Those that are left out keep their defaults: interest 0.30, discussion 0.25,
    /// freshness 0.20, question 0.15, spread 0.10.
    #[serde(default)]
    weights: Weights,
    /// The time up to which ages are counted: RFC 3339, for example `2026-03-31T12:00:00Z`. Now, when it is left out.
    #[schemars(extend("format" = "date-time"))]
    as_of: Option<String>,
    /// How many opportunities to return at most.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 200))]
    limit: usize,
}

fn twenty() -> usize {
    20
}

pub(crate) fn rank_opportunities(input: RankOpportunities) -> Result<Ranking, ToolError> {
    let RankOpportunities { posts, weights, as_of, limit } = input;
    if weights.sum() <= 0.0 {
        return Err(ToolError::new("invalid_arguments", "all `weights` are 0")
            .check_first("Give at least one of the weights a value above 0, or leave `weights` out."));
    }
    let now = match as_of {
        Some(as_of) => time::to_unix(&as_of).ok_or_else(|| no_time("as_of", &as_of))?,
        None => time::unix(SystemTime::now()),
    };
    for (number, post) in posts.iter().enumerate() {
        if time::to_unix(&post.created_at).is_none() {
            return Err(no_time(&format!("posts/{number}/created_at"), &post.created_at));
        }
    }
    let sources = vec![SourceReport::not_asked(Source::HackerNews), SourceReport::not_asked(Source::Reddit)];
    Ok(ranking(posts, &weights, now, limit, sources))
}

fn no_time(argument: &str, value: &str) -> ToolError {
    ToolError::new("invalid_arguments", format!("`{argument}` is no time: {value:?}"))
        .cause("it has no offset from UTC, or is a day without a time")
        .check_first("Write it as RFC 3339, for example 2026-03-31T12:00:00Z.")
}

/// The posts as opportunities, the best first. Of equals it is the one whose first post came first.
pub(crate) fn ranking(
    posts: Vec<Post>,
    weights: &Weights,
    now: i64,
    limit: usize,
    sources: Vec<SourceReport>,
) -> Ranking {
    let to_opportunity = |posts: Vec<Post>| {
        let newest = posts.iter().filter_map(|post| time::to_unix(&post.created_at)).max()?;
        let title = posts.first()?.title.clone();
        let (signals, score, reasons) = score::score(&posts, newest, now, weights);
        Some(Opportunity { rank: 0, title, score, signals, reasons, posts })
    };
    let mut opportunities: Vec<Opportunity> = group(posts).into_iter().filter_map(to_opportunity).collect();
    opportunities.sort_by(|a, b| b.score.total_cmp(&a.score));
    let total = opportunities.len();
    opportunities.truncate(limit);
    for (rank, opportunity) in (1..).zip(&mut opportunities) {
        opportunity.rank = rank;
    }
    Ranking { opportunities, total, sources, hint: None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn post(number: u32, title: &str, points: u32) -> Value {
        json!({
            "source": "hacker_news", "community": "Hacker News", "title": title, "discussion_url": number.to_string(),
            "points": points, "comments": 0, "created_at": "2026-03-24T12:00:00Z",
        })
    }

    fn rank(arguments: Value) -> Result<Value, ToolError> {
        let ranking = rank_opportunities(serde_json::from_value(arguments).unwrap())?;
        Ok(serde_json::to_value(ranking).unwrap())
    }

    fn titles(ranking: &Value) -> Vec<&str> {
        let opportunities = ranking["opportunities"].as_array().unwrap();
        opportunities.iter().map(|opportunity| opportunity["title"].as_str().unwrap()).collect()
    }

    #[test]
    fn the_best_comes_first_and_ranks_count_from_one() {
        let posts = json!([post(1, "Few", 1), post(2, "Many", 400), post(3, "Some", 40)]);
        let ranking = rank(json!({"posts": posts, "as_of": "2026-03-31T12:00:00Z", "limit": 2})).unwrap();
        assert_eq!(titles(&ranking), ["Many", "Some"]);
        assert_eq!((&ranking["opportunities"][1]["rank"], &ranking["total"]), (&json!(2), &json!(3)));
        assert_eq!(ranking["opportunities"][0]["signals"]["freshness"], 0.5);
        assert_eq!(ranking["sources"][0], json!({"source": "hacker_news", "status": "not_asked", "posts": 0}));
    }

    #[test]
    fn weights_change_the_order() {
        let posts = json!([post(1, "How to do it", 1), post(2, "Done", 400)]);
        assert_eq!(titles(&rank(json!({"posts": posts})).unwrap()), ["Done", "How to do it"]);
        let weights = json!({"interest": 0.1, "question": 1});
        assert_eq!(titles(&rank(json!({"posts": posts, "weights": weights})).unwrap()), ["How to do it", "Done"]);
    }

    #[test]
    fn what_cannot_be_ranked_is_told() {
        let mut untimed = post(1, "A", 1);
        untimed["created_at"] = json!("2026-03-24");
        let none = json!({"interest": 0, "discussion": 0, "freshness": 0, "question": 0, "spread": 0});
        let cases = [
            (json!({"posts": [post(0, "B", 1), untimed]}), "`posts/1/created_at` is no time: \"2026-03-24\""),
            (json!({"posts": [post(0, "B", 1)], "as_of": "now"}), "`as_of` is no time: \"now\""),
            (json!({"posts": [post(0, "B", 1)], "weights": none}), "all `weights` are 0"),
        ];
        for (arguments, message) in cases {
            let error = rank(arguments).unwrap_err();
            assert_eq!((error.code.as_str(), error.message.as_str()), ("invalid_arguments", message));
            assert!(error.check_first.is_some());
        }
    }
}
