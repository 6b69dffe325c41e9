//! The only place that names wasmtime. Components in, answers out: `Sandbox::load` makes a `Program` once, and
//! `Sandbox::call` runs one call of it in an instance made for it and dropped after it.

mod bindings;
mod cache;
mod code_cache;
mod compile;
mod convert;
mod drafts;
mod engine;
mod files;
mod http;
mod limits;
mod lines;
mod linker;
mod plain;
mod postgres;
mod program;
mod redaction;
mod run;
mod state;
mod streams;
mod task;
mod trap;
mod turns;
mod work;

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, thread, time::Duration};

use tokio::{runtime::Runtime, sync::Semaphore};
use wasmtime::{Engine, component::Linker};

use self::{
    cache::Caches, engine::Ticker, files::AllFiles, http::Network, limits::Budget, postgres::Databases,
    state::CallState,
};
pub(crate) use self::{
    cache::PluginCache,
    convert::{RawOutput, ToolSpec},
    files::Folder,
    http::{PluginConnections, client_config, native_roots},
    program::{LoadError, Program},
    turns::Turns,
    work::{Pace, Work},
};
pub use self::{
    cache::{InvalidRedisUrl, Redis},
    code_cache::CodeCache,
    compile::{Compiler, compile_stdin},
    engine::Allocation,
    http::{Credentials, InvalidUpstream, Upstream, Upstreams},
    postgres::DatabaseSettings,
};
use crate::{
    policy::{DatabaseName, Grant, Propagate},
    receipt::Denial,
};

/// What a sandbox is made with.
#[derive(Debug)]
pub struct Settings {
    /// Instances that can live at once; each takes address space, not memory.
    pub slots: u32,
    /// Bytes of linear memory that all live instances share; `None` for half of what this process may use.
    pub memory: Option<u64>,
    /// Where compiled code is kept; `None` to keep none.
    pub code_cache: Option<CodeCache>,
    /// Who compiles.
    pub compiler: Compiler,
    /// Servers that are dialled instead of others.
    pub upstreams: Upstreams,
    /// Where plugins keep what outlives a call; `None` for the memory of this process.
    pub redis: Option<Redis>,
    /// Databases that plugins can be granted, by name.
    pub databases: BTreeMap<DatabaseName, DatabaseSettings>,
    /// What is added to the requests of plugins.
    pub credentials: Credentials,
    /// Servers that are told of the trace that a request belongs to.
    pub propagate: Propagate,
}

/// What the instances alive hold at this moment, and may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Places of instances that are taken. A large instance takes several.
    pub slots: u64,
    /// Places that there are.
    pub max_slots: u64,
    /// Bytes of linear memory that all instances hold.
    pub memory: u64,
    /// Bytes that they may hold.
    pub max_memory: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slots: 1_000,
            memory: None,
            code_cache: None,
            compiler: Compiler::InProcess,
            upstreams: Upstreams::default(),
            redis: None,
            databases: BTreeMap::new(),
            credentials: Credentials::default(),
            propagate: Propagate::default(),
        }
    }
}

/// The engine and everything that calls share.
pub struct Sandbox {
    engine: Engine,
    allocation: Allocation,
    linker: Linker<CallState>,
    ticker: Ticker,
    /// One permit for each slot of the pool, taken before the slot: the pool itself fails where it should wait.
    places: Arc<Semaphore>,
    slots: u32,
    budget: Arc<Budget>,
    code_cache: Option<CodeCache>,
    compiler: Compiler,
    /// One small and one large component are compiled at a time: each can take 2 GiB, and small ones do not wait for large ones.
    compiling: [Semaphore; 2],
    network: Network,
    credentials: Credentials,
    caches: Caches,
    databases: Databases,
    files: Arc<AllFiles>,
    guests: GuestRuntime,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("allocation", &self.allocation).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A sandbox with an engine and threads of its own.
    ///
    /// # Errors
    ///
    /// When the engine or a thread cannot be made.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let (engine, allocation) =
            engine::engine(settings.slots).map_err(|error| io::Error::other(format!("{error:#}")))?;
        let linker = linker::linker(&engine).map_err(|error| io::Error::other(format!("{error:#}")))?;
        Ok(Self {
            allocation,
            linker,
            ticker: Ticker::start(&engine)?,
            places: Arc::new(Semaphore::new(settings.slots as usize)),
            slots: settings.slots,
            budget: Budget::new(settings.memory.unwrap_or_else(limits::default_budget)),
            code_cache: settings.code_cache,
            compiler: settings.compiler,
            compiling: [Semaphore::new(1), Semaphore::new(1)],
            network: Network::new(settings.upstreams, settings.propagate),
            credentials: settings.credentials,
            caches: Caches::new(settings.redis),
            databases: Databases::new(settings.databases),
            files: Arc::new(AllFiles::new()?),
            guests: GuestRuntime::start()?,
            engine,
        })
    }

    /// Does work that takes its time on a thread of its own, so that neither clients nor guests wait for it; `None` where
    /// it panics.
    pub(crate) async fn aside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.guests.handle().spawn_blocking(work).await.ok()
    }

    /// What calls of a plugin with this grant may keep.
    ///
    /// # Errors
    ///
    /// The denial that each call is told and its receipt shows.
    pub(crate) fn cache(&self, plugin: &str, grant: &Grant) -> Result<PluginCache, Arc<Denial>> {
        grant.may_keep().map(|room| self.caches.of(plugin, room, grant.shares_cache())).map_err(Arc::new)
    }

    /// What keeps a database from being asked, in one sentence, as far as can be told without dialling it.
    pub(crate) fn database_problem(&self, name: &DatabaseName) -> Option<String> {
        let parts = self.databases.problem(name)?.parts();
        Some(format!("{}; check first {}", parts.message, parts.check_first))
    }

    /// What is added to the requests of plugins.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// What the instances alive hold.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let max_slots = u64::from(self.slots);
        Usage {
            slots: max_slots.saturating_sub(self.places.available_permits() as u64),
            max_slots,
            memory: self.budget.used(),
            max_memory: self.budget.limit(),
        }
    }

    /// How instances are allocated.
    #[must_use]
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }
}

/// The threads that guests run on, apart from those that serve clients: however many guests compute, a `ping` is answered.
/// One thread for each processor, so the threads are the permits to compute.
#[derive(Debug)]
struct GuestRuntime(Option<Runtime>);

impl GuestRuntime {
    fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(thread::available_parallelism().map_or(2, Into::into))
            .thread_name("toolcell-guest")
            .thread_keep_alive(Duration::from_secs(1))
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> &tokio::runtime::Handle {
        self.0.as_ref().expect("the runtime is taken only when this is dropped").handle()
    }
}

impl Drop for GuestRuntime {
    /// Without waiting: a runtime must not be awaited in another, and its calls are nobody's any more.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Where compiled code is kept unless the operator says otherwise: `toolcell/code` in the user's cache folder.
#[must_use]
pub fn default_cache_folder() -> Option<PathBuf> {
    Some(dirs::cache_dir()?.join("toolcell").join("code"))
}
