//! What bounds an instance's memory and tables: per call, and all live instances together.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use wasmtime::ResourceLimiter;

use super::engine::{self, MAX_MEMORIES, MAX_TABLES};

/// Elements of all of an instance's tables together.
const MAX_TABLE_ELEMENTS: usize = 400_000;

/// Linear memory that all live instances share.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0) })
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        let taken = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Half of the memory that this process may use: of the machine's, or of its control group's where that is less.
pub(super) fn default_budget() -> u64 {
    let machine = rustix::system::sysinfo();
    let total = machine.totalram.saturating_mul(machine.mem_unit.max(1).into());
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    group.map_or(total, |group: u64| group.min(total)) / 2
}

/// Why an instance did not get memory that it wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its own limit; it wanted this many bytes in all.
    Memory(u64),
    /// All live instances together hold what they may.
    Budget,
    /// Its tables hold what they may.
    Tables,
}

/// Counts and bounds one instance's memory. wasmtime's own `StoreLimits` bounds each memory by itself, so that a component
/// with twenty of them gets twenty times the limit.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: u64,
    held: u64,
    peak: u64,
    table_elements: usize,
    /// The last growth that was refused. A guest sees only -1 and usually ends in a bare `unreachable`.
    pub(super) refused: Option<Refused>,
    budget: Arc<Budget>,
}

impl Limiter {
    pub(super) fn new(limit: u64, budget: Arc<Budget>) -> Self {
        Self { limit, held: 0, peak: 0, table_elements: 0, refused: None, budget }
    }

    /// The most bytes that the instance held at once.
    pub(super) fn peak(&self) -> u64 {
        self.peak
    }

    /// The most bytes that the instance may hold.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        let wanted = self.held.saturating_add(more);
        if wanted > self.limit {
            self.refused = Some(Refused::Memory(wanted));
            return Ok(false);
        }
        if !self.budget.take(more) {
            self.refused = Some(Refused::Budget);
            return Ok(false);
        }
        self.held = wanted;
        self.peak = self.peak.max(wanted);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        // The pool would refuse more in one table by itself, and nobody would know why the guest gave up.
        if wanted > MAX_TABLE_ELEMENTS || desired > engine::MAX_TABLE_ELEMENTS {
            self.refused = Some(Refused::Tables);
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.budget.give_back(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 64 << 10;

    fn grow(limiter: &mut Limiter, from: usize, to: usize) -> bool {
        limiter.memory_growing(from * PAGE, to * PAGE, None).expect("the limiter never fails")
    }

    #[test]
    fn memories_are_summed() {
        let mut limiter = Limiter::new(10 * PAGE as u64, Budget::new(u64::MAX));
        assert!(grow(&mut limiter, 0, 6));
        assert!(!grow(&mut limiter, 0, 6));
        assert_eq!(limiter.refused, Some(Refused::Memory(12 * PAGE as u64)));
        assert!(grow(&mut limiter, 0, 4));
        assert_eq!(limiter.peak(), 10 * PAGE as u64);
    }

    #[test]
    fn the_budget_is_shared_and_given_back() {
        let budget = Budget::new(8 * PAGE as u64);
        let mut first = Limiter::new(u64::MAX, Arc::clone(&budget));
        let mut second = Limiter::new(u64::MAX, budget);
        assert!(grow(&mut first, 0, 6));
        assert!(!grow(&mut second, 0, 6));
        assert_eq!(second.refused, Some(Refused::Budget));
        drop(first);
        assert!(grow(&mut second, 0, 6));
    }

    #[test]
    fn table_elements_are_summed() {
        let mut limiter = Limiter::new(u64::MAX, Budget::new(u64::MAX));
        let mut grow = |from, to| limiter.table_growing(from, to, None).expect("the limiter never fails");
        for _ in 0..MAX_TABLE_ELEMENTS / engine::MAX_TABLE_ELEMENTS {
            assert!(grow(1, engine::MAX_TABLE_ELEMENTS));
        }
        assert!(grow(0, 4));
        assert!(!grow(0, 1));
        assert_eq!(limiter.refused, Some(Refused::Tables));
    }

    #[test]
    fn one_table_has_a_limit_of_its_own() {
        let mut limiter = Limiter::new(u64::MAX, Budget::new(u64::MAX));
        let mut grow = |from, to| limiter.table_growing(from, to, None).expect("the limiter never fails");
        assert!(!grow(0, engine::MAX_TABLE_ELEMENTS + 1));
        assert_eq!(limiter.refused, Some(Refused::Tables));
    }
}
