//! Where the index comes from: the cache, or the server that `DOCS_URL` names.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolcell_sdk::cache::{self, Entry};
use toolcell_sdk::http::{self, Response};
use toolcell_sdk::{ToolError, env, log};
use url::Url;

use crate::format;
use crate::index::Index;

/// The largest index that is read, in bytes: of several thousand pages. The host takes answers of up to 16 MiB.
const MAX_BYTES: usize = 8 << 20;

/// A large index over a slow line takes a while, and the call may take 30 seconds in all.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long an index is kept: longer than it is used unasked, since to ask whether it is still current is cheap.
const KEEP: Duration = Duration::from_secs(60 * 60);

/// To be changed with the form of what is kept: a [`Label`] and an [`Index`].
const KEY: &str = "index-1";

/// What is kept in front of an index, and read without it.
#[derive(Serialize, Deserialize)]
struct Label<'a> {
    /// The `DOCS_URL` that it was made from.
    url: &'a str,
    /// What the server called this version, to ask for a newer one (RFC 9110, section 8.8.3).
    etag: Option<&'a str>,
}

/// Where an index came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// From the cache, without asking the server.
    Cache,
    /// From the cache, after the server said that nothing has changed since.
    Confirmed,
    /// Read from the server just now.
    Server,
}

/// What is kept, as bytes.
pub(crate) struct Loaded {
    bytes: Vec<u8>,
    pub(crate) origin: Origin,
    /// How long ago the server sent or confirmed it.
    pub(crate) age: Duration,
}

impl Loaded {
    /// The index, read in place.
    pub(crate) fn index(&self) -> Result<Index<'_>, ToolError> {
        let index = label(&self.bytes).and_then(|(_, index)| postcard::from_bytes(index).ok());
        index.ok_or_else(|| {
            // The next call makes a new one.
            if let Err(error) = cache::delete(KEY) {
                log::warn(format_args!("an index that cannot be read stays in the cache: {error}"));
            }
            ToolError::new("unreadable_index", "the index in the cache cannot be read")
                .cause("it was made by another version of the plugin")
                .check_first("Call again: the index was deleted, and is read from the server again.")
                .retryable()
        })
    }
}

/// The label, and the bytes of the index.
fn label(bytes: &[u8]) -> Option<(Label<'_>, &[u8])> {
    postcard::take_from_bytes(bytes).ok()
}

/// The index of the documentation, as the server had it at most `max_age` ago.
pub(crate) fn load(max_age: Duration) -> Result<Loaded, ToolError> {
    let url = docs_url()?;
    let entry = cache::get(KEY).unwrap_or_else(|error| {
        log::warn(format_args!("searched without the cache: {error}"));
        None
    });
    let entry = entry.filter(|entry| label(&entry.value).is_some_and(|(label, _)| label.url == url.as_str()));
    let Some(Entry { value, age }) = entry else {
        return fetched(&url, &request(&url, None)?);
    };
    if age < max_age {
        return Ok(Loaded { bytes: value, origin: Origin::Cache, age });
    }
    let etag = label(&value).and_then(|(label, _)| label.etag);
    let response = request(&url, etag).map_err(|error| or_older(error, age))?;
    if response.status == 304 {
        keep(&value);
        return Ok(Loaded { bytes: value, origin: Origin::Confirmed, age: Duration::ZERO });
    }
    fetched(&url, &response)
}

/// What the operator named, which has to be a public address without credentials: links to its pages are in every result.
fn docs_url() -> Result<Url, ToolError> {
    let invalid = |what: &str| {
        ToolError::new("invalid_docs_url", format!("the environment variable DOCS_URL {what}"))
            .cause("it was set to something else than the address of a search index")
            .check_first(
                "A person sets DOCS_URL for the host, for example to https://www.mkdocs.org/search/search_index.json.",
            )
    };
    let mut url =
        Url::parse(env::var("DOCS_URL")?.trim()).map_err(|error| invalid(&format!("is not an address: {error}")))?;
    if url.scheme() != "https" {
        return Err(invalid("does not begin with `https://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("has a user or a password in it"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Asks the server for the index, or for a newer one than `etag` names.
fn request(url: &Url, etag: Option<&str>) -> Result<Response, ToolError> {
    let mut request = http::get(url.as_str())
        .header("accept", "application/json, text/javascript, text/markdown, text/plain;q=0.9, */*;q=0.1")
        // The host decompresses nothing.
        .header("accept-encoding", "identity")
        .header("user-agent", concat!("toolcell-docs-search/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT);
    if let Some(etag) = etag {
        request = request.header("if-none-match", etag);
    }
    let response = request.send()?;
    if response.status == 304 && etag.is_some() {
        return Ok(response);
    }
    response.error_for_status().map_err(|error| match error.code.as_str() {
        "upstream_not_found" => ToolError {
            likely_causes: vec!["DOCS_URL is wrong, or the site has moved its search index".to_owned()],
            check_first: Some("A person opens DOCS_URL in a browser and sets it to where the index is.".to_owned()),
            ..error
        },
        "upstream_redirected" => {
            error.check_first("A person sets DOCS_URL to the address that the server redirects to.")
        }
        _ => error,
    })
}

/// Makes the index of what the server sent, and keeps it.
fn fetched(url: &Url, response: &Response) -> Result<Loaded, ToolError> {
    let server = url.origin().ascii_serialization();
    let size = response.body.len();
    if size > MAX_BYTES {
        return Err(ToolError::new(
            "docs_too_large",
            format!("the search index of {server} has {size} bytes, at most {MAX_BYTES} are read"),
        )
        .cause("the site is one of very many pages, or keeps all its versions in one index")
        .check_first("A person sets DOCS_URL to the index of a part of the documentation."));
    }
    let sections = format::read(url, response.text()?)?;
    let label = Label { url: url.as_str(), etag: response.header("etag") };
    let bytes = postcard::to_allocvec(&(label, Index::of(&sections)))
        .map_err(|error| ToolError::new("unreadable_index", format!("the index cannot be written: {error}")))?;
    keep(&bytes);
    Ok(Loaded { bytes, origin: Origin::Server, age: Duration::ZERO })
}

/// Without a cache every search reads the index from the server, which is slow and right.
fn keep(bytes: &[u8]) {
    if let Err(error) = cache::set(KEY, bytes, KEEP) {
        log::warn(format_args!("the index is not kept: {error}"));
    }
}

/// The error of a server that could not be asked, with the way to what the cache has.
fn or_older(mut error: ToolError, age: Duration) -> ToolError {
    let (minutes, hour) = (age.as_secs().div_ceil(60), KEEP.as_secs());
    let older = format!("To search the copy that is {minutes} min old, call again with `max_age_seconds` {hour}.");
    // In front, where it is not cut off.
    error.check_first = Some(match error.check_first {
        Some(advice) => format!("{older} Otherwise: {advice}"),
        None => older,
    });
    error
}

#[cfg(test)]
mod tests;
