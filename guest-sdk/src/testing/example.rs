use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Content, Output, Tool, ToolError};

use super::{FakeHttp, SetVariable, cache, call, env, http};

/// Runs every `*.json` in `folder`: calls a tool, answers its requests from the file, compares the result.
///
/// `folder` is relative to the package, where `cargo test` runs tests. A file holds:
///
/// ```json
/// {
///   "tool": "story",
///   "arguments": { "id": 1 },
///   "upstream": [{ "method": "GET", "url": "https://example.com/1", "status": 200, "headers": {}, "body": {} }],
///   "expect": { "structured": { "title": "A" } }
/// }
/// ```
///
/// `upstream` may be left out, `env` gives variables their values, and `description` says what the example shows; a `body` that is a string is sent as it is, anything else as JSON. The result has
/// `structured` and `text`, or `error` with the members of [`ToolError`]. Of each object only the members that `expect`
/// names are compared; everything else has to be equal.
///
/// # Panics
///
/// When an example fails, cannot be read, or there is none.
pub fn examples(tools: &[Tool], folder: impl AsRef<Path>) {
    let folder = folder.as_ref();
    let paths = json_files(folder);
    assert!(!paths.is_empty(), "{} holds no *.json", folder.display());
    for path in paths {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Err(problem) = run(tools, &text) {
            panic!("{}: {problem}", path.display());
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    #[serde(rename = "description")]
    _description: Option<String>,
    tool: String,
    arguments: Value,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    upstream: Vec<Upstream>,
    expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstream {
    method: String,
    url: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths
}

fn run(tools: &[Tool], text: &str) -> Result<(), String> {
    let example: Example = serde_json::from_str(text).map_err(|error| format!("not an example: {error}"))?;
    let _env: Vec<SetVariable> = example.env.iter().map(|(name, value)| env(name, value)).collect();
    // What another example left in the cache is not for this one.
    let _cache = cache().install();
    let _http = example.upstream.into_iter().fold(http(), answer).install();
    let result = as_json(call(tools, &example.tool, example.arguments));
    match difference(&example.expect, &result, "") {
        Some(difference) => Err(format!("{difference}\nthe whole result: {result:#}")),
        None => Ok(()),
    }
}

fn answer(fake: FakeHttp, upstream: Upstream) -> FakeHttp {
    let Upstream { method, url, status, headers, body } = upstream;
    let fake = match body {
        Value::String(text) => fake.answer(&method, &url, status, text.as_str()),
        json => fake.answer(&method, &url, status, json),
    };
    headers.iter().fold(fake, |fake, (name, value)| fake.header(name, value))
}

fn as_json(result: Result<Output, ToolError>) -> Value {
    match result {
        Ok(output) => {
            let mut members = Map::new();
            if let Some(json) = output.structured_json() {
                // The output wrote this text from a value.
                members.insert("structured".to_owned(), serde_json::from_str(json).unwrap_or(Value::Null));
            }
            let texts: Vec<&str> = output.content().iter().filter_map(text_of).collect();
            if !texts.is_empty() {
                members.insert("text".to_owned(), texts.join("\n").into());
            }
            members.into()
        }
        Err(ToolError { code, message, likely_causes, check_first, retryable }) => json!({"error": {
            "code": code,
            "message": message,
            "likely_causes": likely_causes,
            "check_first": check_first,
            "retryable": retryable,
        }}),
    }
}

fn text_of(content: &Content) -> Option<&str> {
    match content {
        Content::Text(text) => Some(text),
        _ => None,
    }
}

/// Where `actual` lacks something of `expected`, with `path` as the JSON pointer to both.
fn difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected.iter().find_map(|(name, expected)| {
            let path = format!("{path}/{name}");
            match actual.get(name) {
                Some(actual) => difference(expected, actual, &path),
                None => Some(format!("{path} is missing, expected {expected}")),
            }
        }),
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            let pairs = expected.iter().zip(actual).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (expected, actual))| difference(expected, actual, &format!("{path}/{index}")))
        }
        _ if expected == actual => None,
        _ => Some(format!("{path} is {actual}, expected {expected}")),
    }
}

#[cfg(test)]
mod tests;
