//! How refusals of state that outlives a call are worded: of the cache and of databases.

use super::Parts;
use crate::text;

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
