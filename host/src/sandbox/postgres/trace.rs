//! What was asked of databases in one call: the part of its receipt that a guest can neither forge nor leave out.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::receipt::{Query, QueryEnd, Receipt};

/// The questions of one call. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    begun: u64,
    kept: Vec<Record>,
}

#[derive(Debug)]
struct Record {
    number: u64,
    started: Instant,
    /// Whether its time no longer runs.
    is_over: bool,
    query: Query,
}

impl Trace {
    /// The entry of a question that begins now, and how many there were before it.
    pub(super) fn begin(&self, database: &str) -> (Entry, u64) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.begun += 1;
        let number = records.begun;
        if records.kept.len() == Receipt::MAX_ENTRIES
            && let Some(least_telling) = records.kept.iter().position(|record| record.query.end == QueryEnd::Answered)
        {
            records.kept.remove(least_telling);
        }
        if records.kept.len() < Receipt::MAX_ENTRIES {
            let query = Query {
                database: database.to_owned(),
                rows: 0,
                bytes: 0,
                start: Duration::ZERO,
                elapsed: Duration::ZERO,
                end: QueryEnd::Pending,
            };
            records.kept.push(Record { number, started: Instant::now(), is_over: false, query });
        }
        (Entry { trace: self.clone(), number }, number - 1)
    }

    /// The questions of a call that arrived then, in order; at most [`Receipt::MAX_ENTRIES`]. Where a call put more, answered
    /// ones are left out first.
    pub(super) fn take(&self, arrival: Instant) -> Vec<Query> {
        let records = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let so_far = |record: Record| {
            let elapsed = if record.is_over { record.query.elapsed } else { record.started.elapsed() };
            Query { start: record.started.saturating_duration_since(arrival), elapsed, ..record.query }
        };
        records.kept.into_iter().map(so_far).collect()
    }
}

/// The entry of one question. A guest that gives it up leaves it as it was.
#[derive(Debug)]
pub(super) struct Entry {
    trace: Trace,
    number: u64,
}

impl Entry {
    /// Records how the question ended, with so many rows of so many bytes.
    pub(super) fn end(&self, end: QueryEnd, rows: u64, bytes: u64) {
        self.close(|query| {
            query.end = end;
            (query.rows, query.bytes) = (rows, bytes);
        });
    }

    fn close(&self, change: impl FnOnce(&mut Query)) {
        let mut records = self.trace.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |record: &&mut Record| record.number == self.number && !record.is_over;
        if let Some(record) = records.kept.iter_mut().find(open) {
            record.is_over = true;
            record.query.elapsed = record.started.elapsed();
            change(&mut record.query);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.close(|_| {});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_cannot_fill_the_host_and_the_last_question_is_kept() {
        let (trace, arrival) = (Trace::default(), Instant::now());
        for number in 0..1_000 {
            let (entry, before) = trace.begin("replica");
            assert_eq!(before, number);
            entry.end(QueryEnd::Answered, number, 0);
        }
        drop(trace.begin("replica"));
        let queries = trace.take(arrival);
        assert_eq!(queries.len(), Receipt::MAX_ENTRIES);
        let end = |at: usize| (queries[queries.len() - at].rows, &queries[queries.len() - at].end);
        assert_eq!((end(1), end(2)), ((0, &QueryEnd::Pending), (999, &QueryEnd::Answered)));
    }
}
