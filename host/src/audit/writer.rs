//! The thread that makes records and writes them, so that no call waits for a disk.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    entry::Entry,
    file::Sink,
    queue::{Batch, Queue},
    record::{Event, Record},
};
use crate::call::CallId;

/// How long the writer waits before it tries again to write.
const RETRY: Duration = Duration::from_secs(1);

/// Bytes of lines that are written at once, about.
const AT_ONCE: usize = 256 << 10;

pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) sink: Sink,
    /// Whether the last try to write failed.
    pub(super) is_failing: Arc<AtomicBool>,
    pub(super) with_arguments: bool,
}

impl Writer {
    /// Writes until nothing more comes.
    pub(super) fn run(mut self) {
        let _ended = Ended(Arc::clone(&self.queue));
        while let Some(Batch { mut entries, lost }) = self.queue.take() {
            if lost > 0 {
                let lost = Event::Lost { process: CallId::process(), records: lost };
                entries.push_back(Entry::Event(Box::new(Record::now(lost))));
            }
            while !entries.is_empty() {
                let count = entries.len();
                let lines = self.lines(&mut entries);
                if !self.write(&lines) {
                    let (missing, log) = (count, self.sink.name());
                    tracing::error!("the last {missing} records were not written to the audit log {log}");
                    return;
                }
            }
        }
    }

    /// The lines of the first entries, which are taken out.
    fn lines(&self, entries: &mut VecDeque<Entry>) -> String {
        let mut lines = String::new();
        while lines.len() < AT_ONCE
            && let Some(entry) = entries.pop_front()
        {
            entry.record(self.with_arguments).append_to(&mut lines);
        }
        lines
    }

    /// Tries until it is written or the program ends; says at the first failure what is wrong, and at the end that it
    /// is over.
    fn write(&mut self, lines: &str) -> bool {
        loop {
            match self.sink.append(lines) {
                Ok(()) => {
                    if self.is_failing.swap(false, Ordering::Relaxed) {
                        tracing::info!("the audit log {} is written again", self.sink.name());
                    }
                    return true;
                }
                Err(error) => {
                    if !self.is_failing.swap(true, Ordering::Relaxed) {
                        tracing::error!("the audit log {} cannot be written: {error}", self.sink.name());
                    }
                }
            }
            if !self.queue.pause(RETRY) {
                return self.sink.append(lines).is_ok();
            }
        }
    }
}

/// Tells whoever waits for the end, also where the thread panics.
struct Ended(Arc<Queue>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}
