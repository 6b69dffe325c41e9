//! The answer of Reddit's API: a listing (<https://www.reddit.com/dev/api#GET_search>).

use serde::Deserialize;
use toolcell_sdk::ToolError;
use toolcell_sdk::http::Response;

use crate::post::{Post, Source};
use crate::time;

#[derive(Deserialize)]
struct Listing {
    data: Children,
}

#[derive(Deserialize)]
struct Children {
    children: Vec<Child>,
}

#[derive(Deserialize)]
struct Child {
    data: Link,
}

#[derive(Deserialize)]
struct Link {
    title: String,
    /// For a post that is only text, its own address.
    url: Option<String>,
    is_self: bool,
    permalink: String,
    /// Absent for a user who is gone.
    author: Option<String>,
    subreddit: String,
    /// Can be below zero.
    score: i64,
    num_comments: u32,
    /// Unix time, with a fraction that is always zero.
    created_utc: f64,
}

pub(super) fn posts(response: &Response) -> Result<Vec<Post>, ToolError> {
    let listing: Listing = response.json()?;
    Ok(listing.data.children.into_iter().filter_map(|child| post(child.data)).collect())
}

fn post(link: Link) -> Option<Post> {
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is zero")]
    let created_at = time::from_unix(link.created_utc as i64)?;
    Some(Post {
        source: Source::Reddit,
        community: format!("r/{}", link.subreddit),
        title: link.title,
        url: link.url.filter(|_| !link.is_self),
        discussion_url: format!("https://www.reddit.com{}", link.permalink),
        author: link.author.filter(|author| author != "[deleted]"),
        points: Some(u32::try_from(link.score.max(0)).unwrap_or(u32::MAX)),
        comments: Some(link.num_comments),
        created_at,
    })
}
