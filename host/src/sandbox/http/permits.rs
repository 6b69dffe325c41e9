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

#[cfg(test)]
mod tests {
    use super::*;

    fn room(connections: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(connections))
    }

    #[tokio::test]
    async fn each_connection_takes_from_call_plugin_and_host() {
        let (call, plugin, host) = (room(2), PluginConnections::default(), room(2));
        let permits = Permits::acquire(&call, &plugin.clone().0, &host).await;
        let left = || [&call, &plugin.0, &host].map(|room| room.available_permits());
        assert_eq!(left(), [1, PER_PLUGIN - 1, 1]);
        drop(permits);
        assert_eq!(left(), [2, PER_PLUGIN, 2]);
    }

    #[tokio::test]
    async fn who_waits_for_its_plugin_takes_nothing_from_the_host() {
        let (call, plugin, host) = (room(1), room(0), room(1));
        let mut waiting = std::pin::pin!(Permits::acquire(&call, &plugin, &host));
        std::future::poll_fn(|cx| {
            assert!(waiting.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        assert_eq!(host.available_permits(), 1);
        plugin.add_permits(1);
        waiting.await;
    }
}
