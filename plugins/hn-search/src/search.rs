use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolcell_sdk::ToolError;

use crate::api::{self, Hit, Page, Request};

/// Searches the stories of Hacker News (news.ycombinator.com) over the public API at hn.algolia.com. Use it for what is
/// discussed in technology and start-ups; it finds titles, links and numbers, not the articles or comments themselves.
/// Returns up to 50 stories a page, and no more than 1000 for one search. No match is a result with a `hint`, not an error.
/// Fails with `invalid_arguments`, `upstream_rate_limited` (too many searches) or another `upstream_` code; it changes
/// nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchHn {
    /// Words to find in title, address and author. Small misspellings are forgiven. Empty finds all that the other
    /// arguments allow.
    #[schemars(length(max = 500), extend("examples" = ["webassembly sandbox"]))]
    query: String,
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    kind: Kind,
    /// Only stories by this user, exactly as the name is written on Hacker News.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,32}$"))]
    author: Option<String>,
    /// Only stories with at least so many points (upvotes).
    min_points: Option<u32>,
    /// Only stories posted on this day or later: `YYYY-MM-DD`, in UTC. Not together with `last_days`.
    #[schemars(extend("format" = "date"))]
    since: Option<String>,
    /// Only stories posted in so many days (of 24 hours) until now. Not together with `since`.
    #[schemars(range(min = 1, max = 36500))]
    last_days: Option<u32>,
    /// How many stories to return at most.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 50))]
    limit: u32,
    /// Which page of `limit` stories to return, counted from 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    page: u32,
}

fn ten() -> u32 {
    10
}

fn one() -> u32 {
    1
}

/// What comes first: the best match, more points before fewer (`relevance`), or the newest (`date`).
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Relevance,
    Date,
}

/// Which stories: all of them (`story`), questions (`ask_hn`), own work that is shown (`show_hn`), jobs (`job`), polls
/// (`poll`), or what is on the front page now (`front_page`).
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Story,
    AskHn,
    ShowHn,
    Job,
    Poll,
    FrontPage,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Found {
    /// The stories of this page, in the order asked for.
    stories: Vec<Story>,
    /// How many stories match in all. Large numbers are estimates.
    total: u64,
    /// The page that this is, counted from 1.
    page: u32,
    /// How many pages can be asked for.
    pages: u32,
    /// What to try when there are no stories.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Story {
    /// The number of the story on Hacker News.
    id: String,
    /// The title, as plain text.
    title: String,
    /// What the story links to. Absent for a story that is only text.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The user who posted it.
    author: String,
    /// Points (upvotes). Absent for a job, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<u32>,
    /// Comments. Absent for a job, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<u32>,
    /// When it was posted: RFC 3339, in UTC.
    created_at: String,
    /// The discussion on Hacker News.
    hn_url: String,
}

#[expect(clippy::needless_pass_by_value, reason = "a tool is given its arguments")]
pub(crate) fn search_hn(input: SearchHn) -> Result<Found, ToolError> {
    search_at(&input, SystemTime::now)
}

/// The search, with the clock as an argument: only `last_days` reads it.
fn search_at(input: &SearchHn, now: impl FnOnce() -> SystemTime) -> Result<Found, ToolError> {
    let earliest = match (&input.since, input.last_days) {
        (Some(_), Some(_)) => {
            return Err(ToolError::new("invalid_arguments", "`since` and `last_days` are both given")
                .cause("each says on its own where to begin")
                .check_first("Give one of `since` and `last_days`."));
        }
        (Some(day), None) => Some(start_of_day(day)?),
        (None, Some(days)) => Some(days_before(now(), days)),
        (None, None) => None,
    };
    let points = input.min_points.map(|points| format!("points>={points}"));
    let created = earliest.map(|second| format!("created_at_i>={second}"));
    let page = api::send(Request {
        endpoint: match input.sort {
            Sort::Relevance => "search",
            Sort::Date => "search_by_date",
        },
        query: &input.query,
        tags: tags(input),
        numeric_filters: [points, created].into_iter().flatten().collect(),
        hits_per_page: input.limit,
        page: input.page.saturating_sub(1),
    })?;
    Ok(found(input, page))
}

fn tags(input: &SearchHn) -> String {
    let kind = match input.kind {
        Kind::Story => "story",
        Kind::AskHn => "ask_hn",
        Kind::ShowHn => "show_hn",
        Kind::Job => "job",
        Kind::Poll => "poll",
        Kind::FrontPage => "front_page",
    };
    match &input.author {
        Some(author) => format!("{kind},author_{author}"),
        None => kind.to_owned(),
    }
}

/// The first second of `day` in UTC, as Unix time.
fn start_of_day(day: &str) -> Result<i64, ToolError> {
    let midnight = Date::strptime("%Y-%m-%d", day).and_then(|date| date.to_zoned(TimeZone::UTC));
    let midnight = midnight.map_err(|error| {
        ToolError::new("invalid_arguments", format!("`since` is not a day: {error}"))
            .cause("the day does not exist, or is written in another form")
            .check_first("Write it as YYYY-MM-DD, for example 2026-03-31.")
    })?;
    Ok(midnight.timestamp().as_second())
}

fn days_before(now: SystemTime, days: u32) -> i64 {
    let age = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    // A day before 1970 is before the first story, as is 1970.
    let since_epoch = now.checked_sub(age).and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

fn found(input: &SearchHn, page: Page) -> Found {
    let hint = page.hits.is_empty().then(|| hint(input, &page));
    Found {
        stories: page.hits.into_iter().map(story).collect(),
        total: page.nb_hits,
        page: input.page,
        pages: page.nb_pages,
        hint,
    }
}

fn story(hit: Hit) -> Story {
    Story {
        hn_url: format!("https://news.ycombinator.com/item?id={}", hit.object_id),
        id: hit.object_id,
        title: hit.title,
        url: hit.url.filter(|url| !url.is_empty()),
        author: hit.author,
        points: hit.points,
        comments: hit.num_comments,
        created_at: hit.created_at,
    }
}

/// What to try when a page is empty.
fn hint(input: &SearchHn, page: &Page) -> String {
    if page.nb_hits > 0 {
        return format!("There are {} pages; ask for one of them.", page.nb_pages);
    }
    let narrowing = [
        ("author", input.author.is_some()),
        ("min_points", input.min_points.is_some()),
        ("since", input.since.is_some()),
        ("last_days", input.last_days.is_some()),
        ("kind", !matches!(input.kind, Kind::Story)),
    ];
    let given: Vec<&str> = narrowing.into_iter().filter_map(|(name, given)| given.then_some(name)).collect();
    if given.is_empty() {
        "No story matches. Use fewer or other words: all of them have to occur.".to_owned()
    } else {
        format!("No story matches. Try without {}, or with fewer words: all of them have to occur.", given.join(", "))
    }
}

#[cfg(test)]
mod tests;
