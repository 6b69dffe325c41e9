//! Stories on Hacker News, over the public search API that Algolia runs (<https://hn.algolia.com/api>).

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use toolcell_sdk::{ToolError, http};

use crate::post::{Post, Source};
use crate::time::{self, DateRange};

/// How many stories one search reads.
const STORIES: u32 = 50;

/// Both sources are asked in turn, within the 30 seconds of a call.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Page {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "objectID")]
    object_id: String,
    title: Option<String>,
    /// Absent or empty for a story that is only text.
    url: Option<String>,
    author: Option<String>,
    points: Option<u32>,
    num_comments: Option<u32>,
    /// Unix time.
    created_at_i: i64,
}

/// The stories that match best.
pub(crate) fn search(topic: &str, range: DateRange, now: SystemTime) -> Result<Vec<Post>, ToolError> {
    let mut request = http::get("https://hn.algolia.com/api/v1/search")
        .query("query", topic)
        .query("tags", "story")
        .query("hitsPerPage", STORIES)
        .timeout(TIMEOUT);
    if let Some(start) = range.start(now) {
        request = request.query("numericFilters", format!("created_at_i>={start}"));
    }
    let page: Page = request.send()?.error_for_status()?.json()?;
    Ok(page.hits.into_iter().filter_map(post).collect())
}

/// A hit without a title is a story that was taken down.
fn post(hit: Hit) -> Option<Post> {
    Some(Post {
        source: Source::HackerNews,
        community: "Hacker News".to_owned(),
        title: hit.title.filter(|title| !title.is_empty())?,
        url: hit.url.filter(|url| !url.is_empty()),
        discussion_url: format!("https://news.ycombinator.com/item?id={}", hit.object_id),
        author: hit.author,
        points: hit.points,
        comments: hit.num_comments,
        created_at: time::from_unix(hit.created_at_i)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::json;
    use toolcell_sdk::testing;

    use super::*;

    #[test]
    fn stories_come_back_as_posts() {
        let url = "https://hn.algolia.com/api/v1/search?query=wasm&tags=story&hitsPerPage=50\
                   &numericFilters=created_at_i%3E%3D1774872000";
        let body = json!({"hits": [
            {"objectID": "1", "title": "A", "url": "https://a.example/", "author": "x", "points": 5, "num_comments": 2,
             "created_at": "2026-03-30T12:00:00Z", "created_at_i": 1_774_872_000, "_tags": ["story"]},
            {"objectID": "2", "title": "B", "url": "", "author": "y", "points": 1, "num_comments": null,
             "created_at_i": 1_774_872_000},
            {"objectID": "3", "title": null, "author": "z", "created_at_i": 1_774_872_000},
        ], "nbHits": 3});
        let http = testing::http().answer("GET", url, 200, body).install();
        let now = UNIX_EPOCH + Duration::from_secs(1_774_958_400);
        let posts = search("wasm", DateRange::Day, now).unwrap();
        assert_eq!(posts.len(), 2);
        assert_eq!(
            serde_json::to_value(&posts[0]).unwrap(),
            json!({
                "source": "hacker_news", "community": "Hacker News", "title": "A", "url": "https://a.example/",
                "discussion_url": "https://news.ycombinator.com/item?id=1", "author": "x", "points": 5, "comments": 2,
                "created_at": "2026-03-30T12:00:00Z",
            })
        );
        assert_eq!((&posts[1].url, posts[1].comments), (&None, None));
        assert_eq!(http.requests()[0].timeout_ms, Some(10_000));
    }
}
