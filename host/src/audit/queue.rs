//! What waits to be written: bounded, and never waited for by a call.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::entry::Entry;

/// Entries that may wait, and bytes that they may hold, about. At a thousand calls a second, enough for four seconds.
const MOST_ENTRIES: usize = 4_096;
const MOST_BYTES: usize = 64 << 20;

/// How long the writer lets entries gather once one is there: waking it costs a call more than all else here.
const GATHER: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something changed that the writer waits for.
    news: Condvar,
    /// The writer has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Entries that found no room since the writer last took what was there.
    lost: u64,
    /// Nothing more comes.
    is_closed: bool,
    /// Whether the writer sleeps until there is something.
    is_awaited: bool,
    is_ended: bool,
}

/// What the writer takes at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) entries: VecDeque<Entry>,
    /// Entries that would have come after these.
    pub(super) lost: u64,
}

/// There is no room: whether this is the first entry without since the writer last made some.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom {
    pub(super) is_first: bool,
}

impl Queue {
    /// Adds an entry, or counts it as lost. What comes after the end is neither.
    pub(super) fn push(&self, entry: Entry) -> Result<(), NoRoom> {
        let weight = entry.weight();
        let mut state = self.lock();
        if state.is_closed {
            return Ok(());
        }
        if !state.has_room(weight) {
            state.lost += 1;
            return Err(NoRoom { is_first: state.lost == 1 });
        }
        state.bytes += weight;
        state.entries.push_back(entry);
        let is_awaited = std::mem::take(&mut state.is_awaited);
        drop(state);
        if is_awaited {
            self.news.notify_one();
        }
        Ok(())
    }

    /// Whether an entry of the usual size would find room.
    pub(super) fn has_room(&self) -> bool {
        self.lock().has_room(0)
    }

    /// All that is there, once something is; `None` at the end.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.lock();
        while state.is_empty() {
            if state.is_closed {
                return None;
            }
            state.is_awaited = true;
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.is_closed {
            drop(state);
            thread::sleep(GATHER);
            state = self.lock();
        }
        state.bytes = 0;
        Some(Batch { entries: std::mem::take(&mut state.entries), lost: std::mem::take(&mut state.lost) })
    }

    /// Waits before another try, for less where nothing more comes. Whether to try again.
    pub(super) fn pause(&self, most: Duration) -> bool {
        let until = Instant::now() + most;
        let mut state = self.lock();
        while !state.is_closed {
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
                return true;
            };
            state = self.news.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Nothing more comes: waits until what is there was written, for so long at most. Whether it was.
    pub(super) fn close(&self, most: Duration) -> bool {
        let mut state = self.lock();
        state.is_closed = true;
        self.news.notify_all();
        let waited = self.ended.wait_timeout_while(state, most, |state| !state.is_ended);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.is_ended
    }

    /// The writer ends, in whichever way.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.is_ended = true;
        state.is_closed = true;
        self.ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, weight: usize) -> bool {
        self.entries.is_empty() || self.entries.len() < MOST_ENTRIES && self.bytes + weight <= MOST_BYTES
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lost == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::record::{Event, Record};

    fn entry() -> Entry {
        Entry::Event(Box::new(Record::now(Event::Stopped { process: String::new() })))
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let queue = Queue::default();
        assert!((0..MOST_ENTRIES).all(|_| queue.push(entry()).is_ok()));
        assert!(!queue.has_room());
        assert_eq!(queue.push(entry()), Err(NoRoom { is_first: true }));
        assert_eq!(queue.push(entry()), Err(NoRoom { is_first: false }));
        let batch = queue.take().expect("it is full");
        assert_eq!((batch.entries.len(), batch.lost), (MOST_ENTRIES, 2));
        assert!(queue.has_room() && queue.push(entry()).is_ok());
        assert_eq!(queue.take().map(|batch| (batch.entries.len(), batch.lost)), Some((1, 0)));
    }

    #[test]
    fn the_end_is_waited_for_and_not_for_ever() {
        let queue = Queue::default();
        queue.push(entry()).expect("there is room");
        assert!(!queue.close(Duration::from_millis(1)), "nobody writes");
        assert!(!queue.pause(Duration::from_secs(60)));
        assert!(queue.take().is_some() && queue.take().is_none());
        queue.end();
        assert!(queue.close(Duration::from_secs(60)));
    }
}
