use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::ToolError;
use crate::cache::Entry;

/// The longest key that the contract takes, in bytes.
const MAX_KEY: usize = 512;

/// As the host has them: entries of one plugin, and what each takes of the room besides its key and its value, in bytes.
const MAX_ENTRIES: usize = 10_000;
const ENTRY: usize = 256;

thread_local! {
    /// The time since the thread began, which only [`advance`] moves.
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static INSTALLED: RefCell<FakeCache> = const { RefCell::new(FakeCache::new()) };
}

/// Moves the clock of this thread's cache forward: entries age, and go when their time is over.
pub fn advance(time: Duration) {
    NOW.set(NOW.get().saturating_add(time));
}

/// Starts a cache of other bounds than the one of 16 MiB and an hour that every test has anyway.
pub fn cache() -> FakeCache {
    FakeCache::new()
}

/// An empty cache in memory, with the bounds of the host's: what was not used for longest makes room for what is new.
#[must_use = "the cache is used once it is installed"]
#[derive(Debug)]
pub struct FakeCache {
    max: usize,
    ttl_max: Duration,
    failure: Option<ToolError>,
    // In the order they were used last.
    entries: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    key: String,
    value: Vec<u8>,
    since: Duration,
    until: Duration,
}

impl FakeCache {
    const fn new() -> Self {
        Self { max: 16 << 20, ttl_max: Duration::from_secs(60 * 60), failure: None, entries: vec![] }
    }

    /// Sets the room: so many bytes of keys, values and 256 for each entry. `max` in the manifest.
    pub fn max(mut self, bytes: usize) -> Self {
        self.max = bytes;
        self
    }

    /// Sets the longest time to live. `ttl-max` in the manifest.
    pub fn ttl_max(mut self, ttl_max: Duration) -> Self {
        self.ttl_max = ttl_max;
        self
    }

    /// Fails every request as the host does, for example with the code `denied_cache`.
    pub fn fail(mut self, error: ToolError) -> Self {
        self.failure = Some(error);
        self
    }

    /// Makes it the cache of this thread until the guard is dropped.
    pub fn install(self) -> InstalledCache {
        InstalledCache { before: Some(INSTALLED.replace(self)) }
    }

    fn usable(&mut self) -> Result<&mut Self, ToolError> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        self.entries.retain(|kept| NOW.get() < kept.until);
        Ok(self)
    }

    fn size(&self) -> usize {
        self.entries.iter().map(|kept| cost(self.max, &kept.key, &kept.value)).sum()
    }
}

/// Keeps the cache installed while it lives.
#[must_use = "the cache before comes back when this is dropped"]
#[derive(Debug)]
pub struct InstalledCache {
    before: Option<FakeCache>,
}

impl Drop for InstalledCache {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            INSTALLED.set(before);
        }
    }
}

pub(crate) fn get(key: &str) -> Result<Option<Entry>, ToolError> {
    INSTALLED.with_borrow_mut(|cache| {
        let entries = &mut cache.usable()?.entries;
        let Some(index) = entries.iter().position(|kept| kept.key == key) else { return Ok(None) };
        entries[index..].rotate_left(1);
        let kept = entries.last();
        Ok(kept.map(|kept| Entry { value: kept.value.clone(), age: NOW.get().saturating_sub(kept.since) }))
    })
}

pub(crate) fn set(key: &str, value: &[u8], ttl_ms: u64) -> Result<(), ToolError> {
    INSTALLED.with_borrow_mut(|cache| {
        let cache = cache.usable()?;
        let (max, cost) = (cache.max, cost(cache.max, key, value));
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(invalid(format!("the key has {} bytes, not 1 to {MAX_KEY}", key.len())));
        }
        if ttl_ms == 0 {
            return Err(invalid("the entry has no time to live".to_owned()));
        }
        if cost > max {
            return Err(invalid(format!("the entry takes {cost} bytes, all the room is {max}")));
        }
        cache.entries.retain(|kept| kept.key != key);
        while cache.size() + cost > max {
            cache.entries.remove(0);
        }
        let since = NOW.get();
        let until = since.saturating_add(Duration::from_millis(ttl_ms).min(cache.ttl_max));
        cache.entries.push(Kept { key: key.to_owned(), value: value.to_vec(), since, until });
        Ok(())
    })
}

pub(crate) fn delete(key: &str) -> Result<(), ToolError> {
    INSTALLED.with_borrow_mut(|cache| {
        cache.usable()?.entries.retain(|kept| kept.key != key);
        Ok(())
    })
}

/// What an entry takes of a room of `max` bytes: at least a share that makes [`MAX_ENTRIES`] of them fill it.
fn cost(max: usize, key: &str, value: &[u8]) -> usize {
    (ENTRY + key.len() + value.len()).max(max.div_ceil(MAX_ENTRIES))
}

fn invalid(what: String) -> ToolError {
    ToolError::new("invalid_entry", what)
        .check_first("The plugin's author keeps less, under a shorter key, for a time.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{get, set};

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn is_kept(key: &str) -> bool {
        get(key).unwrap().is_some()
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        // Three entries of 256 bytes, a key of 1 and a value of 9.
        let _cache = cache().max(3 * 266).install();
        for key in ["a", "b", "c"] {
            set(key, [0; 9], HOUR).unwrap();
        }
        assert!(["b", "c", "a"].into_iter().all(is_kept));
        set("c", [1; 9], HOUR).unwrap();
        set("d", [0; 9], HOUR).unwrap();
        assert_eq!(["a", "b", "c", "d"].map(is_kept), [true, false, true, true]);
        set("e", [0; 500], HOUR).unwrap();
        assert_eq!(["a", "c", "d", "e"].map(is_kept), [false, false, false, true]);
    }

    #[test]
    fn entries_are_bounded_in_number() {
        assert_eq!(cost(10_000 * 1000, "k", b"v"), 1000);
        assert_eq!(cost(10_000 * 1000, "k", &[0; 1000]), 1257);
    }

    #[test]
    fn no_entry_outlives_the_longest_time() {
        let _cache = cache().ttl_max(HOUR).install();
        set("k", "v", HOUR * 24).unwrap();
        advance(Duration::from_secs(3599));
        assert!(is_kept("k"));
        advance(Duration::from_secs(1));
        assert!(!is_kept("k"));
    }

    #[test]
    fn what_the_host_refuses_is_refused() {
        let _cache = cache().max(1000).install();
        let cases = [
            (String::new(), 1, HOUR, "the key has 0 bytes, not 1 to 512"),
            ("k".repeat(513), 1, HOUR, "the key has 513 bytes, not 1 to 512"),
            ("k".to_owned(), 1, Duration::ZERO, "the entry has no time to live"),
            ("k".to_owned(), 744, HOUR, "the entry takes 1001 bytes, all the room is 1000"),
        ];
        for (key, bytes, ttl, message) in cases {
            let error = set(&key, vec![0; bytes], ttl).unwrap_err();
            assert_eq!((error.code.as_str(), error.message.as_str()), ("invalid_entry", message));
        }
        set(&"k".repeat(512), [], HOUR).unwrap();
    }

    #[test]
    fn a_guard_brings_the_cache_before_back() {
        set("k", "v", HOUR).unwrap();
        let installed = cache().install();
        assert!(!is_kept("k"));
        drop(installed);
        assert!(is_kept("k"));
    }
}
