//! The Model Context Protocol, outside in: the only place that names rmcp.
//!
//! rmcp decides what the messages mean in both eras of the protocol: 2026-07-28, where each request says in `_meta` what it
//! speaks, and 2025-11-25 and older, where `initialize` says it once. Ours are what stands around its transport over HTTP
//! ([`http`]), the transport over [`stdio`], what the server answers (`server`), and the way from an outcome to a result
//! (`convert`).

use std::{io, sync::Arc, time::Duration};

use rmcp::service::serve_directly_with_ct;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use server::Server;
use stdio::Transport;

mod convert;
pub mod http;
mod message;
mod progress;
mod server;
pub mod stdio;

pub use http::serve_http;
pub use stdio::Stdio;

/// How long calls have to answer once the client has closed its end.
const GRACE: Duration = Duration::from_millis(500);

/// How long cancelled calls have to say that they were cancelled, and the last bytes to be written.
const FAREWELL: Duration = Duration::from_millis(300);

/// Serves one client until it closes its end or `shutdown` is cancelled, and then for less than a second more: after the end
/// of input, calls have 500 ms to answer; after `shutdown` they are cancelled at once.
///
/// # Errors
///
/// When the descriptors cannot be registered with the runtime. A client that goes away is no error.
pub async fn serve_stdio(host: Arc<Host>, stdio: Stdio, shutdown: &CancellationToken) -> io::Result<()> {
    let stop = shutdown.child_token();
    let input_ended = CancellationToken::new();
    let transport = Transport::new(stdio, input_ended.clone())?;
    let server = Server::new(host, input_ended.clone(), input_ended.clone());
    // Without rmcp's own opening: that one ends the connection when a notification comes before the first request, and
    // reports an early end of input as an error. `Server::initialize` does what it would do.
    let running = serve_directly_with_ct(server, transport, None, stop.clone());

    let finished = running.waiting();
    tokio::pin!(finished);
    let leave = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = async { input_ended.cancelled().await; tokio::time::sleep(GRACE).await } => stop.cancel(),
        }
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        ended = &mut finished => {
            if let Err(error) = ended {
                tracing::error!(%error, "the protocol loop ended in a panic");
            }
        }
        () = leave => tracing::warn!("left while calls or writes were still under way"),
    }
    Ok(())
}
