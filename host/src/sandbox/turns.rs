//! Who runs and who waits. A plugin has so many turns, the pool has so many places, and both have queues that are bounded
//! in length and in time: under more load than it can carry, the host does the work that it can finish and refuses the
//! rest at once, instead of starting calls that will miss their deadline.
//!
//! Of each plugin only one call at a time stands in the queue for places, where all plugins meet. So the plugins take turns
//! there, and a call waits behind one call of each other plugin, however many that plugin has waiting. In the same way, of each
//! user only one call at a time stands in the queue for a plugin's turns: whoever has one call waits behind one call of each
//! other user, however many those have waiting.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};

use crate::failure::{Failure, Full};

/// Calls of one user that may wait for each turn that a plugin has.
const WAITING_PER_TURN: u32 = 16;
/// How many users can have as many calls waiting as a user may, before there is no room for another call of anybody.
const FULL_QUEUES: u32 = 16;
/// The least and the most that a refused caller is told to wait.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

const NO_PLACE: Full = Full::Host("all places for instances are taken");

/// The turns of one plugin's calls.
#[derive(Debug)]
pub(crate) struct Turns {
    /// One permit for each call that may be under way.
    free: Arc<Semaphore>,
    number: u32,
    /// Of every user with calls that wait for a turn.
    queues: Mutex<HashMap<Arc<str>, Queue>>,
    /// Calls that have a turn and wait for places.
    waiting_for_places: AtomicU32,
    /// For the one call of this plugin that stands in the queue for places.
    place_queue: Semaphore,
    /// Microseconds that a call holds its turn, averaged over those that ended by themselves; 0 while there were none.
    holds: AtomicU64,
}

/// The calls of one user that wait for a turn.
#[derive(Debug)]
struct Queue {
    waiting: u32,
    /// For the one that stands in the queue for turns.
    front: Arc<Semaphore>,
}

/// Whose call came when, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) user: &'a Arc<str>,
    pub(super) at: Instant,
    pub(super) limit: Duration,
}

/// The right to run, and since when.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) since: Instant,
    /// How long it was waited for; nothing where all was free.
    pub(super) queued: Duration,
    _turn: OwnedSemaphorePermit,
    _places: OwnedSemaphorePermit,
}

impl Turns {
    /// For a plugin that may have so many calls under way.
    pub(crate) fn new(number: u32) -> Self {
        Self {
            free: Arc::new(Semaphore::new(number as usize)),
            number,
            queues: Mutex::default(),
            waiting_for_places: AtomicU32::new(0),
            place_queue: Semaphore::new(1),
            holds: AtomicU64::new(0),
        }
    }

    /// Calls that have a turn now, and calls that wait for one.
    pub(crate) fn taken_and_waiting(&self) -> (u32, u32) {
        let free = u32::try_from(self.free.available_permits()).unwrap_or(u32::MAX);
        (self.number.saturating_sub(free), waiting(&self.queues()))
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
        arrival: Arrival<'_>,
    ) -> Result<Admission, Failure> {
        let (turn, since) = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(turn) => (turn, arrival.at),
            Err(_) => (self.wait_for_turn(arrival).await?, Instant::now()),
        };
        let (places, queued) = if let Ok(places) = Arc::clone(places).try_acquire_many_owned(number) {
            (places, since.saturating_duration_since(arrival.at))
        } else {
            let until = arrival.at + self.patience(arrival.limit);
            (self.wait_for_places(places, number, until).await?, arrival.at.elapsed())
        };
        Ok(Admission { since, queued, _turn: turn, _places: places })
    }

    /// Calls of the plugin that wait at this moment.
    pub(crate) fn waiting(&self) -> u32 {
        waiting(&self.queues()) + self.waiting_for_places.load(Ordering::Relaxed)
    }

    async fn wait_for_turn(&self, Arrival { user, at, limit }: Arrival<'_>) -> Result<OwnedSemaphorePermit, Failure> {
        let patience = self.patience(limit);
        let place = self.line_up(user, patience)?;
        let turn = async {
            let _one_at_a_time = place.front.acquire().await.ok()?;
            Arc::clone(&self.free).acquire_owned().await.ok()
        };
        let turn = timeout_at((at + patience).into(), turn).await.ok().flatten();
        turn.ok_or_else(|| self.busy(Full::Plugin, ahead(&self.queues(), user)))
    }

    /// Takes a place behind the calls of the same user that wait already.
    fn line_up<'a>(&'a self, user: &'a Arc<str>, patience: Duration) -> Result<Place<'a>, Failure> {
        let mut queues = self.queues();
        let own = queues.get(user).map_or(0, |queue| queue.waiting);
        let most = self.number.saturating_mul(WAITING_PER_TURN);
        let ahead = ahead(&queues, user);
        if own >= most || waiting(&queues) >= most.saturating_mul(FULL_QUEUES) || self.expected_wait(ahead) > patience {
            return Err(self.busy(Full::Plugin, ahead));
        }
        let queue = queues.entry(Arc::clone(user));
        let queue = queue.or_insert_with(|| Queue { waiting: 0, front: Arc::new(Semaphore::new(1)) });
        queue.waiting += 1;
        Ok(Place { turns: self, user, front: Arc::clone(&queue.front) })
    }

    async fn wait_for_places(
        &self,
        places: &Arc<Semaphore>,
        number: u32,
        until: Instant,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        self.waiting_for_places.fetch_add(1, Ordering::Relaxed);
        let _leaves = Leaves(&self.waiting_for_places);
        let places = async {
            let _one_at_a_time = self.place_queue.acquire().await.ok()?;
            Arc::clone(places).acquire_many_owned(number).await.ok()
        };
        timeout_at(until.into(), places)
            .await
            .ok()
            .flatten()
            .ok_or_else(|| self.busy(NO_PLACE, waiting(&self.queues())))
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

    fn queues(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self, full: Full, ahead: u32) -> Failure {
        let (least, most) = RETRY;
        // When those that go before it have been served.
        let wait = self.expected_wait(ahead).clamp(least, most);
        // In whole seconds: it is an estimate.
        Failure::Busy {
            full,
            retry_after: Duration::from_secs(wait.as_millis().div_ceil(1000).try_into().unwrap_or(1)),
        }
    }
}

/// Leaves those that are counted when it is dropped.
struct Leaves<'a>(&'a AtomicU32);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls that wait for a turn.
fn waiting(queues: &HashMap<Arc<str>, Queue>) -> u32 {
    queues.values().map(|queue| queue.waiting).sum()
}

/// Calls that get a turn before the next call of this user: their own, and of each other user as many as take turns with these.
fn ahead(queues: &HashMap<Arc<str>, Queue>, user: &Arc<str>) -> u32 {
    let own = queues.get(user).map_or(0, |queue| queue.waiting);
    let others = queues.iter().filter(|(name, _)| *name != user).map(|(_, queue)| queue.waiting.min(own + 1));
    own + others.sum::<u32>()
}

/// The place of one call among those of its user. It leaves the queue when this is dropped.
struct Place<'a> {
    turns: &'a Turns,
    user: &'a Arc<str>,
    front: Arc<Semaphore>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.queues();
        if let Some(queue) = queues.get_mut(self.user) {
            queue.waiting -= 1;
            if queue.waiting == 0 {
                queues.remove(self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests;
