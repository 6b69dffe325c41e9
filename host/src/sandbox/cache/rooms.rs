//! A plugin's caches in the memory of this process: one for each user.
//!
//! Each user has all the room that the plugin was granted. So that many users do not take many times as much memory, all others
//! than whoever started the program have [`FULL_ROOMS`] times the room together: where they hold more, those go whole who used
//! theirs least recently. Nobody can make another's go alone, who never holds more than one room.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use super::embedded::Embedded;
use crate::{policy::CacheRoom, user::User};

/// How many full rooms the users of a plugin may hold together.
const FULL_ROOMS: u64 = 8;
/// Users with a cache in one plugin: each takes memory, however little is in it.
const MOST_USERS: usize = 256;

/// The caches of one plugin's users.
#[derive(Debug)]
pub(super) struct Rooms {
    room: CacheRoom,
    local: Arc<Embedded>,
    others: Mutex<HashMap<Arc<str>, Used>>,
}

#[derive(Debug, Clone)]
struct Used {
    cache: Arc<Embedded>,
    last: Instant,
}

impl Rooms {
    pub(super) fn new(room: CacheRoom) -> Self {
        Self { room, local: Arc::new(Embedded::new(room)), others: Mutex::default() }
    }

    /// The same entries in other rooms, as [`Embedded::moved_to`].
    pub(super) fn moved_to(&self, room: CacheRoom) -> Self {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = |used: &Used| Used { cache: Arc::new(used.cache.moved_to(room)), last: used.last };
        let others = others.iter().map(|(user, used)| (Arc::clone(user), moved(used))).collect();
        Self { room, local: Arc::new(self.local.moved_to(room)), others: Mutex::new(others) }
    }

    pub(super) fn room(&self) -> CacheRoom {
        self.room
    }

    /// The cache of whoever started the program.
    pub(super) fn local(&self) -> Arc<Embedded> {
        Arc::clone(&self.local)
    }

    /// The cache of this user, for one call of theirs.
    pub(super) fn of(&self, user: &User) -> Arc<Embedded> {
        if user.is_local() {
            return self.local();
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Used { cache: Arc::new(Embedded::new(self.room)), last: Instant::now() };
        let used = others.entry(Arc::clone(user.shared_name())).or_insert_with(new);
        used.last = Instant::now();
        let cache = Arc::clone(&used.cache);
        while self.is_too_much(&others) {
            let oldest = others.iter().min_by_key(|(_, used)| used.last).map(|(user, _)| Arc::clone(user));
            let Some(oldest) = oldest else { break };
            others.remove(&oldest);
        }
        cache
    }

    fn is_too_much(&self, others: &HashMap<Arc<str>, Used>) -> bool {
        let most = self.room.max.saturating_mul(FULL_ROOMS);
        others.len() > MOST_USERS
            || others.len() as u64 > FULL_ROOMS && others.values().map(|used| used.cache.bytes()).sum::<u64>() > most
    }
}
