//! The protocol over HTTP (MCP 2026-07-28 and 2025-11-25, basic/transports, Streamable HTTP): what stands around rmcp's own
//! transport, so that it can stand on an open network.
//!
//! A request passes, in this order: a place for its connection (`connections`), a bound on how long its head may take
//! (`bounded`), the name and the page it came by (`names`), who sent it (`auth`), whose session it names (`sessions`), its body
//! (`body`). `endpoint` has all of it on one screen.
#![expect(clippy::result_large_err, reason = "the error is the answer, of which each request has one")]

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::FAREWELL;
use crate::{auth::Auth, config::HttpConfig, host::Host, user::User};
use connections::Connections;
use endpoint::{Endpoint, Ends};
use sessions::Sessions;

mod answer;
mod auth;
mod body;
mod bounded;
mod connections;
mod counters;
mod endpoint;
mod listener;
mod names;
mod plain_call;
mod sessions;
mod tls;

pub use listener::{Address, Listener, Peer, SocketFile};
pub use tls::{Certificate, CertificateError};

/// What tells the server to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Not ready from now on; what is in flight may finish.
    pub begun: CancellationToken,
    /// At once, whatever is in flight.
    pub now: CancellationToken,
}

/// How the server has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was in flight has been answered.
    Drained,
    /// So many requests were in flight still when their time was over, or when they were to end at once.
    Cut(usize),
}

/// Serves whoever comes to the listeners until told to end, and then those who are being served: for `drain-delay` as before,
/// but not ready; then without new connections, for `drain` at most.
pub async fn serve_http(
    host: Arc<Host>,
    listeners: Vec<Listener>,
    auth: Arc<Auth>,
    config: &HttpConfig,
    certificate: Option<&Certificate>,
    shutdown: &Shutdown,
) -> Ended {
    let ends = Ends { unready: shutdown.begun.clone(), ..Ends::default() };
    let Ends { closing, cut, .. } = ends.clone();
    let endpoint = Endpoint::new(host, auth, config, ends);
    let sessions = endpoint.sessions();
    let _sweeping = AbortOnDropHandle::new(tokio::spawn(async move { sessions.sweep().await }));
    let _watching = certificate.map(Certificate::watch);
    let connections = Connections::new(endpoint, certificate, config, closing.clone(), cut.clone());
    let mut accepting: JoinSet<()> =
        listeners.into_iter().map(|listener| Arc::clone(&connections).accept(listener)).collect();

    shutdown.begun.cancelled().await;
    let drained = async {
        sleep(config.drain_delay).await;
        closing.cancel();
        while accepting.join_next().await.is_some() {}
        timeout(config.drain, connections.ended()).await.is_ok()
    };
    let is_drained = tokio::select! {
        is_drained = drained => is_drained,
        () = shutdown.now.cancelled() => false,
    };
    if is_drained {
        return Ended::Drained;
    }
    let left = connections.under_way();
    // Calls are cancelled with their requests; for a moment their clients can be told.
    cut.cancel();
    let _: Result<(), _> = timeout(farewell(shutdown), connections.ended()).await;
    if left == 0 { Ended::Drained } else { Ended::Cut(left) }
}

/// Whose request is being handled, where rmcp does not say.
pub(super) fn current_user() -> Option<Arc<User>> {
    Sessions::user()
}

fn farewell(shutdown: &Shutdown) -> Duration {
    if shutdown.now.is_cancelled() { Duration::ZERO } else { FAREWELL }
}
