//! Who runs and who waits. A plugin has so many turns, the pool has so many places, and both have queues that are bounded
//! in length and in time: under more load than it can carry, the host does the work that it can finish and refuses the
//! rest at once, instead of starting calls that will miss their deadline.
//!
//! Of each plugin only one call at a time stands in the queue for places, where all plugins meet. So the plugins take turns
//! there, and a call waits behind one call of each other plugin, however many that plugin has waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};

use crate::failure::Failure;

/// Calls that may wait for each turn that a plugin has.
const WAITING_PER_TURN: u32 = 16;
/// The least and the most that a refused caller is told to wait.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

const NO_TURN: &str = "this plugin has as many calls under way as it may";
const NO_PLACE: &str = "all places for instances are taken";

/// The turns of one plugin's calls.
#[derive(Debug)]
pub(crate) struct Turns {
    /// One permit for each call that may be under way.
    free: Arc<Semaphore>,
    number: u32,
    /// Calls that wait for a turn.
    waiting: AtomicU32,
    /// For the one call of this plugin that stands in the queue for places.
    place_queue: Semaphore,
    /// Microseconds that a call holds its turn, averaged over those that ended by themselves; 0 while there were none.
    holds: AtomicU64,
}

/// The right to run, and since when.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) since: Instant,
    _turn: OwnedSemaphorePermit,
    _places: OwnedSemaphorePermit,
}

impl Turns {
    /// For a plugin that may have so many calls under way.
    pub(crate) fn new(number: u32) -> Self {
        Self {
            free: Arc::new(Semaphore::new(number as usize)),
            number,
            waiting: AtomicU32::new(0),
            place_queue: Semaphore::new(1),
            holds: AtomicU64::new(0),
        }
    }

    /// Waits for a turn and for `number` places, as long as there is hope that the call then ends by its deadline.
    ///
    /// # Errors
    ///
    /// [`Failure::Busy`]: at once where the queue is full or too slow, or when the call has waited for so long that it
    /// should not start any more.
    pub(super) async fn admit(
        &self,
        places: &Arc<Semaphore>,
        number: u32,
        arrival: Instant,
        limit: Duration,
    ) -> Result<Admission, Failure> {
        let (turn, since) = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(turn) => (turn, arrival),
            Err(_) => (self.wait_for_turn(arrival, limit).await?, Instant::now()),
        };
        let places = match Arc::clone(places).try_acquire_many_owned(number) {
            Ok(places) => places,
            Err(_) => self.wait_for_places(places, number, arrival + self.patience(limit)).await?,
        };
        Ok(Admission { since, _turn: turn, _places: places })
    }

    async fn wait_for_turn(&self, arrival: Instant, limit: Duration) -> Result<OwnedSemaphorePermit, Failure> {
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _leaves = Leaves(&self.waiting);
        let patience = self.patience(limit);
        if ahead >= self.number.saturating_mul(WAITING_PER_TURN) || self.expected_wait(ahead) > patience {
            return Err(self.busy(NO_TURN));
        }
        let turn = timeout_at((arrival + patience).into(), Arc::clone(&self.free).acquire_owned());
        turn.await.ok().and_then(Result::ok).ok_or_else(|| self.busy(NO_TURN))
    }

    async fn wait_for_places(
        &self,
        places: &Arc<Semaphore>,
        number: u32,
        until: Instant,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        let places = async {
            let _one_at_a_time = self.place_queue.acquire().await.ok()?;
            Arc::clone(places).acquire_many_owned(number).await.ok()
        };
        timeout_at(until.into(), places).await.ok().flatten().ok_or_else(|| self.busy(NO_PLACE))
    }

    /// Notes how long a call that ended by itself held its turn.
    pub(super) fn note(&self, held: Duration) {
        let held = u64::try_from(held.as_micros()).unwrap_or(u64::MAX).max(1);
        let before = self.holds.load(Ordering::Relaxed);
        // Of two that note at once one may be lost: it is an average.
        let after = if before == 0 { held } else { before - before / 8 + held / 8 };
        self.holds.store(after, Ordering::Relaxed);
    }

    fn holds(&self) -> Duration {
        Duration::from_micros(self.holds.load(Ordering::Relaxed))
    }

    /// How long a call may wait: half of its time at most, and never so long that the rest is too short for what calls
    /// of this plugin usually take, with a quarter to spare.
    fn patience(&self, limit: Duration) -> Duration {
        let usual = self.holds();
        limit.saturating_sub(usual.saturating_add(usual / 4)).min(limit / 2)
    }

    /// How long it takes until the call behind `ahead` others gets its turn, judged by those that ended.
    fn expected_wait(&self, ahead: u32) -> Duration {
        self.holds().saturating_mul(ahead.saturating_add(1)) / self.number.max(1)
    }

    fn busy(&self, full: &'static str) -> Failure {
        let (least, most) = RETRY;
        // When those that wait now have been served.
        let wait = self.expected_wait(self.waiting.load(Ordering::Relaxed)).clamp(least, most);
        // In whole seconds: it is an estimate.
        Failure::Busy {
            full,
            retry_after: Duration::from_secs(wait.as_millis().div_ceil(1000).try_into().unwrap_or(1)),
        }
    }
}

/// Leaves the queue when it is dropped.
struct Leaves<'a>(&'a AtomicU32);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
