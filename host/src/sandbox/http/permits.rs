//! How many connections may be open at once. A permit is held for the life of its connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::receipt::Server;

/// Connections of one call.
pub(super) const PER_CALL: usize = 8;
/// Connections of all calls into one plugin.
const PER_PLUGIN: usize = 64;
/// Connections of all calls to one server: plugins that all use it must not look like an attack on it.
const PER_SERVER: usize = 64;
/// Connections of all calls.
const PER_HOST: usize = 512;
/// Servers that are remembered before those without a connection are forgotten.
const REMEMBERED: usize = 1_024;

/// The connections that all calls into one plugin may hold. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct PluginConnections(pub(super) Arc<Semaphore>);

impl Default for PluginConnections {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PER_PLUGIN)))
    }
}

/// The connections that all calls of a host may hold.
#[derive(Debug)]
pub(super) struct HostConnections {
    all: Arc<Semaphore>,
    /// By name and port. Whoever holds or waits for a connection keeps its server alive.
    servers: Mutex<HashMap<(String, u16), Weak<Semaphore>>>,
}

impl Default for HostConnections {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(PER_HOST)), servers: Mutex::default() }
    }
}

impl HostConnections {
    /// The connections to one server.
    fn to(&self, server: &Server) -> Arc<Semaphore> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (server.host.clone(), server.port);
        if let Some(known) = servers.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        if servers.len() >= REMEMBERED {
            servers.retain(|_, connections| connections.strong_count() > 0);
        }
        let connections = Arc::new(Semaphore::new(PER_SERVER));
        servers.insert(key, Arc::downgrade(&connections));
        connections
    }
}

/// The right to one connection.
#[derive(Debug)]
pub(super) struct Permits {
    _permits: [[OwnedSemaphorePermit; 2]; 2],
}

impl Permits {
    /// Waits for a connection of the call, then of its plugin, then to the server, then of the host: whoever waits holds
    /// back no other plugin.
    pub(super) async fn acquire(
        call: &Arc<Semaphore>,
        plugin: &PluginConnections,
        host: &HostConnections,
        server: &Server,
    ) -> Self {
        let to_server = host.to(server);
        let narrow = [acquire(call).await, acquire(&plugin.0).await];
        let wide = [acquire(&to_server).await, acquire(&host.all).await];
        Self { _permits: [narrow, wide] }
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

    fn server(port: u16) -> Server {
        Server { scheme: "http".to_owned(), host: "a.example".to_owned(), port }
    }

    async fn is_pending<F: Future>(waiting: std::pin::Pin<&mut F>) -> bool {
        let mut waiting = waiting;
        std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await
    }

    #[tokio::test]
    async fn each_connection_takes_from_call_plugin_server_and_host() {
        let (call, plugin, host) = (room(2), PluginConnections::default(), HostConnections::default());
        let permits = Permits::acquire(&call, &plugin.clone(), &host, &server(1)).await;
        let left = || [&call, &plugin.0, &host.to(&server(1)), &host.all].map(|room| room.available_permits());
        assert_eq!(left(), [1, PER_PLUGIN - 1, PER_SERVER - 1, PER_HOST - 1]);
        drop(permits);
        assert_eq!(left(), [2, PER_PLUGIN, PER_SERVER, PER_HOST]);
    }

    #[tokio::test]
    async fn who_waits_for_its_plugin_takes_nothing_from_the_host() {
        let (call, plugin, host) = (room(1), PluginConnections(room(0)), HostConnections::default());
        let one = server(1);
        let mut waiting = std::pin::pin!(Permits::acquire(&call, &plugin, &host, &one));
        assert!(is_pending(waiting.as_mut()).await);
        assert_eq!(host.all.available_permits(), PER_HOST);
        plugin.0.add_permits(1);
        waiting.await;
    }

    #[tokio::test]
    async fn plugins_together_hold_only_so_many_connections_to_one_server() {
        let (host, crowded, other) = (HostConnections::default(), server(1), server(2));
        let mut held = Vec::new();
        for _ in 0..PER_SERVER {
            held.push(Permits::acquire(&room(1), &PluginConnections::default(), &host, &crowded).await);
        }
        let (call, plugin) = (room(1), PluginConnections::default());
        let mut waiting = std::pin::pin!(Permits::acquire(&call, &plugin, &host, &crowded));
        assert!(is_pending(waiting.as_mut()).await);
        Permits::acquire(&room(1), &PluginConnections::default(), &host, &other).await;
        held.pop();
        waiting.await;
    }

    #[tokio::test]
    async fn servers_without_a_connection_are_forgotten() {
        let host = HostConnections::default();
        for port in 1..10_000 {
            Permits::acquire(&room(1), &PluginConnections::default(), &host, &server(port)).await;
        }
        assert!(host.servers.lock().expect("nothing panics with the lock").len() <= REMEMBERED);
    }
}
