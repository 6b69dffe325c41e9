use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Deserialize;
use toolcell_sdk::{ToolError, progress};

use crate::hacker_news;
use crate::post::{Post, Ranking, Source, SourceReport};
use crate::rank::ranking;
use crate::reddit::{self, Search, Sort};
use crate::score::Weights;
use crate::time::{self, DateRange};

/// Finds what is asked and discussed about a topic on Hacker News (over hn.algolia.com) and on Reddit, and ranks it as
/// opportunities for content. Use it to choose what to write or build about. Reads up to 50 posts of each source.
/// Returns opportunities (posts with the same link or title are one), each with a score of 0 to 100 from five signals
/// (interest, discussion, freshness, question, spread), the reasons and the posts, and in `sources` what became of each
/// source: when one fails, the other's posts are ranked all the same. Without a token from the operator Reddit gives
/// neither points nor comments, and often refuses. No post is a result with a `hint`, not an error. Fails with
/// `all_sources_failed` when both do, and with `invalid_arguments`; it changes nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindOpportunities {
    /// What the posts have to be about: a few words, all of which have to occur.
    #[schemars(length(min = 1, max = 300), extend("examples" = ["webassembly plugins", "postgres backup"]))]
    topic: String,
    /// On Reddit, only posts in these subreddits: names without `r/`, for example `rust`. All of Reddit when it is empty or
    /// left out. Hacker News is searched in any case.
    #[serde(default)]
    #[schemars(length(max = 10), inner(regex(pattern = "^[A-Za-z0-9_]{2,21}$")))]
    subreddit_filter: Vec<String>,
    #[serde(default)]
    date_range: DateRange,
    /// How many opportunities to return at most.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 50))]
    limit: usize,
}

/// Searches the posts of one subreddit on Reddit, and ranks them as opportunities for content. Use it when the community
/// is known; `find_opportunities` looks in all of them and on Hacker News. Reads up to 50 posts, chosen by `sort`, and
/// returns them ranked by score (0 to 100) from five signals (interest, discussion, freshness, question, spread), with the
/// reasons. Without a token from the operator Reddit gives neither points nor comments. No post is a result with a `hint`,
/// not an error. Fails with `subreddit_not_found`, with `upstream_forbidden` (Reddit refuses the host's network, or the
/// subreddit is private), `upstream_rate_limited` (wait and call again) or another `upstream_` code; it changes nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchSubreddit {
    /// The name of the subreddit without `r/`, for example `rust`.
    #[schemars(regex(pattern = "^[A-Za-z0-9_]{2,21}$"))]
    subreddit: String,
    /// Words to find in the posts; all of them have to occur.
    #[schemars(length(min = 1, max = 300), extend("examples" = ["plugin sandbox"]))]
    words: String,
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    date_range: DateRange,
    /// How many opportunities to return at most.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 50))]
    limit: usize,
}

fn ten() -> usize {
    10
}

#[expect(clippy::needless_pass_by_value, reason = "a tool is given its arguments")]
pub(crate) fn find_opportunities(input: FindOpportunities) -> Result<Ranking, ToolError> {
    find_at(&input, SystemTime::now())
}

/// The search, with the clock as an argument.
fn find_at(input: &FindOpportunities, now: SystemTime) -> Result<Ranking, ToolError> {
    progress::report(0.0, 2.0, "searching Hacker News");
    let stories = hacker_news::search(&input.topic, input.date_range, now);
    progress::report(1.0, 2.0, "searching Reddit");
    let search = Search {
        words: &input.topic,
        subreddits: &input.subreddit_filter,
        sort: Sort::Relevance,
        range: input.date_range,
    };
    let (posts, sources) = match (stories, reddit::search(&search)) {
        (Err(hacker_news), Err(reddit)) => return Err(both_failed(hacker_news, reddit)),
        (Ok(stories), Err(error)) => {
            let sources = [
                SourceReport::ok(Source::HackerNews, stories.len(), None),
                SourceReport::failed(Source::Reddit, error),
            ];
            (stories, sources)
        }
        (Err(error), Ok((posts, note))) => {
            let sources =
                [SourceReport::failed(Source::HackerNews, error), SourceReport::ok(Source::Reddit, posts.len(), note)];
            (posts, sources)
        }
        (Ok(mut stories), Ok((posts, note))) => {
            let sources = [
                SourceReport::ok(Source::HackerNews, stories.len(), None),
                SourceReport::ok(Source::Reddit, posts.len(), note),
            ];
            stories.extend(posts);
            (stories, sources)
        }
    };
    Ok(ranked(posts, now, input.limit, sources, input.date_range))
}

pub(crate) fn search_subreddit(input: SearchSubreddit) -> Result<Ranking, ToolError> {
    let subreddits = [input.subreddit];
    let search = Search { words: &input.words, subreddits: &subreddits, sort: input.sort, range: input.date_range };
    let (posts, note) = reddit::search(&search)?;
    let sources = [SourceReport::not_asked(Source::HackerNews), SourceReport::ok(Source::Reddit, posts.len(), note)];
    Ok(ranked(posts, SystemTime::now(), input.limit, sources, input.date_range))
}

fn ranked(posts: Vec<Post>, now: SystemTime, limit: usize, sources: [SourceReport; 2], range: DateRange) -> Ranking {
    let mut ranking = ranking(posts, &Weights::default(), time::unix(now), limit, sources.into());
    if ranking.total == 0 {
        ranking.hint = Some(match range {
            DateRange::All => "No post matches. Use fewer or other words: all of them have to occur.".to_owned(),
            range => format!("No post matches. Try a longer `date_range` than `{}`, or fewer words.", range.name()),
        });
    }
    ranking
}

fn both_failed(hacker_news: ToolError, reddit: ToolError) -> ToolError {
    let mut error = ToolError::new(
        "all_sources_failed",
        format!("neither source answered. {}; {}", sentence(&hacker_news.message), sentence(&reddit.message)),
    );
    error.retryable = hacker_news.retryable || reddit.retryable;
    error.check_first = hacker_news.check_first.or(reddit.check_first);
    let causes = [("Hacker News", hacker_news.likely_causes), ("Reddit", reddit.likely_causes)];
    for (source, causes) in causes {
        error.likely_causes.extend(causes.into_iter().take(1).map(|cause| format!("{source}: {cause}")));
    }
    error
}

/// The first sentence: two whole messages are too long for one.
fn sentence(message: &str) -> &str {
    message.split(". ").next().unwrap_or(message)
}

#[cfg(test)]
mod tests;
