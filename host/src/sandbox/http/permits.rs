//! How many connections may be open at once. A permit is held for the life of its connection.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections of one call.
pub(super) const PER_CALL: usize = 8;
/// Connections of all calls into one plugin.
const PER_PLUGIN: usize = 64;
/// Connections of all calls.
pub(super) const PER_HOST: usize = 512;

/// The connections that all calls into one plugin may hold. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct PluginConnections(pub(super) Arc<Semaphore>);

impl Default for PluginConnections {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PER_PLUGIN)))
    }
}

/// The right to one connection.
#[derive(Debug)]
pub(super) struct Permits {
    _permits: [OwnedSemaphorePermit; 3],
}

impl Permits {
    /// Waits for a connection of the call, then of its plugin, then of the host: whoever waits holds back nobody but
    /// itself.
    pub(super) async fn acquire(call: &Arc<Semaphore>, plugin: &Arc<Semaphore>, host: &Arc<Semaphore>) -> Self {
        Self { _permits: [acquire(call).await, acquire(plugin).await, acquire(host).await] }
    }
}

/// Waits for one permit.
pub(super) async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore).acquire_owned().await.expect("these semaphores are never closed")
}
