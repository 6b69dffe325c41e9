//! Reddit's public feeds: Atom (RFC 4287), whatever their addresses end in.

use quick_xml::escape::unescape;
use serde::Deserialize;
use toolcell_sdk::ToolError;
use toolcell_sdk::http::Response;

use crate::post::{Post, Source};
use crate::time;

#[derive(Deserialize)]
struct Feed {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// `t3_` and a number for a post; a search also finds subreddits (`t5_`).
    id: String,
    title: String,
    #[serde(default)]
    link: Vec<Link>,
    author: Option<Author>,
    #[serde(default)]
    category: Vec<Category>,
    /// HTML.
    content: Option<Content>,
    published: Option<String>,
    updated: Option<String>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "@href")]
    href: String,
}

#[derive(Deserialize)]
struct Author {
    name: String,
}

#[derive(Deserialize)]
struct Category {
    #[serde(rename = "@label")]
    label: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "$text", default)]
    html: String,
}

pub(super) fn posts(response: &Response) -> Result<Vec<Post>, ToolError> {
    let text = response.text()?;
    // What Reddit shows to those it takes for robots is a page, and would be read as a feed without entries.
    if !text.contains("<feed") {
        return Err(unexpected("a page that is no feed").cause("Reddit takes the host for a robot, and shows a check"));
    }
    let feed: Feed = quick_xml::de::from_str(text).map_err(|error| {
        unexpected(&format!("a feed that cannot be read: {error}")).cause("Reddit has changed its feeds")
    })?;
    Ok(feed.entry.into_iter().filter_map(post).collect())
}

fn unexpected(what: &str) -> ToolError {
    ToolError::new("upstream_unexpected", format!("https://www.reddit.com answered with {what}")).check_first(
        "A person grants REDDIT_TOKEN, with which Reddit's API is asked, or opens https://www.reddit.com/r/all/.rss from the \
         same machine.",
    )
}

fn post(entry: Entry) -> Option<Post> {
    if !entry.id.starts_with("t3_") {
        return None;
    }
    let discussion_url = entry.link.into_iter().next()?.href;
    let created = entry.published.or(entry.updated)?;
    let target = entry.content.and_then(|content| target(&content.html)).filter(|url| *url != discussion_url);
    Some(Post {
        source: Source::Reddit,
        community: entry
            .category
            .into_iter()
            .find_map(|category| category.label)
            .unwrap_or_else(|| "Reddit".to_owned()),
        title: entry.title,
        url: target,
        discussion_url,
        author: entry.author.map(|author| author.name.trim_start_matches("/u/").to_owned()),
        points: None,
        comments: None,
        created_at: time::from_unix(time::to_unix(&created)?)?,
    })
}

/// What the post links to: `<a href="...">[link]</a>` at the end of its content.
fn target(html: &str) -> Option<String> {
    let (before, _) = html.rsplit_once("\">[link]</a>")?;
    let (_, href) = before.rsplit_once("href=\"")?;
    Some(unescape(href).map_or_else(|_| href.to_owned(), String::from))
}
