//! Reading a log: what a question is about, the newest of it.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use memchr::memmem;

use super::{
    file::{contents, files},
    record::{CallRecord, Event, Record},
};

/// Bytes of a line; a longer one is not a record.
const MOST: u64 = 4 << 20;

/// What is asked of a log. What is `None` is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The call of this id.
    pub call: Option<String>,
    /// The start of the host whose calls' ids begin with this.
    pub start: Option<String>,
    /// Of this user.
    pub user: Option<String>,
    /// Of this tool.
    pub tool: Option<String>,
    /// Of this plugin.
    pub plugin: Option<String>,
    /// With this outcome; `failed` is every other than `ok`.
    pub outcome: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Also when hosts started and stopped.
    pub starts: bool,
}

/// What was found, the newest last.
#[derive(Debug, Default)]
pub struct Found {
    /// Each record with its line.
    pub records: Vec<(Record, String)>,
    /// Whether there is more than was asked for.
    pub is_more: bool,
    /// Lines that are no records.
    pub damaged: Vec<Damaged>,
}

/// A line that is no record: damaged, or half-written by a program that was killed.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Its file.
    pub file: PathBuf,
    /// Its number, from 1.
    pub line: u64,
}

/// The newest records that answer the query, so many at most. The file at `path` is read, and older ones beside it as
/// far as they are needed.
///
/// # Errors
///
/// When a file cannot be read. A log that does not exist holds nothing.
pub fn newest(path: &Path, query: &Query, most: usize) -> io::Result<Found> {
    let mut found = Found::default();
    let mut newer: Vec<(Record, String)> = Vec::new();
    for (path, file) in files(path)? {
        if query.since.is_some_and(|since| is_older(&file, since)) {
            break;
        }
        // One more than is wanted, to know whether there is.
        let mut kept = VecDeque::new();
        read(&path, file, query, &mut found.damaged, |record| {
            kept.push_back(record);
            if kept.len() + newer.len() > most.saturating_add(1) {
                kept.pop_front();
            }
        })?;
        kept.extend(newer);
        newer = kept.into();
        if newer.len() > most {
            break;
        }
    }
    found.is_more = newer.len() > most;
    found.records = newer.split_off(newer.len().saturating_sub(most));
    // Lines stand in the order in which calls ended.
    found.records.sort_by_key(|(record, _)| record.time);
    Ok(found)
}

/// Whether nothing was added to the file since then.
fn is_older(file: &File, since: Timestamp) -> bool {
    let changed = file.metadata().and_then(|metadata| metadata.modified()).ok();
    changed.and_then(|changed| Timestamp::try_from(changed).ok()).is_some_and(|changed| changed < since)
}

fn read(
    path: &Path,
    file: File,
    query: &Query,
    damaged: &mut Vec<Damaged>,
    mut keep: impl FnMut((Record, String)),
) -> io::Result<()> {
    let mut lines = BufReader::with_capacity(256 << 10, contents(file)?);
    let name = query.call.as_ref().or(query.start.as_ref()).map(|name| memmem::Finder::new(name.as_bytes()));
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if io::Read::take(&mut lines, MOST).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        // Most lines need not be understood to know that they are about another.
        if name.as_ref().is_some_and(|name| name.find(&bytes).is_none()) {
            continue;
        }
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim_end();
        match Record::parse(text) {
            Ok(record) if query.is_about(&record) => keep((record, text.to_owned())),
            Ok(_) => {}
            Err(_) => damaged.push(Damaged { file: path.to_owned(), line }),
        }
    }
    Ok(())
}

impl Query {
    /// The outcome that means all but [`CallRecord::OK`].
    pub const FAILED: &'static str = "failed";

    fn is_about(&self, record: &Record) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| wanted.is_none() || wanted.as_deref() == value;
        let call = record.call();
        let is_outcome = match (self.outcome.as_deref(), record.outcome()) {
            (Some(Self::FAILED), Some(outcome)) => outcome != CallRecord::OK,
            (wanted, outcome) => wanted.is_none() || wanted == outcome,
        };
        let is_wanted = match (&record.event, &self.start) {
            (Event::Started(started), Some(process)) => started.process == *process,
            (_, Some(_)) => false,
            (Event::Started(_) | Event::Stopped { .. }, None) => self.starts,
            (_, None) => true,
        };
        is_wanted
            && is_outcome
            && is(&self.call, call.map(|call| call.call.as_str()))
            && is(&self.user, record.user())
            && is(&self.tool, call.map(|call| call.tool.as_str()))
            && is(&self.plugin, call.and_then(|call| call.plugin.as_deref()))
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
    }
}
