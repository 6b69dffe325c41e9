//! What a plugin keeps from one call to the next, over the contract's `cache`.
//!
//! Each call runs in a fresh instance, so that what should be kept has to be kept by the host. The manifest asks for it:
//!
//! ```toml
//! [capabilities.cache]
//! max = "16MiB"
//! ttl-max = "1h"
//! ```
//!
//! ```no_run
//! # use std::time::Duration;
//! # use toolcell_sdk::{ToolError, cache, http};
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Story {}
//! # fn story(id: u64) -> Result<(), ToolError> {
//! let story: cache::Cached<Story> = cache::get_or_fetch(&format!("story/{id}"), Duration::from_secs(600), || {
//!     http::get(format!("https://hn.algolia.com/api/v1/items/{id}")).send()?.error_for_status()?.json()
//! })?;
//! // `story.age` is how old the answer is, or `None` when it was fetched just now: worth a word in the result.
//! # Ok(())
//! # }
//! ```
//!
//! The entries are the plugin's own: no other plugin and no other user sees them. An entry is gone when its time is over,
//! when others needed the room, and at the latest when the host ends, so a plugin works without it, too.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ToolError, host, log};

/// What was kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes as they were set.
    pub value: Vec<u8>,
    /// How long ago they were set.
    pub age: Duration,
}

/// A value, and whether it was fetched for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cached<T> {
    /// The value.
    pub value: T,
    /// How long ago it was fetched, by this or an earlier call; `None` when it was fetched just now.
    pub age: Option<Duration>,
}

/// The value kept under `key`, or what `fetch` returns, which is then kept for `ttl`.
///
/// A cache only saves work: one that is not granted or cannot be reached, or a value that it does not take, costs a line in
/// the operator's log and the fetch, and never fails the tool. A value of another shape, as an older version of the plugin
/// may have left, counts as none.
///
/// # Errors
///
/// Those of `fetch`. They are not kept: the next call fetches again.
pub fn get_or_fetch<T: Serialize + DeserializeOwned>(
    key: &str,
    ttl: Duration,
    fetch: impl FnOnce() -> Result<T, ToolError>,
) -> Result<Cached<T>, ToolError> {
    let kept = match get(key) {
        Ok(kept) => kept,
        Err(error) => {
            // To set it would fail, too, perhaps only after another wait.
            log::warn(format_args!("fetched without the cache: {error}"));
            return Ok(Cached { value: fetch()?, age: None });
        }
    };
    if let Some(Entry { value, age }) = kept {
        match serde_json::from_slice(&value) {
            Ok(value) => return Ok(Cached { value, age: Some(age) }),
            Err(error) => log::debug(format_args!("fetched anew, the cached value has another shape: {error}")),
        }
    }
    let value = fetch()?;
    match serde_json::to_vec(&value) {
        Ok(bytes) => {
            if let Err(error) = set(key, bytes, ttl) {
                log::warn(format_args!("fetched and not cached: {error}"));
            }
        }
        Err(error) => log::warn(format_args!("fetched and not cached, the value has no form as JSON: {error}")),
    }
    Ok(Cached { value, age: None })
}

/// The entry of `key`, unless it was never set, was deleted, made room for others or is past its time.
///
/// # Errors
///
/// `denied_cache` or `cache_unreachable`.
pub fn get(key: &str) -> Result<Option<Entry>, ToolError> {
    host::cache::get(key)
}

/// Sets the entry of `key` for `ttl`, or for the longest time that was granted, if that is shorter.
///
/// # Errors
///
/// `denied_cache`, `cache_unreachable`, or `invalid_entry` for a key of no or over 512 bytes, no time to live, or a value
/// that is larger than all the room.
pub fn set(key: &str, value: impl AsRef<[u8]>, ttl: Duration) -> Result<(), ToolError> {
    host::cache::set(key, value.as_ref(), milliseconds(ttl))
}

/// Deletes the entry of `key`, if there is one.
///
/// # Errors
///
/// `denied_cache` or `cache_unreachable`.
pub fn delete(key: &str) -> Result<(), ToolError> {
    host::cache::delete(key)
}

/// Rounded up, so that a short time is not taken for none.
fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
