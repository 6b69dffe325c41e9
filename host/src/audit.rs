//! The audit log: who called what, what came of it and what it reached, one JSON line for each call, refusal and start.
//!
//! What a line says of a call is what the host saw ([`crate::receipt`]); a plugin can neither forge it nor leave it
//! out. Calls hand over what their line is made of, and a thread makes and writes it. Where that thread cannot keep
//! up, lines are left out and counted, unless the operator prefers that calls are refused.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    call::CallId,
    failure::Failure,
    observe::{ObservedCall, Observer, Refusal},
    outcome::Outcome,
};

mod canonical;
mod entry;
mod file;
mod queue;
mod read;
pub mod record;
#[cfg(test)]
mod tests;
mod writer;

pub use read::{Damaged, Found, Query, newest};

use entry::Entry;
use file::{LogFile, Sink};
use queue::{NoRoom, Queue};
use record::{Event, Record, Started};
use writer::Writer;

/// How long a program that ends waits for its last lines to be written.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is recorded, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where lines go; `None` for standard output.
    pub file: Option<PathBuf>,
    /// Bytes that the file may have before it is put aside.
    pub max: u64,
    /// How many full files are kept.
    pub keep: u32,
    /// Whether arguments are recorded, and what plugins print.
    pub arguments: bool,
    /// Whether calls are refused while lines cannot be written.
    pub required: bool,
}

/// An audit log that is being written. Calls are recorded by [`crate::host::Host::observe`].
pub struct Log {
    queue: Arc<Queue>,
    is_failing: Arc<AtomicBool>,
    required: bool,
    name: String,
}

impl Log {
    /// Begins to write, with a line that says that this host has started, its `folder` of plugins and its `transport`.
    ///
    /// # Errors
    ///
    /// Where lines are required, that they cannot be written. Otherwise the log of the program says so, and it is
    /// tried again.
    pub fn start(settings: Settings, folder: &Path, transport: &str) -> Result<Self, CannotWrite> {
        let Settings { file, max, keep, arguments, required } = settings;
        let mut sink = file.map_or(Sink::Stdout, |path| Sink::File(LogFile::new(path, max, keep)));
        let name = sink.name();
        let started = Record::now(Event::Started(Started {
            process: CallId::process(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            folder: folder.display().to_string(),
            transport: transport.to_owned(),
        }));
        let (queue, is_failing) = (Arc::new(Queue::default()), Arc::new(AtomicBool::new(false)));
        let mut line = String::new();
        started.append_to(&mut line);
        match sink.append(&line) {
            Ok(()) => {}
            Err(error) if required => return Err(CannotWrite { log: name, problem: error.to_string() }),
            Err(error) => {
                tracing::error!("the audit log {name} cannot be written: {error}; calls are served all the same");
                is_failing.store(true, Ordering::Relaxed);
                // It is written once that is mended.
                let _ = queue.push(Entry::Event(Box::new(started)));
            }
        }
        let writer =
            Writer { queue: Arc::clone(&queue), sink, is_failing: Arc::clone(&is_failing), with_arguments: arguments };
        let spawned = thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run());
        spawned.map_err(|error| CannotWrite { log: name.clone(), problem: error.to_string() })?;
        Ok(Self { queue, is_failing, required, name })
    }

    /// Records something that is no call, such as a request that was refused for want of a token.
    pub fn record(&self, event: Event) {
        self.push(Entry::Event(Box::new(Record::now(event))));
    }

    /// Writes the last line and waits until all are written, for five seconds at most.
    pub fn close(&self) {
        self.record(Event::Stopped { process: CallId::process() });
        if !self.queue.close(FAREWELL) {
            tracing::error!("the end of the audit log {} was not written in time", self.name);
        }
    }

    fn push(&self, entry: Entry) {
        if self.queue.push(entry) == Err(NoRoom { is_first: true }) {
            tracing::warn!("the audit log {} is written too slowly: records are lost, and counted in it", self.name);
        }
    }
}

impl Observer for Log {
    fn ended(&self, call: &Arc<ObservedCall>, outcome: &Outcome) {
        self.push(Entry::call(call, outcome));
    }

    fn unknown(&self, call: &Arc<ObservedCall>) {
        self.push(Entry::Unknown(Arc::clone(call)));
    }

    fn refused(&self, refusal: &Refusal) {
        let Refusal { code, address, user, what, at } = refusal;
        let event = Event::Refused(record::Refused {
            outcome: (*code).to_owned(),
            why: entry::cut(what, entry::TEXT),
            from: address.map(|address| address.to_string()),
            user: user.as_deref().map(|user| entry::cut(user, entry::NAME)),
        });
        let time = Timestamp::try_from(*at).unwrap_or(Timestamp::UNIX_EPOCH);
        self.push(Entry::Event(Box::new(Record { time, event })));
    }

    fn objection(&self) -> Option<Failure> {
        let cannot = || self.is_failing.load(Ordering::Relaxed) || !self.queue.has_room();
        (self.required && cannot()).then_some(Failure::NotRecorded)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.name).finish()
    }
}

/// The audit log cannot be written, and has to be.
#[derive(Debug, thiserror::Error)]
#[error("the audit log {log} cannot be written: {problem}; toolcell.toml requires it")]
pub struct CannotWrite {
    /// Its path.
    pub log: String,
    /// Why.
    pub problem: String,
}
