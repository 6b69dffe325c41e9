//! Why Reddit refuses, which it does often and says little about.

use toolcell_sdk::ToolError;
use toolcell_sdk::http::Response;

/// The error for an answer that is not a success.
pub(super) fn explain(response: Response, subreddits: &[String], with_token: bool) -> ToolError {
    let status = response.status;
    let wait = response.header("retry-after").or(response.header("x-ratelimit-reset")).and_then(seconds);
    let error = match response.error_for_status() {
        Err(error) => error,
        Ok(response) => {
            ToolError::new("upstream_unexpected", format!("Reddit answered with status {}", response.status))
        }
    };
    let (causes, check_first): (&[&str], String) = match (status, with_token) {
        // A search in a subreddit that does not exist is redirected to a search for its name.
        (302 | 404, _) if !subreddits.is_empty() => {
            let names = subreddits.iter().map(|name| format!("r/{name}")).collect::<Vec<_>>().join(", ");
            return ToolError::new("subreddit_not_found", format!("Reddit has no subreddit to search in: {names}"))
                .cause("a name is misspelt, or the subreddit was banned or renamed")
                .check_first(
                    "Check the names, without `r/`; search without `subreddit_filter` to see which there are.",
                );
        }
        (401, _) => (
            &[
                "REDDIT_TOKEN has expired: Reddit's tokens last a day",
                "REDDIT_TOKEN is not a bearer token of Reddit's API",
            ],
            "A person gets a new token and sets REDDIT_TOKEN for the host.".to_owned(),
        ),
        (403, false) => (
            &[
                "Reddit keeps the network that the host is in from its feeds, as it does with most data centres and VPNs",
                "the subreddit is private or in quarantine",
            ],
            "A person sets and grants REDDIT_TOKEN, with which Reddit's API is asked instead.".to_owned(),
        ),
        (403, true) => (
            &["the subreddit is private or in quarantine", "REDDIT_TOKEN lacks the scope `read`"],
            "Search in another subreddit, or have a person check the scopes of REDDIT_TOKEN.".to_owned(),
        ),
        (429, false) => (
            &[
                "without a token Reddit answers only a few requests a minute for each network address",
                "others behind the same address use them up",
            ],
            format!(
                "Wait {}, then call again. A person can grant REDDIT_TOKEN, which has more requests.",
                waiting(wait)
            ),
        ),
        (429, true) => (
            &["REDDIT_TOKEN has used up its requests, 100 a minute on average"],
            format!("Wait {}, then call again.", waiting(wait)),
        ),
        _ => return error,
    };
    ToolError {
        likely_causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        check_first: Some(check_first),
        ..error
    }
}

/// Whole seconds, which Reddit sends with a fraction in one of its headers.
fn seconds(value: &str) -> Option<u32> {
    value.split('.').next()?.trim().parse().ok()
}

fn waiting(seconds: Option<u32>) -> String {
    seconds.map_or_else(|| "a minute".to_owned(), |seconds| format!("{} seconds", seconds.max(1)))
}
