//! What a call brings with it from outside: plain values, so that nothing below knows a transport.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, Serializer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{replay::Replay, trace_context::CallTrace, user::User};

/// Names one call in answers, logs and receipts, so that a person can find the one in the other.
///
/// Unique within a process; the process part makes it unlikely to repeat across restarts. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId {
    process: u32,
    number: u64,
}

impl CallId {
    /// The next id of this process.
    #[must_use]
    pub fn next() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Self { process: *PROCESS, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }

    /// What the ids of this process have before the hyphen.
    #[must_use]
    pub fn process() -> String {
        format!("{:08x}", *PROCESS)
    }
}

static PROCESS: LazyLock<u32> = LazyLock::new(|| {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits are the ones that differ")]
    // Seconds in the upper bits and the process id below: two hosts started at once still differ.
    let seconds = since_epoch.as_secs() as u32;
    seconds << 8 ^ std::process::id()
});

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.process, self.number)
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The outside of one call: who it is, how it is ended, and where its progress goes.
#[derive(Debug)]
pub struct Call {
    /// Names this call.
    pub id: CallId,
    /// Who calls.
    pub user: Arc<User>,
    /// Cancelled by the transport when the client withdraws the request or goes away.
    pub cancel: CancellationToken,
    /// Where progress goes, if the client asked for it.
    pub progress: Option<ProgressSender>,
    /// What answers the call's requests, where servers and databases do not.
    pub replay: Option<Arc<Replay>>,
    /// Its trace, where traces are kept.
    pub trace: Option<Arc<CallTrace>>,
}

impl Call {
    /// A call that nobody watches or cancels, as the command line makes.
    #[must_use]
    pub fn detached() -> Self {
        Self::of(User::local())
    }

    /// A call of this user, otherwise the same.
    #[must_use]
    pub fn of(user: Arc<User>) -> Self {
        Self { id: CallId::next(), user, cancel: CancellationToken::new(), progress: None, replay: None, trace: None }
    }

    /// The same, answered by a replay.
    #[must_use]
    pub fn replaying(replay: &Arc<Replay>) -> Self {
        Self { replay: Some(Arc::clone(replay)), ..Self::detached() }
    }
}

/// One report of progress, as the contract's `progress` interface defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How much is done; grows from report to report.
    pub done: f64,
    /// How much there is, if known.
    pub total: Option<f64>,
    /// One line for a person.
    pub message: Option<String>,
}

impl Progress {
    /// Characters of a message that are kept.
    pub const MAX_MESSAGE: usize = 200;
}

/// The sending end of a call's progress: holds the newest report only, so that a guest can neither fill the host nor be
/// slowed by a client that reads slowly.
#[derive(Debug)]
pub struct ProgressSender(watch::Sender<Option<Progress>>);

/// The receiving end; `None` until the first report.
pub type ProgressReceiver = watch::Receiver<Option<Progress>>;

impl ProgressSender {
    /// A sender and the receiver that the transport forwards from.
    #[must_use]
    pub fn channel() -> (Self, ProgressReceiver) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), receiver)
    }

    /// Replaces the report that waits to be sent. A report that does not grow, or is not a finite number, is dropped: MCP
    /// requires progress to increase (2025-11-25, basic/utilities/progress).
    pub fn report(&self, report: Progress) {
        if !report.done.is_finite() || report.total.is_some_and(|total| !total.is_finite()) {
            return;
        }
        self.0.send_if_modified(|latest| {
            let grows = latest.as_ref().is_none_or(|latest| report.done > latest.done);
            if grows {
                *latest = Some(report);
            }
            grows
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(sender: &ProgressSender, done: f64) {
        sender.report(Progress { done, total: None, message: None });
    }

    #[test]
    fn progress_only_grows() {
        let (sender, receiver) = ProgressSender::channel();
        for done in [1.0, 3.0, 2.0, f64::NAN, f64::INFINITY, 3.0] {
            report(&sender, done);
        }
        assert_eq!(receiver.borrow().as_ref().map(|progress| progress.done), Some(3.0));
    }

    #[test]
    fn ids_differ() {
        assert_ne!(CallId::next(), CallId::next());
    }
}
