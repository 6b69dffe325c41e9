//! The calls that leave the plugin: to the host, or natively, where there is none, to the stand-ins of `testing`.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::toolcell::plugin::{log::log, progress::report};
#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::{
    cache,
    host::{log, report, run, send, variable},
};

/// Sends one request and waits for its answer.
#[cfg(target_family = "wasm")]
pub(crate) fn send(
    request: &crate::bindings::toolcell::plugin::http::Request,
) -> Result<crate::bindings::toolcell::plugin::http::Response, crate::ToolError> {
    Ok(crate::bindings::toolcell::plugin::http::send(request)?)
}

/// Runs one statement and returns its rows.
#[cfg(target_family = "wasm")]
pub(crate) fn run(
    query: &crate::bindings::toolcell::plugin::postgres::Query,
) -> Result<crate::bindings::toolcell::plugin::postgres::Rows, crate::postgres::Error> {
    Ok(crate::bindings::toolcell::plugin::postgres::run(query)?)
}

/// The environment variable `name`, or why it cannot be read.
#[cfg(target_family = "wasm")]
pub(crate) fn variable(name: &str) -> Result<String, std::env::VarError> {
    std::env::var(name)
}

/// The contract's `cache`, with errors that are ready for the model.
#[cfg(target_family = "wasm")]
pub(crate) mod cache {
    use std::time::Duration;

    use crate::ToolError;
    use crate::bindings::toolcell::plugin::cache as contract;
    use crate::cache::Entry;

    pub(crate) fn get(key: &str) -> Result<Option<Entry>, ToolError> {
        let entry = contract::get(key)?;
        Ok(entry.map(|entry| Entry { value: entry.value, age: Duration::from_millis(entry.age_ms) }))
    }

    pub(crate) fn set(key: &str, value: &[u8], ttl_ms: u64) -> Result<(), ToolError> {
        Ok(contract::set(key, value, ttl_ms)?)
    }

    pub(crate) fn delete(key: &str) -> Result<(), ToolError> {
        Ok(contract::delete(key)?)
    }
}
