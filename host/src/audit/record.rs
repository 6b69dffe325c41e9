//! What the log says, as it is written and read: one JSON object on each line.

use std::ops::Not;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::{
    failure::Report,
    receipt::{CacheUse, FileUse},
    text,
};

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it happened; for a call, when it came. To the millisecond, in UTC.
    #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A host began to serve.
    Started(Started),
    /// A call ended, or a tool was called that there is not.
    Call(Box<CallRecord>),
    /// A request was refused before it was known what it asks for.
    Refused(Refused),
    /// Records before this one are missing.
    Lost {
        /// What the ids of the host's calls begin with.
        process: String,
        /// How many.
        records: u64,
    },
    /// A host ended in good order.
    Stopped {
        /// What the ids of its calls begin with.
        process: String,
    },
}

/// A host that began to serve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// What the ids of its calls begin with.
    pub process: String,
    /// Toolcell's version.
    pub version: String,
    /// The folder of plugins.
    pub folder: String,
    /// `stdio` or `http`.
    pub transport: String,
}

/// A request that was refused before it was known what it asks for, as for want of a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// Why, for programs.
    pub outcome: String,
    /// Why, for people.
    pub why: String,
    /// Where the request came from, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Who it says it is from, where it was refused after that was established.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// The call's id, which failures and the host's log name, too.
    pub call: String,
    /// Who called.
    pub user: String,
    /// The tool as it was called.
    pub tool: String,
    /// The plugin that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Digest of the plugin's component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// [`CallRecord::OK`], [`CallRecord::UNKNOWN_TOOL`], [`CallRecord::FORBIDDEN_TOOL`], or the failure's code.
    pub outcome: String,
    /// Whether it is the plugin that says so, rather than the host.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub told_by_plugin: bool,
    /// From its arrival to its end, in milliseconds.
    pub elapsed_ms: f64,
    /// On a processor.
    pub computing_ms: f64,
    /// Not on one.
    pub waiting_ms: f64,
    /// Bytes of memory that it held at most.
    pub memory_peak: u64,
    /// What it was called with.
    pub arguments: Arguments,
    /// Bytes of the answer.
    pub answer_bytes: u64,
    /// HTTP requests, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerUse>,
    /// Questions to databases, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DatabaseUse>,
    /// What the plugin was refused, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Denied>,
    /// How it used its plugin's cache.
    #[serde(default, skip_serializing_if = "CacheUse::is_none")]
    pub cache: CacheUse,
    /// How it used files.
    #[serde(default, skip_serializing_if = "FileUse::is_none")]
    pub files: FileUse,
    /// Variables that were granted and are not set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<String>,
    /// The failure with its causes and what to check first, as the client got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Report>,
    /// What the model read beside an answer: refusals that the plugin kept to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// The end of what the plugin printed; only where arguments are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
}

impl CallRecord {
    /// The outcome of a call that was answered.
    pub const OK: &'static str = "ok";
    /// The outcome where there is no tool of that name.
    pub const UNKNOWN_TOOL: &'static str = "unknown_tool";
    /// The outcome where the user may not call the tool.
    pub const FORBIDDEN_TOOL: &'static str = "forbidden_tool";
}

/// Arguments, without themselves unless the operator wants them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arguments {
    /// SHA-256 of their canonical text: the same arguments have the same digest.
    pub digest: String,
    /// Bytes of that text.
    pub bytes: u64,
    /// The arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The beginning of their text, where they are too long to be recorded whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beginning: Option<String>,
}

/// One HTTP request of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerUse {
    /// Scheme, name and port.
    pub server: String,
    /// The status that it answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it did not answer, or what was waited for when the call ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Bytes of the request's body that were sent.
    pub sent: u64,
    /// Bytes of the answer's body that were received.
    pub received: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: f64,
}

/// One question of a plugin to a database, without its statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseUse {
    /// The database by its name in toolcell.toml.
    pub database: String,
    /// Rows that came.
    pub rows: u64,
    /// Bytes of these rows as JSON.
    pub bytes: u64,
    /// The code of what went wrong, or `pending` where the call ended before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: f64,
}

/// Something that a plugin tried and was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Denied {
    /// Which kind of thing.
    pub code: String,
    /// What, and why.
    pub what: String,
    /// How often.
    pub times: u64,
}

impl Record {
    /// What every line begins with.
    pub(super) const BEGINNING: &'static str = "{\"time\":\"";

    /// What happens at this moment.
    #[must_use]
    pub fn now(event: Event) -> Self {
        Self { time: Timestamp::now(), event }
    }

    /// The record as one line, its end included. Whatever a guest or a client wrote stands in it as text of that
    /// line: what would forge another, steer a terminal or turn the direction of the text is escaped as JSON escapes
    /// it.
    pub(super) fn append_to(&self, lines: &mut String) {
        // Most lines fit.
        let mut json = Vec::with_capacity(1 << 10);
        // Strings, numbers and maps with strings for keys: nothing that JSON does not have.
        let written = serde_json::to_writer(&mut json, self).ok();
        let Some(json) = written.and_then(|()| String::from_utf8(json).ok()) else { return };
        if json.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            lines.push_str(&json);
            lines.push('\n');
            return;
        }
        for c in json.chars() {
            if text::is_active(c) || matches!(c, '\u{2028}' | '\u{2029}') {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| lines.push_str(&format!("\\u{unit:04x}")));
            } else {
                lines.push(c);
            }
        }
        lines.push('\n');
    }

    /// The record on this line.
    ///
    /// # Errors
    ///
    /// What is wrong with it, where it is none.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }

    /// The user, where the record is about one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match &self.event {
            Event::Call(call) => Some(&call.user),
            Event::Refused(refused) => refused.user.as_deref(),
            _ => None,
        }
    }

    /// The call, where the record is about one.
    #[must_use]
    pub fn call(&self) -> Option<&CallRecord> {
        if let Event::Call(call) = &self.event { Some(call) } else { None }
    }

    /// What came of a call or a request.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        match &self.event {
            Event::Call(call) => Some(&call.outcome),
            Event::Refused(refused) => Some(&refused.outcome),
            _ => None,
        }
    }
}

fn to_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_line_is_text_of_one_line() {
        let forged = "ok\"}\n{\"time\":\"x\"}\r\u{9b}2J\u{7f}\u{202e}\u{2028}Grüße";
        let refused = Refused { outcome: "no_token".to_owned(), why: forged.to_owned(), from: None, user: None };
        let record = Record { time: Timestamp::UNIX_EPOCH, event: Event::Refused(refused) };
        let mut lines = String::new();
        record.append_to(&mut lines);
        assert_eq!(
            lines,
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"event\":\"refused\",\"outcome\":\"no_token\",\"why\":\"ok\\\"}\\n\
             {\\\"time\\\":\\\"x\\\"}\\r\\u009b2J\\u007f\\u202e\\u2028Grüße\"}\n"
        );
        assert!(lines.starts_with(Record::BEGINNING));
        assert_eq!(Record::parse(&lines).expect("it was written"), record);
    }
}
