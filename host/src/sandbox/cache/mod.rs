//! What plugins keep from one call to the next: the contract's `cache`, and the two stores behind it. Only `contract` and
//! `keyvalue` know the runtime.
//!
//! Each plugin has a room of its own for each user, in bytes and in entries, so that nothing that one plugin does, or one user
//! does with it, is seen by another or makes another's entries go. The memory that the users of a plugin take together is
//! bounded too (see `rooms`).

mod contract;
mod embedded;
pub(super) mod keyvalue;
mod redis;
mod rooms;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

pub use self::redis::{InvalidRedisUrl, Redis};
use self::{embedded::Embedded, redis::Keys, rooms::Rooms};
use crate::{policy::CacheRoom, receipt::CacheFault, user::User};

/// Bytes that a key has at most.
const MAX_KEY: usize = 512;
/// Entries of one user in one plugin's cache, at most: where they are small, it is their number that costs.
const MAX_ENTRIES: u64 = 10_000;
/// Bytes of a plugin's room that an entry takes besides its key and its value: what both stores need to find it again.
const ENTRY: u64 = 512;

/// The caches of all plugins of a host.
#[derive(Debug)]
pub(super) struct Caches {
    redis: Option<Arc<Redis>>,
    /// By plugin. Whoever serves the plugin keeps its cache; a reload, which overlaps with what it replaces, finds it here.
    embedded: Mutex<HashMap<String, Weak<Rooms>>>,
}

/// The cache of one plugin, for every call of it. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct PluginCache {
    room: CacheRoom,
    /// Whether all users have what whoever started the program has.
    is_shared: bool,
    stores: Stores,
}

/// Where the users of a plugin have their stores.
#[derive(Debug, Clone)]
enum Stores {
    Embedded(Arc<Rooms>),
    /// With the plugin's name and the keys of whoever started the program, who is the only user of most hosts.
    Redis(Arc<Redis>, Arc<str>, Arc<Keys>),
}

/// What one user has in the cache of one plugin. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct UserCache {
    room: CacheRoom,
    store: Store,
}

#[derive(Debug, Clone)]
enum Store {
    Embedded(Arc<Embedded>),
    Redis(Arc<Redis>, Arc<Keys>),
}

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    value: Vec<u8>,
    age: Duration,
}

/// Why an entry was not set.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SetError {
    /// It cannot be an entry; what is wrong with it.
    Invalid(String),
    Fault(CacheFault),
}

impl Caches {
    /// Caches in this server, or in the memory of this process.
    pub(super) fn new(redis: Option<Redis>) -> Self {
        Self { redis: redis.map(Arc::new), embedded: Mutex::default() }
    }

    /// The cache of a plugin. What it held before is still there, as far as the room allows.
    pub(super) fn of(&self, plugin: &str, room: CacheRoom, is_shared: bool) -> PluginCache {
        let stores = match &self.redis {
            Some(redis) => Stores::Redis(Arc::clone(redis), plugin.into(), Arc::new(Keys::of(plugin, &User::local()))),
            None => Stores::Embedded(self.embedded(plugin, room)),
        };
        PluginCache { room, is_shared, stores }
    }

    fn embedded(&self, plugin: &str, room: CacheRoom) -> Arc<Rooms> {
        let mut known = self.embedded.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(plugin).and_then(Weak::upgrade);
        let rooms = match before {
            Some(same) if same.room() == room => return same,
            Some(other) => Arc::new(other.moved_to(room)),
            None => Arc::new(Rooms::new(room)),
        };
        known.retain(|_, rooms| rooms.strong_count() > 0);
        known.insert(plugin.to_owned(), Arc::downgrade(&rooms));
        rooms
    }
}

impl PluginCache {
    /// What this user has in it.
    pub(super) fn of(&self, user: &User) -> UserCache {
        let is_shared = self.is_shared || user.is_local();
        let store = match &self.stores {
            Stores::Embedded(rooms) if is_shared => Store::Embedded(rooms.local()),
            Stores::Embedded(rooms) => Store::Embedded(rooms.of(user)),
            Stores::Redis(redis, _, local) if is_shared => Store::Redis(Arc::clone(redis), Arc::clone(local)),
            Stores::Redis(redis, plugin, _) => Store::Redis(Arc::clone(redis), Arc::new(Keys::of(plugin, user))),
        };
        UserCache { room: self.room, store }
    }

    /// An empty cache with as much room, in the memory of this process, that nobody shares.
    pub(super) fn alone(&self) -> Self {
        Self { room: self.room, is_shared: true, stores: Stores::Embedded(Arc::new(Rooms::new(self.room))) }
    }
}

impl UserCache {
    /// The entry of that key, if it is there and its time is not over. Counts as a use of it.
    async fn get(&self, key: &str) -> Result<Option<Entry>, CacheFault> {
        if !is_key(key) {
            return Ok(None);
        }
        match &self.store {
            Store::Embedded(embedded) => Ok(embedded.get(key)),
            Store::Redis(redis, keys) => redis.get(keys, &self.room, key).await,
        }
    }

    /// Sets an entry. Where there is no room for it, those go that were not used for longest.
    async fn set(&self, key: String, value: Vec<u8>, ttl: Duration) -> Result<(), SetError> {
        self.check(&key, &value, ttl)?;
        let ttl = ttl.min(self.room.ttl_max);
        match &self.store {
            Store::Embedded(embedded) => {
                embedded.set(key, value, ttl);
                Ok(())
            }
            Store::Redis(redis, keys) => redis.set(keys, &self.room, &key, &value, ttl).await.map_err(SetError::Fault),
        }
    }

    /// Sets an entry if the value of its key is `expected`, in one step that nothing comes between, and says whether it was.
    async fn replace(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, SetError> {
        self.check(&key, &value, ttl)?;
        let (ttl, expected) = (ttl.min(self.room.ttl_max), expected.as_deref());
        match &self.store {
            Store::Embedded(embedded) => Ok(embedded.replace(key, expected, value, ttl)),
            Store::Redis(redis, keys) => {
                redis.replace(keys, &self.room, &key, expected, &value, ttl).await.map_err(SetError::Fault)
            }
        }
    }

    /// Whether this can be an entry.
    fn check(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), SetError> {
        if !is_key(key) {
            return Err(SetError::Invalid(format!("its key has {} bytes, and a key has 1 to {MAX_KEY}", key.len())));
        }
        if ttl.is_zero() {
            return Err(SetError::Invalid("it has no time to live".to_owned()));
        }
        let cost = cost(&self.room, key, value);
        if cost > self.room.max {
            let problem = format!("it takes {cost} bytes, and all the room there is has {}", self.room.max);
            return Err(SetError::Invalid(problem));
        }
        Ok(())
    }

    /// Deletes the entry of that key, if there is one.
    async fn delete(&self, key: &str) -> Result<(), CacheFault> {
        if !is_key(key) {
            return Ok(());
        }
        match &self.store {
            Store::Embedded(embedded) => {
                embedded.delete(key);
                Ok(())
            }
            Store::Redis(redis, keys) => redis.delete(keys, &self.room, key).await,
        }
    }
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len())
}

/// Bytes of a room that an entry takes. At least a share that makes [`MAX_ENTRIES`] of them fill it.
fn cost(room: &CacheRoom, key: &str, value: &[u8]) -> u64 {
    ((key.len() + value.len()) as u64 + ENTRY).max(room.max.div_ceil(MAX_ENTRIES))
}
