//! The one engine: its settings, its pool of instance slots, and the clock that interrupts guests.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

/// How long a guest may compute before it is asked whether it may go on, and so how long it can hold up whoever polls it.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Memories that one component may have. Each takes a slot of the pool, so this bounds what one call can take.
pub(super) const MAX_MEMORIES: u32 = 4;
/// Tables that come with each slot; a component with more takes more slots.
pub(super) const TABLES_PER_SLOT: u32 = 8;
/// Tables that one component may have.
pub(super) const MAX_TABLES: u32 = 64;
/// Core instances that one component may have. The pool only counts them, so every slot can have that many.
const MAX_CORE_INSTANCES: u32 = 200;
/// Elements that one table may have; CPython's takes some ten thousand.
pub(super) const MAX_TABLE_ELEMENTS: usize = 100_000;

/// The settings that compiled code depends on, the same in every process, so that code compiled by one runs in another.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_init_cow(true)
        .async_stack_size(2 << 20)
        .max_wasm_stack(512 << 10)
        // The contract is WASI 0.2; component-model async would cost every call some 6 µs.
        .concurrency_support(false)
        // What tool components do not need is off: less code that a hostile component can reach.
        .gc_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .shared_memory(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        // Source lines are looked up in a table of our own: see `lines`.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_component_model(true);
    config
}

/// How instances are allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool of slots made at start: an instance costs microseconds.
    Pooled,
    /// By mapping memory for each instance, because the address space did not hold the pool.
    OnDemand,
}

/// The engine with a pool of `slots`, or without one where the address space is too small (`ulimit -v`, some containers).
pub(super) fn engine(slots: u32) -> wasmtime::Result<(Engine, Allocation)> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_memories(slots)
        .total_tables(slots.saturating_mul(TABLES_PER_SLOT))
        .total_core_instances(slots.saturating_mul(MAX_CORE_INSTANCES))
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        // These pages stay with the slot and are zeroed, which is cheaper than giving them back and faulting them in.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(1 << 20)
        .decommit_batch_size(1)
        // Off on purpose: before wasmtime 50.0.1 the scan passes over dirty pages that were swapped out, and so could leave
        // one call's memory to the next (bytecodealliance/wasmtime#14357).
        .pagemap_scan(Enabled::No);
    let mut pooled = config();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    match Engine::new(&pooled) {
        Ok(engine) => Ok((engine, Allocation::Pooled)),
        Err(error) => {
            tracing::warn!(
                "no pool of {slots} instance slots ({error:#}); each instance maps its own memory, which is slower"
            );
            Ok((Engine::new(&config())?, Allocation::OnDemand))
        }
    }
}

/// Advances the engine's epoch every [`TICK`] while calls run, on one thread for the whole engine.
#[derive(Debug)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: thread::Thread,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    is_parked: AtomicBool,
}

/// While this lives the clock ticks.
#[derive(Debug)]
pub(super) struct Ticking(Arc<Shared>);

impl Ticker {
    /// Idle ticks after which the thread sleeps until the next call: calls in quick succession need not wake it.
    const IDLE_TICKS: u32 = 200;

    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::downgrade(&shared);
        let engine = engine.weak();
        let thread = thread::Builder::new().name("toolcell-epoch".to_owned()).spawn(move || {
            let mut idle = 0;
            loop {
                thread::sleep(TICK);
                let (Some(engine), Some(shared)) = (engine.upgrade(), Weak::upgrade(&seen)) else { return };
                engine.increment_epoch();
                idle = if shared.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
                if idle > Self::IDLE_TICKS {
                    drop(engine);
                    shared.is_parked.store(true, Ordering::SeqCst);
                    // A call that came in between saw the flag and unparks, or is seen here: neither order sleeps through it.
                    if shared.running.load(Ordering::SeqCst) == 0 {
                        drop(shared);
                        thread::park();
                    }
                    idle = 0;
                    if let Some(shared) = seen.upgrade() {
                        shared.is_parked.store(false, Ordering::SeqCst);
                    }
                }
            }
        })?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    pub(super) fn ticking(&self) -> Ticking {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.is_parked.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(Arc::clone(&self.shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.thread.unpark();
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_compiled_without_a_pool_runs_with_one() {
        let (pooled, allocation) = engine(8).expect("an engine can be made");
        assert_eq!(allocation, Allocation::Pooled);
        let plain = Engine::new(&config()).expect("an engine can be made");
        let code =
            plain.precompile_component(super::super::code_cache::tests::EMPTY).expect("an empty component compiles");
        super::super::code_cache::deserialize(&pooled, &code).expect("the settings are the same");
    }
}
