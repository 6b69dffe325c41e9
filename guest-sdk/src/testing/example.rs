use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::postgres::{Error, Refusal};
use crate::{Content, Output, Tool, ToolError};

use super::{FakeHttp, FakePostgres, cache, call, env, http, postgres};

/// Runs every `*.json` in `folder`: calls a tool, answers its requests and statements from the file, compares the result.
///
/// `folder` is relative to the package, where `cargo test` runs tests. A file holds:
///
/// ```json
/// {
///   "description": "A story that is there.",
///   "tool": "story",
///   "arguments": { "id": 1 },
///   "upstream": [{ "method": "GET", "url": "https://example.com/1", "status": 200, "headers": {}, "body": {} }],
///   "expect": { "structured": { "title": "A" } }
/// }
/// ```
///
/// All but `tool`, `arguments` and `expect` may be left out; `description` says what the example shows. A `body` that is a
/// string is sent as it is, anything else as JSON; in place of status and body, `"fail": "refused"` or `"fail": "timeout"` is a
/// server that gives no answer. `"env": {"TOKEN": "x"}` sets variables. The cache is empty. `"varies": true` says that what
/// `expect` leaves out may differ from call to call. `databases` has what databases answer to statements, each with rows or with
/// an error; `refusal` is what the database itself said:
///
/// ```json
/// [
///   { "database": "replica", "sql": "SELECT $1::int", "parameters": [1],
///     "columns": [{ "name": "int4", "type": "int4" }], "rows": [[1]], "truncated": false },
///   { "database": "replica", "sql": "SELECT x", "parameters": [],
///     "error": { "code": "database_refused", "message": "...", "likely_causes": [], "check_first": "...",
///       "retryable": false, "refusal": { "sqlstate": "42703", "message": "...", "position": 8 } } }
/// ]
/// ```
///
/// The result has `structured` and `text`, or `error` with the members of [`ToolError`]. Of each object only the members
/// that `expect` names are compared; everything else has to be equal.
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
    #[serde(default)]
    databases: Vec<Statement>,
    #[serde(default, rename = "varies")]
    _varies: bool,
    expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstream {
    method: String,
    url: String,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    body: Option<Value>,
    fail: Option<Fail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fail {
    Refused,
    Timeout,
}

/// A member that is there, also where it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    database: String,
    sql: String,
    #[serde(default)]
    parameters: Vec<Value>,
    #[serde(default)]
    columns: Vec<Column>,
    #[serde(default)]
    rows: Vec<Vec<Value>>,
    #[serde(default)]
    truncated: bool,
    error: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    code: String,
    message: String,
    likely_causes: Vec<String>,
    check_first: String,
    retryable: bool,
    refusal: Option<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    sqlstate: String,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    position: Option<u32>,
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
    let upstream = example.upstream.into_iter().try_fold(http(), answer)?;
    let _env: Vec<_> = example.env.iter().map(|(name, value)| env(name, value)).collect();
    // What another example left in the cache is not for this one.
    let _cache = cache().install();
    let _http = upstream.install();
    let _postgres = example.databases.into_iter().fold(postgres(), answer_statement).install();
    let result = as_json(call(tools, &example.tool, example.arguments));
    match difference(&example.expect, &result, "") {
        Some(difference) => Err(format!("{difference}\nthe whole result: {result:#}")),
        None => Ok(()),
    }
}

fn answer(fake: FakeHttp, upstream: Upstream) -> Result<FakeHttp, String> {
    let Upstream { method, url, status, headers, body, fail } = upstream;
    let fake = match (fail, status, body) {
        (Some(fail), None, None) if headers.is_empty() => return Ok(fake.fail(&method, &url, failed(&fail, &url))),
        (None, Some(status), Some(Value::String(text))) => fake.answer(&method, &url, status, text.as_str()),
        (None, Some(status), Some(json)) => fake.answer(&method, &url, status, json),
        _ => return Err(format!("{method} {url}: expected `status` and `body`, or `fail`")),
    };
    Ok(headers.iter().fold(fake, |fake, (name, value)| fake.header(name, value)))
}

/// What the host says of a server that gives no answer.
fn failed(fail: &Fail, url: &str) -> ToolError {
    let at = authority(url);
    let error = match fail {
        Fail::Refused => ToolError::new("upstream_unreachable", format!("the connection to {at} was refused"))
            .cause("the service is not running")
            .cause("it listens on another port")
            .cause("a firewall rejects the connection")
            .check_first(format!("whether the service at {at} is running")),
        Fail::Timeout => ToolError::new("upstream_unreachable", format!("connecting to {at} was given up after 10s"))
            .cause("a firewall drops the connection without a word")
            .cause("the server is down or overloaded")
            .check_first(format!("whether the machine that runs toolcell reaches {at}")),
    };
    error.retryable()
}

/// `server:port`.
fn authority(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => authority.to_owned(),
        _ => format!("{authority}:{}", if scheme == "http" { 80 } else { 443 }),
    }
}

fn answer_statement(fake: FakePostgres, statement: Statement) -> FakePostgres {
    let Statement { database, sql, parameters, columns, rows, truncated, error } = statement;
    if let Some(Failure { code, message, likely_causes, check_first, retryable, refusal }) = error {
        let failure = ToolError { code, message, likely_causes, check_first: Some(check_first), retryable };
        let refusal = refusal.map(|Refused { sqlstate, message, detail, hint, position }| {
            Box::new(Refusal { sqlstate, message, detail, hint, position })
        });
        return fake.fail(&database, &sql, parameters.into(), Error { failure, refusal });
    }
    let columns: Vec<_> = columns.iter().map(|column| (column.name.as_str(), column.r#type.as_str())).collect();
    let fake = fake.answer(&database, &sql, parameters.into(), &columns, rows.into());
    if truncated { fake.truncated() } else { fake }
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
