//! `examples/*.json` beside a manifest: calls of the plugin's tools, what servers and databases answer to them, and what has
//! to come of it.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    failure::Failure,
    outcome::{Content, Outcome},
    policy::EnvName,
    receipt::Refusal,
    replay::{DatabaseAnswer, DatabaseError, Fail, HttpAnswer, HttpReply, Replay, Rows},
    source::{Source, SourceError},
};

/// The folder of examples in a plugin's folder.
pub const FOLDER: &str = "examples";

/// One example.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The file's name without `.json`.
    pub name: String,
    /// What it shows, in a sentence for people.
    pub description: Option<String>,
    /// The tool, by the plugin's own name for it.
    pub tool: String,
    /// What it is called with.
    pub arguments: Map<String, Value>,
    /// The variables that it sees, if the plugin asks for them.
    pub env: BTreeMap<EnvName, String>,
    /// What servers answer.
    pub upstream: Vec<HttpAnswer>,
    /// What databases answer.
    pub databases: Vec<DatabaseAnswer>,
    /// Whether what `expect` leaves out may differ from call to call.
    pub varies: bool,
    /// What has to come of it: `structured` and `text`, or `error`.
    pub expect: Value,
}

impl Example {
    /// Reads an example.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it has to be, with its place and what was expected.
    pub fn parse(name: &str, source: &Source) -> Result<Self, SourceError> {
        let raw: RawExample = serde_json::from_str(source.text).map_err(|error| SourceError {
            file: source.file.to_owned(),
            position: Some((error.line(), error.column())).filter(|(line, _)| *line > 0),
            message: without_place(&error.to_string()),
        })?;
        let example = raw.meaning(name);
        example.map_err(|problem| SourceError::of_file(source.file, problem))
    }

    /// What answers the example's requests. Nothing else is reached.
    #[must_use]
    pub fn replay(&self) -> Replay {
        let replay = self.env.iter().fold(Replay::new(), |replay, (name, value)| replay.variable(name.as_str(), value));
        let replay = self.upstream.iter().cloned().fold(replay, Replay::http);
        self.databases.iter().cloned().fold(replay, Replay::database)
    }

    /// Where an outcome is not what the example expects: the JSON pointer, what is there and what was expected. Of each
    /// object only the members that `expect` names count; everything else has to be equal.
    #[must_use]
    pub fn difference(&self, outcome: &Outcome) -> Option<String> {
        difference(&self.expect, &as_json(&self.tool, outcome), "")
    }
}

/// An outcome in the form of `expect`.
#[must_use]
pub fn as_json(tool: &str, outcome: &Outcome) -> Value {
    let (code, message, likely_causes, check_first, retryable) = match &outcome.result {
        Ok(output) => {
            let mut members = Map::new();
            if let Some(structured) = &output.structured {
                members.insert("structured".to_owned(), structured.clone());
            }
            let texts = output.content.iter().filter_map(|content| match content {
                Content::Text(text) => Some(text.as_str()),
                _ => None,
            });
            let texts: Vec<_> = texts.collect();
            if !texts.is_empty() {
                members.insert("text".to_owned(), texts.join("\n").into());
            }
            return members.into();
        }
        // In the tool's own words: the host's beside them are about this call.
        Err(Failure::Tool(error)) => {
            let error = error.clone();
            (error.code, error.message, error.likely_causes, error.check_first, error.retryable)
        }
        Err(failure) => {
            let report = failure.report(tool, &outcome.receipt);
            (report.code, report.message, report.likely_causes, Some(report.check_first), report.retryable)
        }
    };
    json!({"error": {
        "code": code,
        "message": message,
        "likely_causes": likely_causes,
        "check_first": check_first,
        "retryable": retryable,
    }})
}

/// Where `actual` lacks something of `expected`, with `path` as the JSON pointer to both.
fn difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected.iter().find_map(|(name, expected)| {
            let path = format!("{path}/{name}");
            match actual.get(name) {
                Some(actual) => difference(expected, actual, &path),
                None if actual.contains_key("error") => {
                    Some(format!("{path} is missing; the tool failed: {}", actual["error"]["message"]))
                }
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

/// The words of a JSON error without ` at line 3 column 7`, which stands in front of them already.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(words, _)| words).to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExample {
    description: Option<String>,
    tool: String,
    arguments: Map<String, Value>,
    #[serde(default)]
    env: BTreeMap<EnvName, String>,
    #[serde(default)]
    upstream: Vec<RawUpstream>,
    #[serde(default)]
    databases: Vec<RawDatabase>,
    #[serde(default)]
    varies: bool,
    expect: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUpstream {
    method: String,
    url: String,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    body: Option<Value>,
    fail: Option<RawFail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawFail {
    Refused,
    Timeout,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDatabase {
    database: String,
    sql: String,
    #[serde(default)]
    parameters: Vec<Value>,
    columns: Option<Vec<RawColumn>>,
    rows: Option<Vec<Vec<Value>>>,
    #[serde(default)]
    truncated: bool,
    error: Option<RawError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    name: String,
    #[serde(rename = "type")]
    type_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawError {
    code: String,
    message: String,
    likely_causes: Vec<String>,
    check_first: String,
    #[serde(default)]
    retryable: bool,
    refusal: Option<RawRefusal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRefusal {
    sqlstate: String,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    position: Option<u32>,
}

/// A member that is there, also where it is `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl RawExample {
    fn meaning(self, name: &str) -> Result<Example, String> {
        const PARTS: [&str; 3] = ["structured", "text", "error"];
        if let Some(part) = self.expect.keys().find(|part| !PARTS.contains(&part.as_str())) {
            return Err(format!("/expect/{part}: unknown; expected `structured`, `text` or `error`"));
        }
        if self.expect.is_empty() {
            return Err("/expect: expects nothing; expected `structured`, `text` or `error`".to_owned());
        }
        let upstream = self.upstream.into_iter().enumerate();
        let upstream = upstream.map(|(at, raw)| raw.meaning().map_err(|problem| format!("/upstream/{at}{problem}")));
        let databases = self.databases.into_iter().enumerate();
        let databases = databases.map(|(at, raw)| raw.meaning().map_err(|problem| format!("/databases/{at}{problem}")));
        Ok(Example {
            name: name.to_owned(),
            description: self.description,
            tool: self.tool,
            arguments: self.arguments,
            env: self.env,
            upstream: upstream.collect::<Result<_, _>>()?,
            databases: databases.collect::<Result<_, _>>()?,
            varies: self.varies,
            expect: self.expect.into(),
        })
    }
}

impl RawUpstream {
    fn meaning(self) -> Result<HttpAnswer, String> {
        let Self { method, url, status, headers, body, fail } = self;
        if Method::from_bytes(method.as_bytes()).is_err() || method.to_uppercase() != method {
            return Err(format!("/method: {method:?} is no method; expected one such as `GET`"));
        }
        let is_http = |url: &url::Url| matches!(url.scheme(), "http" | "https");
        if !url::Url::parse(&url).is_ok_and(|url| is_http(&url)) {
            return Err(format!("/url: {url:?} is not absolute; expected one such as `https://api.example.com/a?b=c`"));
        }
        let reply = match (fail, status, body) {
            (Some(fail), None, None) if headers.is_empty() => HttpReply::Fail(match fail {
                RawFail::Refused => Fail::Refused,
                RawFail::Timeout => Fail::Timeout,
            }),
            (None, Some(status), Some(body)) => answer(status, headers, body)?,
            (Some(_), ..) => return Err(": has `fail` and an answer; expected one of them".to_owned()),
            (None, ..) => return Err(": lacks an answer; expected `status` and `body`, or `fail`".to_owned()),
        };
        Ok(HttpAnswer { method, url, reply })
    }
}

fn answer(status: u16, headers: BTreeMap<String, String>, body: Value) -> Result<HttpReply, String> {
    if !(200..=599).contains(&status) {
        return Err(format!("/status: {status} ends no request; expected 200 to 599"));
    }
    let is_field = |(name, value): &(String, String)| {
        HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok()
    };
    let mut headers: Vec<_> = headers.into_iter().collect();
    if let Some((name, _)) = headers.iter().find(|field| !is_field(field)) {
        return Err(format!("/headers/{name}: cannot stand in a header field; expected visible characters"));
    }
    let body = match body {
        Value::String(text) => text.into_bytes(),
        json => {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            json.to_string().into_bytes()
        }
    };
    Ok(HttpReply::Answer { status, headers, body })
}

impl RawDatabase {
    fn meaning(self) -> Result<DatabaseAnswer, String> {
        let reply = match (self.error, self.columns, self.rows) {
            (Some(error), None, None) if !self.truncated => Err(Box::new(error.meaning())),
            (None, Some(columns), Some(rows)) => {
                if let Some(at) = rows.iter().position(|row| row.len() != columns.len()) {
                    let (values, expected) = (rows[at].len(), columns.len());
                    return Err(format!("/rows/{at}: has {values} values; expected {expected}, one for each column"));
                }
                let columns = columns.into_iter().map(|column| (column.name, column.type_name)).collect();
                Ok(Rows { columns, rows: rows.into_iter().map(Value::from).collect(), truncated: self.truncated })
            }
            (Some(_), ..) => return Err(": has `error` and rows; expected one of them".to_owned()),
            (None, ..) => return Err(": lacks an answer; expected `columns` and `rows`, or `error`".to_owned()),
        };
        Ok(DatabaseAnswer { database: self.database, sql: self.sql, parameters: self.parameters, reply })
    }
}

impl RawError {
    fn meaning(self) -> DatabaseError {
        let refusal = self.refusal.map(|RawRefusal { sqlstate, message, detail, hint, position }| Refusal {
            sqlstate,
            message,
            detail,
            hint,
            position,
        });
        let Self { code, message, likely_causes, check_first, retryable, .. } = self;
        DatabaseError { code, message, likely_causes, check_first, retryable, refusal }
    }
}

#[cfg(test)]
mod tests;
