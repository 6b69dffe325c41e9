//! The request and the answer as the API has them.

use std::time::Duration;

use serde::Deserialize;
use toolcell_sdk::{ToolError, http};

/// The API answers in well under a second; what takes longer than this is better told than waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What to ask the API.
pub(crate) struct Request<'a> {
    /// `search` (best match first) or `search_by_date` (newest first).
    pub(crate) endpoint: &'static str,
    pub(crate) query: &'a str,
    /// All of them have to hold, separated by commas.
    pub(crate) tags: String,
    /// Comparisons such as `points>=10`; all of them have to hold.
    pub(crate) numeric_filters: Vec<String>,
    pub(crate) hits_per_page: u32,
    /// Counted from 0.
    pub(crate) page: u32,
}

/// One page of results. The API sends more members, which no tool needs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    pub(crate) hits: Vec<Hit>,
    pub(crate) nb_hits: u64,
    pub(crate) nb_pages: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Hit {
    #[serde(rename = "objectID")]
    pub(crate) object_id: String,
    pub(crate) title: String,
    /// Absent or empty for a story that is only text, such as most of Ask HN.
    pub(crate) url: Option<String>,
    pub(crate) author: String,
    /// Null for a job.
    pub(crate) points: Option<u32>,
    /// Null for a job.
    pub(crate) num_comments: Option<u32>,
    pub(crate) created_at: String,
}

pub(crate) fn send(request: Request<'_>) -> Result<Page, ToolError> {
    let mut http = http::get(format!("https://hn.algolia.com/api/v1/{}", request.endpoint))
        .query("query", request.query)
        .query("tags", request.tags)
        .query("hitsPerPage", request.hits_per_page)
        .query("page", request.page)
        .timeout(TIMEOUT);
    if !request.numeric_filters.is_empty() {
        http = http.query("numericFilters", request.numeric_filters.join(","));
    }
    http.send()?.error_for_status()?.json()
}
