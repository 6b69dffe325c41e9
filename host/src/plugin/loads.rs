//! Components that are being loaded, each in a task of its own: what is served does not wait for one that has to be compiled
//! first.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use super::load::{self, Candidate, Loaded};
use crate::{
    policy::{Digest, NotServed, PluginName},
    sandbox::Sandbox,
};

/// How long a component whose code is kept is waited for: far longer than that takes, unless its tools are slow to list.
const PROMPT: Duration = Duration::from_secs(1);

/// The loads that nobody has taken the end of yet, and those that failed: one for each plugin.
#[derive(Debug, Default)]
pub(super) struct Loads {
    begun: Mutex<HashMap<PluginName, Load>>,
    ended: watch::Sender<u64>,
    compiled: Arc<Compilations>,
}

/// Components that were compiled, and how long that took all together.
#[derive(Debug, Default)]
struct Compilations {
    number: AtomicU64,
    microseconds: AtomicU64,
}

/// What comes of a load: the component with its tools, or nothing where only its code was looked at.
type End = Result<Option<Loaded>, NotServed>;

#[derive(Debug)]
struct Load {
    component: Digest,
    end: watch::Receiver<Option<End>>,
    /// Ends the load when it is dropped, and with it the process that compiles.
    _task: AbortOnDropHandle<()>,
}

/// What of a component is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// Its tools, which are listed with nothing granted.
    Tools,
    /// Whether its code is sound. Nothing of it runs.
    Code,
}

impl Loads {
    /// The component with its tools.
    ///
    /// # Errors
    ///
    /// [`NotServed::BeingLoaded`] until it has ended, which [`Loads::ended`] tells; otherwise why it cannot be loaded.
    pub(super) async fn loaded(&self, sandbox: &Arc<Sandbox>, candidate: &Candidate<'_>) -> Result<Loaded, NotServed> {
        match self.end(sandbox, candidate, Want::Tools).await? {
            Some(loaded) => Ok(loaded),
            // Its code was looked at before somebody reviewed it.
            None => self.end(sandbox, candidate, Want::Tools).await?.ok_or(NotServed::BeingLoaded),
        }
    }

    /// Whether the component compiles and is linked, without running it.
    ///
    /// # Errors
    ///
    /// As [`Loads::loaded`].
    pub(super) async fn check(&self, sandbox: &Arc<Sandbox>, candidate: &Candidate<'_>) -> Result<(), NotServed> {
        self.end(sandbox, candidate, Want::Code).await.map(|_| ())
    }

    /// A number that grows whenever a load ends.
    pub(super) fn ended(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }

    /// How many components were compiled since the start, and how long that took.
    pub(super) fn compilations(&self) -> (u64, Duration) {
        let Compilations { number, microseconds } = &*self.compiled;
        (number.load(Ordering::Relaxed), Duration::from_micros(microseconds.load(Ordering::Relaxed)))
    }

    /// Gives up the loads of all other plugins than these.
    pub(super) fn keep(&self, plugins: &BTreeSet<PluginName>) {
        self.begun().retain(|plugin, _| plugins.contains(plugin));
    }

    /// Lets what failed be tried again.
    pub(super) fn forget_failures(&self) {
        self.begun().retain(|_, load| !matches!(*load.end.borrow(), Some(Err(_))));
    }

    /// The end of the load of this component, which is begun if need be.
    async fn end(&self, sandbox: &Arc<Sandbox>, candidate: &Candidate<'_>, want: Want) -> End {
        let name = &candidate.found.name;
        let is_compiled = sandbox.is_compiled(&candidate.component);
        let mut end = {
            let mut begun = self.begun();
            let same = begun.get(name).filter(|load| load.component == candidate.component);
            if let Some(load) = same {
                load.end.clone()
            } else {
                let load = self.begin(sandbox, candidate, want, is_compiled);
                let end = load.end.clone();
                begun.insert(name.clone(), load);
                end
            }
        };
        if is_compiled {
            let _ = timeout(PROMPT, end.wait_for(Option::is_some)).await;
        }
        let ended = end.borrow().clone().unwrap_or(Err(NotServed::BeingLoaded));
        // A failure is kept: what comes of other plugins is no reason to load it again.
        if ended.is_ok() {
            self.begun().remove(name);
        }
        ended
    }

    fn begin(&self, sandbox: &Arc<Sandbox>, candidate: &Candidate<'_>, want: Want, is_compiled: bool) -> Load {
        let (sandbox, name) = (Arc::clone(sandbox), candidate.found.name.clone());
        let (wasm, component) = (candidate.wasm.clone(), candidate.component);
        let (sender, end) = watch::channel(None);
        let (ended, compiled) = (self.ended.clone(), Arc::clone(&self.compiled));
        let task = tokio::spawn(async move {
            let started = Instant::now();
            if !is_compiled {
                tracing::info!("plugin {name}: compiling its component of {} KiB, once", wasm.len() >> 10);
            }
            // In a task of its own, so that a panic has an end as well.
            let shown = name.clone();
            let load = AbortOnDropHandle::new(tokio::spawn(async move {
                match want {
                    Want::Tools => load::load(&sandbox, &name, &wasm, component).await.map(Some),
                    Want::Code => match sandbox.load(&wasm, &component).await {
                        Ok(_) => Ok(None),
                        Err(error) => Err(NotServed::InvalidComponent(error.to_string())),
                    },
                }
            }));
            let bug =
                |_| Err(NotServed::InvalidComponent("the host failed to load it, which is a bug of its".to_owned()));
            let outcome = load.await.unwrap_or_else(bug);
            if !is_compiled && outcome.is_ok() {
                let took = started.elapsed();
                tracing::info!("plugin {shown}: compiled in {:.1} s", took.as_secs_f64());
                compiled.number.fetch_add(1, Ordering::Relaxed);
                let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                compiled.microseconds.fetch_add(microseconds, Ordering::Relaxed);
            }
            sender.send_replace(Some(outcome));
            ended.send_modify(|ended| *ended += 1);
        });
        Load { component, end, _task: AbortOnDropHandle::new(task) }
    }

    fn begun(&self) -> std::sync::MutexGuard<'_, HashMap<PluginName, Load>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
