//! How refusals of state that outlives a call are worded: of the cache and of databases.

use super::Parts;
use crate::{policy::units::duration_text, receipt::CacheFault, text};

/// Why nothing can be kept from one call to the next.
pub(super) fn cache_denied(is_asked: bool, plugin: Option<&str>) -> Parts {
    let what = "nothing was kept or found from call to call";
    denied(what, "a cache", "`[capabilities.cache]`", is_asked, plugin)
}

/// Why a database was not queried. `name` is the plugin's word for it.
pub(super) fn database_denied(name: &str, is_asked: bool, plugin: Option<&str>) -> Parts {
    let what = format!("the database `{}` was not queried", text::one_line(&text::shown(name, 48)));
    denied(&what, "that database", "`postgres`", is_asked, plugin)
}

/// Why a cache that is a server gave no answer.
#[must_use]
pub fn cache_unreachable(fault: &CacheFault) -> Parts {
    let set = |name: &str| format!("whether {name} is set where `toolcell serve` is started, or in its --env-file");
    match fault {
        CacheFault::Unset(name) => Parts::new(
            format!("the cache was not asked: {name}, which toolcell.toml names for its URL, is not set on the host"),
            &["the host was started without it", "the name is misspelt in toolcell.toml"],
            set(name),
        ),
        CacheFault::NoUrl(name) => Parts::new(
            format!(
                "the cache was not asked: {name}, which toolcell.toml names for its URL, holds no URL of a Redis server"
            ),
            &["the scheme is missing or another than redis or rediss", "the value is that of another variable"],
            format!("the value of {name}; it looks like redis://cache.example:6379/0"),
        ),
        CacheFault::Unreachable(server) => Parts::new(
            format!("the cache at {server} is out of reach"),
            &[
                "the Redis server is not running, or was restarted a moment ago",
                "it listens on another port, or wants TLS (rediss://) where none is spoken",
                "a firewall or a VPN is in the way",
            ],
            format!("whether a Redis server is running at {server}, for example with `redis-cli ping`"),
        )
        .retryable(),
        CacheFault::Timeout { server, limit } => Parts::new(
            format!("the cache at {server} did not answer within {}", duration_text(*limit)),
            &["the Redis server is overloaded or runs a slow command", "a firewall drops the packets"],
            format!("whether the Redis server at {server} answers at all, for example with `redis-cli ping`"),
        )
        .retryable(),
        CacheFault::Login(server) => Parts::new(
            format!("the cache at {server} does not let the host in"),
            &[
                "user or password in the cache's URL are wrong or missing",
                "the user may not run scripts, or not use keys that begin with toolcell:cache:",
            ],
            "the user's rights at the server and the value of the variable that `redis-url-env` in toolcell.toml names",
        ),
        CacheFault::Refused(server) => Parts::new(
            format!("the cache at {server} answered with an error"),
            &[
                "its memory is full",
                "it is a replica, which takes no writes, or one of a cluster",
                "it is still starting",
            ],
            "the host's log, which has the server's words",
        )
        .retryable(),
    }
}

/// Why an entry was not set.
#[must_use]
pub fn invalid_entry(problem: &str) -> Parts {
    Parts::new(
        format!("the entry was not set: {problem}"),
        &["the plugin keeps more than it asked room for", "a bug in the plugin"],
        "ask for less at once; `max` under [capabilities.cache] in plugin.toml says how much may be kept",
    )
}

/// Whose matter it is: the operator's where the plugin asks for it, else the author's.
fn denied(what: &str, wanted: &str, key: &str, is_asked: bool, plugin: Option<&str>) -> Parts {
    if is_asked {
        return Parts::new(
            format!("{what}: the plugin asks for {wanted} and was not granted it"),
            &["the operator granted less than the plugin asks for", "toolcell.toml takes it away"],
            format!(
                "whether the plugin is meant to have it; a person decides that with `toolcell allow {}` in a terminal, do not \
                 run it yourself",
                plugin.unwrap_or("PLUGIN")
            ),
        );
    }
    Parts::new(
        format!("{what}: the plugin's manifest does not ask for {wanted}"),
        &[
            "the plugin's author left it out of the manifest",
            "an argument names something that the plugin is not made for",
        ],
        format!(
            "whether it is needed; if so, the plugin's author adds it to {key} in plugin.toml, and a person reviews it"
        ),
    )
}
