//! One user's cache for one plugin, in the memory of this process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{
    Expiry,
    ops::compute::{CompResult, Op},
    policy::EvictionPolicy,
    sync::Cache,
};

use super::{Entry, cost};
use crate::policy::CacheRoom;

/// Entries. What was not used for longest goes first.
#[derive(Debug)]
pub(super) struct Embedded {
    entries: Cache<String, Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    value: Arc<[u8]>,
    set: Instant,
    ttl: Duration,
}

impl Kept {
    /// `None` where its time is over.
    fn left(&self) -> Option<Duration> {
        self.ttl.checked_sub(self.set.elapsed()).filter(|left| !left.is_zero())
    }
}

impl Embedded {
    pub(super) fn new(room: CacheRoom) -> Self {
        let entries = Cache::builder()
            .max_capacity(room.max)
            .weigher(move |key: &String, kept: &Kept| u32::try_from(cost(&room, key, &kept.value)).unwrap_or(u32::MAX))
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(OwnTime)
            .build();
        Self { entries }
    }

    /// The same entries in another room: those that were set last, as many as it has room for, for no longer than it allows.
    pub(super) fn moved_to(&self, room: CacheRoom) -> Self {
        let moved = Self::new(room);
        let mut kept: Vec<_> = self.entries.iter().collect();
        kept.sort_by_key(|(_, kept)| kept.set);
        for (key, kept) in kept {
            let kept = Kept { ttl: kept.ttl.min(room.ttl_max), ..kept };
            if kept.left().is_some() && cost(&room, &key, &kept.value) <= room.max {
                moved.insert(key.to_string(), kept);
            }
        }
        moved
    }

    pub(super) fn get(&self, key: &str) -> Option<Entry> {
        let kept = self.entries.get(key)?;
        kept.left()?;
        Some(Entry { value: kept.value.to_vec(), age: kept.set.elapsed() })
    }

    pub(super) fn set(&self, key: String, value: Vec<u8>, ttl: Duration) {
        self.insert(key, Kept { value: value.into(), set: Instant::now(), ttl });
    }

    /// Sets an entry if the value of its key is `expected`, and says whether it was.
    pub(super) fn replace(&self, key: String, expected: Option<&[u8]>, value: Vec<u8>, ttl: Duration) -> bool {
        let kept = Kept { value: value.into(), set: Instant::now(), ttl };
        let replaced = self.entries.entry(key).and_compute_with(|found| {
            let found = found.map(moka::Entry::into_value).filter(|kept| kept.left().is_some());
            if found.as_ref().map(|kept| &*kept.value) == expected { Op::Put(kept) } else { Op::Nop }
        });
        self.entries.run_pending_tasks();
        matches!(replaced, CompResult::Inserted(_) | CompResult::ReplacedWith(_))
    }

    pub(super) fn delete(&self, key: &str) {
        self.entries.invalidate(key);
        self.entries.run_pending_tasks();
    }

    /// Bytes of its room that are taken.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.weighted_size()
    }

    fn insert(&self, key: String, kept: Kept) {
        self.entries.insert(key, kept);
        // Otherwise the library would let hundreds of entries wait, of any size, before others go for them.
        self.entries.run_pending_tasks();
    }
}

/// Each entry ends when its own time is over.
struct OwnTime;

impl Expiry<String, Kept> for OwnTime {
    fn expire_after_create(&self, _key: &String, kept: &Kept, _now: Instant) -> Option<Duration> {
        Some(kept.left().unwrap_or_default())
    }

    fn expire_after_update(
        &self,
        _key: &String,
        kept: &Kept,
        _now: Instant,
        _before: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.left().unwrap_or_default())
    }
}

#[cfg(test)]
impl Embedded {
    /// Bytes of its room that are taken, and entries.
    pub(super) fn held(&self) -> (u64, u64) {
        (self.bytes(), self.entries.entry_count())
    }
}
