//! What the network saw of one call: the part of its receipt that a guest can neither forge nor leave out.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Instant, timeout_at};

use crate::{
    receipt::{AnswerPart, CredentialUse, Denial, Exchange, ExchangeEnd, Receipt, Server, Stage, Unreachable},
    trace_context::TraceContext,
};

/// The most bytes of answer bodies that one call may receive, all its requests together.
pub(super) const MAX_RECEIVED: u64 = 16 << 20;

/// The most bytes of request bodies that one call may send, all its requests together.
pub(super) const MAX_SENT: u64 = 16 << 20;
/// The most requests that one call may send.
pub(super) const MAX_REQUESTS: u64 = 1_000;

/// Every exchange and denial of one call. Read it before the store is dropped: what drops with the store counts as given
/// up by the guest.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    records: Vec<Record>,
    begun: u64,
    denials: Vec<Denial>,
    /// Bytes of answer bodies, also of exchanges that are no longer listed.
    received: u64,
    /// The same of request bodies.
    sent: u64,
}

#[derive(Debug)]
struct Record {
    number: u64,
    started: Instant,
    /// The stage that it is at, and since when.
    at: (Stage, Instant),
    /// Whether its time no longer runs.
    is_over: bool,
    exchange: Exchange,
}

impl Record {
    /// The exchange as of `now`, of a call that arrived then.
    fn so_far(&self, arrival: Instant, now: Instant) -> Exchange {
        let mut exchange = self.exchange.clone();
        exchange.start = self.started.saturating_duration_since(arrival);
        if !self.is_over {
            exchange.elapsed = now.saturating_duration_since(self.started);
            let (stage, since) = self.at;
            exchange.stages.add(stage, now.saturating_duration_since(since));
        }
        exchange
    }

    /// Ends the stage that it is at and begins the next one.
    fn come_to(&mut self, stage: Stage, now: Instant) {
        let (before, since) = std::mem::replace(&mut self.at, (stage, now));
        self.exchange.stages.add(before, now.saturating_duration_since(since));
    }
}

/// Paths that are recorded as refused of a plugin that asks for no files.
const MAX_BY_THE_WAY: usize = 8;

impl Trace {
    /// The requests of a call that arrived then, in order; at most [`Receipt::MAX_ENTRIES`]. Where a call made more, answered
    /// ones are left out first.
    pub(crate) fn exchanges(&self, arrival: Instant) -> Vec<Exchange> {
        let now = Instant::now();
        self.records.iter().map(|record| record.so_far(arrival, now)).collect()
    }

    /// What was refused, in order and each once; at most [`Receipt::MAX_ENTRIES`].
    pub(crate) fn denials(&self) -> &[Denial] {
        &self.denials
    }

    /// Records something that was refused.
    pub(crate) fn deny(&mut self, denial: Denial) {
        // What runtimes look for by themselves must not take the place of what matters.
        let by_the_way = |denial: &Denial| matches!(denial, Denial::File(file) if !file.is_of_a_plugin_with_files());
        let is_one_too_many =
            by_the_way(&denial) && self.denials.iter().filter(|other| by_the_way(other)).count() >= MAX_BY_THE_WAY;
        if self.denials.len() < Receipt::MAX_ENTRIES && !is_one_too_many && !self.denials.contains(&denial) {
            self.denials.push(denial);
        }
    }

    fn begin(&mut self, exchange: Exchange, started: Instant) -> u64 {
        if self.records.len() == Receipt::MAX_ENTRIES {
            let answered = |record: &Record| matches!(record.exchange.end, ExchangeEnd::Answered(_));
            if let Some(least_telling) = self.records.iter().position(answered) {
                self.records.remove(least_telling);
            }
        }
        self.begun += 1;
        if self.records.len() < Receipt::MAX_ENTRIES {
            let at = (Stage::Queue, started);
            self.records.push(Record { number: self.begun, started, at, is_over: false, exchange });
        }
        self.begun
    }
}

/// The entry of one exchange. Its clones write to the same entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    trace: Arc<Mutex<Trace>>,
    number: u64,
}

impl Entry {
    /// Fails where this is one request too many, or announces more bytes than the call may still send.
    pub(super) fn may_begin(&self, bytes: u64) -> Result<(), Unreachable> {
        if self.number > MAX_REQUESTS {
            return Err(Unreachable::TooManyRequests { limit: MAX_REQUESTS });
        }
        let left = self.write(|trace, _| MAX_SENT.saturating_sub(trace.sent));
        if bytes > left { Err(Unreachable::SentTooMuch { limit: MAX_SENT }) } else { Ok(()) }
    }

    /// Notes that the host adds a credential to the request.
    pub(super) fn carries(&self, credential: &CredentialUse) {
        self.write(|trace, number| {
            with_record(trace, number, |record| record.exchange.credential = Some(Box::new(credential.clone())));
        });
    }

    /// Counts bytes of the request's body that are about to be sent, and fails where the call has sent more than it may.
    pub(super) fn sending(&self, bytes: u64) -> Result<(), Unreachable> {
        self.write(|trace, number| {
            trace.sent = trace.sent.saturating_add(bytes);
            if trace.sent > MAX_SENT {
                return Err(Unreachable::SentTooMuch { limit: MAX_SENT });
            }
            with_record(trace, number, |record| record.exchange.sent += bytes);
            Ok(())
        })
    }

    /// Counts bytes of the answer's body, and fails where the call has received more than it may.
    pub(super) fn received(&self, bytes: u64) -> Result<(), Unreachable> {
        self.write(|trace, number| {
            trace.received += bytes;
            with_record(trace, number, |record| record.exchange.received += bytes);
            if trace.received > MAX_RECEIVED { Err(Unreachable::TooLarge(AnswerPart::Body)) } else { Ok(()) }
        })
    }

    /// Fails where an answer that announces this many bytes would exceed what the call may still receive.
    pub(super) fn may_receive(&self, bytes: u64) -> Result<(), Unreachable> {
        let left = self.write(|trace, _| MAX_RECEIVED.saturating_sub(trace.received));
        if bytes > left { Err(Unreachable::TooLarge(AnswerPart::Body)) } else { Ok(()) }
    }

    /// Records how the exchange ended. Only the first end counts.
    pub(super) fn end(&self, end: ExchangeEnd) {
        self.close(|exchange| exchange.end = end);
    }

    fn at(&self, stage: Stage) {
        self.write(|trace, number| {
            with_record(trace, number, |record| {
                record.come_to(stage, Instant::now());
                record.exchange.end = ExchangeEnd::Pending(stage);
            });
        });
    }

    fn close(&self, change: impl FnOnce(&mut Exchange)) {
        self.write(|trace, number| {
            with_record(trace, number, |record| {
                if !record.is_over {
                    let now = Instant::now();
                    record.is_over = true;
                    record.come_to(record.at.0, now);
                    record.exchange.elapsed = now.saturating_duration_since(record.started);
                }
                change(&mut record.exchange);
            });
        });
    }

    /// Records what the server is told of the trace.
    pub(super) fn traced(&self, context: &TraceContext) {
        self.write(|trace, number| {
            with_record(trace, number, |record| record.exchange.trace = Some(context.clone()));
        });
    }

    /// Takes the entry out again, for the denial to stand alone: nothing was sent.
    pub(super) fn withdraw(&self) {
        self.write(|trace, number| trace.records.retain(|record| record.number != number));
    }

    fn write<T>(&self, change: impl FnOnce(&mut Trace, u64) -> T) -> T {
        change(&mut self.trace.lock().unwrap_or_else(PoisonError::into_inner), self.number)
    }
}

/// Changes a record that has no end yet. It may be missing: a trace holds only so many.
fn with_record(trace: &mut Trace, number: u64, change: impl FnOnce(&mut Record)) {
    let is_pending = |record: &Record| matches!(record.exchange.end, ExchangeEnd::Pending(_));
    if let Some(record) = trace.records.iter_mut().find(|record| record.number == number && is_pending(record)) {
        change(record);
    }
}

/// An exchange under way: its entry, its clock, and when it has to end.
#[derive(Debug)]
pub(super) struct Ongoing {
    pub(super) entry: Entry,
    pub(super) server: Server,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
}

impl Ongoing {
    pub(super) fn begin(trace: &Arc<Mutex<Trace>>, server: Server, method: &str, deadline: Instant) -> Self {
        let started = Instant::now();
        let exchange = Exchange::new(server.clone(), method);
        let number = trace.lock().unwrap_or_else(PoisonError::into_inner).begin(exchange, started);
        Self { entry: Entry { trace: Arc::clone(trace), number }, server, started, deadline }
    }

    /// Does one stage's work, until `until` or the deadline, whichever is first.
    pub(super) async fn within<T>(
        &self,
        stage: Stage,
        until: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, Unreachable> {
        self.entry.at(stage);
        timeout_at(until.min(self.deadline), work).await.map_err(|_| self.timeout(stage))
    }

    /// The failure of a stage whose time is up now.
    pub(super) fn timeout(&self, stage: Stage) -> Unreachable {
        Unreachable::Timeout { stage, after_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX) }
    }

    /// Notes which stage the exchange has come to.
    pub(super) fn at(&self, stage: Stage) {
        self.entry.at(stage);
    }
}

/// A guest that gives an exchange up ends it at the stage where it was.
impl Drop for Ongoing {
    fn drop(&mut self) {
        self.entry.close(|_| {});
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn server(port: u16) -> Server {
        Server { scheme: "http".to_owned(), host: "example.com".to_owned(), port }
    }

    fn begin(trace: &Arc<Mutex<Trace>>, port: u16) -> Ongoing {
        Ongoing::begin(trace, server(port), "GET", Instant::now() + Duration::from_secs(1))
    }

    #[test]
    fn a_guest_cannot_fill_the_host_with_entries() {
        let trace = Arc::new(Mutex::new(Trace::default()));
        for port in 1..=1000 {
            trace.lock().expect("nothing panics with the lock").deny(Denial::NotAsked(server(port)));
            begin(&trace, port).entry.end(ExchangeEnd::Failed(Unreachable::Refused));
        }
        let trace = trace.lock().expect("nothing panics with the lock");
        assert_eq!(
            (trace.exchanges(Instant::now()).len(), trace.denials().len()),
            (Receipt::MAX_ENTRIES, Receipt::MAX_ENTRIES)
        );
    }

    #[test]
    fn the_failure_after_many_answers_is_kept() {
        let trace = Arc::new(Mutex::new(Trace::default()));
        for port in 1..=100 {
            begin(&trace, port).entry.end(ExchangeEnd::Answered(200));
        }
        begin(&trace, 101).entry.end(ExchangeEnd::Failed(Unreachable::Cut));
        let exchanges = trace.lock().expect("nothing panics with the lock").exchanges(Instant::now());
        assert_eq!(exchanges.len(), Receipt::MAX_ENTRIES);
        assert_eq!(
            exchanges.last().map(|last| (&last.server, &last.end)),
            Some((&server(101), &ExchangeEnd::Failed(Unreachable::Cut)))
        );
    }

    #[test]
    fn a_denial_is_kept_once() {
        let mut trace = Trace::default();
        trace.deny(Denial::Socket);
        trace.deny(Denial::Socket);
        assert_eq!(trace.denials(), [Denial::Socket]);
    }

    #[test]
    fn bytes_count_for_the_call_and_for_the_exchange() {
        let trace = Arc::new(Mutex::new(Trace::default()));
        let first = begin(&trace, 1);
        let second = begin(&trace, 2);
        assert_eq!(first.entry.sending(3), Ok(()));
        assert_eq!(first.entry.received(MAX_RECEIVED - 1), Ok(()));
        assert_eq!(second.entry.may_receive(1), Ok(()));
        assert_eq!(second.entry.may_receive(2), Err(Unreachable::TooLarge(AnswerPart::Body)));
        assert_eq!(second.entry.received(2), Err(Unreachable::TooLarge(AnswerPart::Body)));
        let trace = trace.lock().expect("nothing panics with the lock");
        assert_eq!(trace.received, MAX_RECEIVED + 1);
        let counts: Vec<_> =
            trace.exchanges(Instant::now()).iter().map(|exchange| (exchange.sent, exchange.received)).collect();
        assert_eq!(counts, [(3, MAX_RECEIVED - 1), (0, 2)]);
    }

    #[test]
    fn a_call_sends_only_so_much() {
        let trace = Arc::new(Mutex::new(Trace::default()));
        let over = Err(Unreachable::SentTooMuch { limit: MAX_SENT });
        let first = begin(&trace, 1);
        assert_eq!((first.entry.may_begin(MAX_SENT), first.entry.may_begin(MAX_SENT + 1)), (Ok(()), over));
        assert_eq!(first.entry.sending(MAX_SENT - 1), Ok(()));
        let second = begin(&trace, 2);
        assert_eq!((second.entry.may_begin(1), second.entry.may_begin(2)), (Ok(()), over));
        assert_eq!((second.entry.sending(2), second.entry.sending(u64::MAX)), (over, over));
        for _ in 2..MAX_REQUESTS {
            assert_eq!(begin(&trace, 3).entry.may_begin(0), Ok(()), "it sends nothing more");
        }
        let over = Err(Unreachable::TooManyRequests { limit: MAX_REQUESTS });
        assert_eq!(begin(&trace, 3).entry.may_begin(0), over);
    }

    #[test]
    fn an_exchange_given_up_stays_at_its_stage() {
        let trace = Arc::new(Mutex::new(Trace::default()));
        let ongoing = begin(&trace, 1);
        ongoing.at(Stage::Connect);
        drop(ongoing);
        assert_eq!(
            trace.lock().expect("nothing panics with the lock").exchanges(Instant::now())[0].end,
            ExchangeEnd::Pending(Stage::Connect)
        );
    }
}
