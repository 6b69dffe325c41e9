//! Posts on Reddit: over its API where the operator has granted a token, otherwise from its public feeds.

mod api;
mod feed;
mod refusal;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toolcell_sdk::http::Request;
use toolcell_sdk::{ToolError, env, http};

use crate::post::Post;
use crate::time::DateRange;

/// How many posts one search reads.
const POSTS: u32 = 50;

/// Both sources are asked in turn, within the 30 seconds of a call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What to say of posts from the feeds.
const NO_NUMBERS: &str =
    "From Reddit's public feeds, which have neither points nor comments; these signals are unknown.";

/// What comes first: the best match (`relevance`), what is discussed now (`hot`), the most points (`top`), the newest
/// (`new`), or the most comments (`comments`).
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    #[default]
    Relevance,
    Hot,
    Top,
    New,
    Comments,
}

/// What to search for.
pub(crate) struct Search<'a> {
    pub(crate) words: &'a str,
    /// Names without `r/`. All of Reddit when there are none.
    pub(crate) subreddits: &'a [String],
    pub(crate) sort: Sort,
    pub(crate) range: DateRange,
}

/// The posts, and what to know about them.
pub(crate) fn search(search: &Search<'_>) -> Result<(Vec<Post>, Option<&'static str>), ToolError> {
    let token = token()?;
    let (server, form) = if token.is_some() { ("oauth", "") } else { ("www", ".rss") };
    let place = match search.subreddits {
        [] => String::new(),
        names => format!("/r/{}", names.join("+")),
    };
    let mut request = http::get(format!("https://{server}.reddit.com{place}/search{form}"))
        .query("q", search.words)
        .query("sort", search.sort.name())
        .query("t", search.range.name())
        .query("type", "link")
        .query("limit", POSTS);
    if !search.subreddits.is_empty() {
        request = request.query("restrict_sr", 1);
    }
    match token {
        Some(token) => {
            let request = request.query("raw_json", 1).header("authorization", format!("Bearer {token}"));
            Ok((api::posts(&send(request, search, true)?)?, None))
        }
        None => Ok((feed::posts(&send(request, search, false)?)?, Some(NO_NUMBERS))),
    }
}

fn send(request: Request, search: &Search<'_>, with_token: bool) -> Result<http::Response, ToolError> {
    let response = request
        // Reddit asks for a name of this form, and holds nameless clients back first.
        .header("user-agent", concat!("wasm:toolcell-content-opportunity:", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .send()?;
    if (200..300).contains(&response.status) {
        return Ok(response);
    }
    Err(refusal::explain(response, search.subreddits, with_token))
}

/// The token, if there is one: a variable that is not set is the operator's choice.
fn token() -> Result<Option<String>, ToolError> {
    match env::var("REDDIT_TOKEN") {
        Ok(token) => Ok(Some(token.trim().to_owned()).filter(|token| !token.is_empty())),
        Err(error) if error.code == "missing_environment_variable" => Ok(None),
        Err(error) => Err(error),
    }
}

impl Sort {
    fn name(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Hot => "hot",
            Self::Top => "top",
            Self::New => "new",
            Self::Comments => "comments",
        }
    }
}

#[cfg(test)]
mod tests;
