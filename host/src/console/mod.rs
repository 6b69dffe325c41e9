//! The status page of `serve --console`: plugins and what they may do, calls as they run, failures in full, and tools
//! to try.
//!
//! A record (`record`) watches calls and keeps little of them, in bounds. What the page shows is made of that and of
//! the registry when somebody looks. The page itself is a few static files in `page/`, written by hand and compiled in.
//!
//! Nobody gets at any of it without having passed the `gate`: handlers have the console only through the values that it
//! makes.

mod describe;
mod explain;
mod gate;
mod page;
mod record;
mod routes;
mod status;

use std::{
    collections::BTreeSet,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use self::{
    describe::Described,
    gate::{Gate, Known, Secret},
    record::Record,
};
use crate::{
    auth::Auth,
    config::{ConsoleConfig, HttpConfig},
    host::Host,
    policy::UserName,
};

/// Pages that are told of news at the same time. Each holds a connection.
const MAX_STREAMS: usize = 16;
/// How old the status may be that several pages share.
const SHARED_STATUS: Duration = Duration::from_millis(200);

/// The status page of one host.
pub struct Console {
    host: Arc<Host>,
    record: Arc<Record>,
    address: SocketAddr,
    gate: Gate,
    config: ConsoleConfig,
    /// The newest status, as JSON text.
    status: Mutex<Option<(Instant, Arc<str>)>>,
    /// What the newest catalog holds.
    described: Mutex<Described>,
    /// One permit for each page that is told of news.
    streams: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// The address can be reached from other machines, and nobody has said whom the page is for there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from other machines. Let the status page listen at 127.0.0.1 and reach it through SSH: ssh -L \
     {port}:127.0.0.1:{port} SERVER; or, beside `--http` with [auth] in toolcell.toml, name those who may open it: `users` under \
     [console]", port = .0.port()
)]
pub struct Exposed(SocketAddr);

/// An address at which the status page may listen, and what opens it there. Only the functions here make it.
#[derive(Debug)]
pub struct Guarded {
    address: SocketAddr,
    /// `None` on loopback, where the secret opens it that is printed at the start.
    known: Option<Known>,
}

impl Guarded {
    /// Where only this machine can reach the page.
    ///
    /// # Errors
    ///
    /// Where other machines can reach it, too.
    pub fn on_loopback(address: SocketAddr) -> Result<Self, Exposed> {
        if address.ip().is_loopback() { Ok(Self { address, known: None }) } else { Err(Exposed(address)) }
    }

    /// Anywhere: where other machines reach the page, it is for `users`, who prove who they are as over MCP.
    ///
    /// # Errors
    ///
    /// Where other machines can reach it and there are no such users.
    pub fn anywhere(
        address: SocketAddr,
        auth: &Arc<Auth>,
        http: &HttpConfig,
        users: &BTreeSet<UserName>,
    ) -> Result<Self, Exposed> {
        Self::on_loopback(address).or_else(|exposed| {
            if auth.is_open() || users.is_empty() {
                return Err(exposed);
            }
            let known = Known { auth: Arc::clone(auth), hosts: http.hosts.clone(), users: users.clone() };
            Ok(Self { address, known: Some(known) })
        })
    }
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address, f)
    }
}

impl Console {
    /// The status page of `host`, which watches its calls from now on.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes.
    pub fn new(
        host: Arc<Host>,
        config: ConsoleConfig,
        guarded: Guarded,
        shutdown: &CancellationToken,
    ) -> io::Result<Arc<Self>> {
        let record = Arc::new(Record::new(config.failures));
        let gate = guarded.known.map_or_else(|| Secret::new().map(Gate::Secret), |known| Ok(Gate::Known(known)))?;
        host.observe(Arc::<Record>::clone(&record));
        Ok(Arc::new(Self {
            host,
            record,
            address: guarded.address,
            gate,
            config,
            status: Mutex::default(),
            described: Mutex::default(),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            shutdown: shutdown.child_token(),
        }))
    }

    /// Begins to listen, and serves until the console's `shutdown` is cancelled. Gives the address that opens the page: on
    /// loopback it holds a secret and is for the eyes of the one who started the program.
    ///
    /// # Errors
    ///
    /// When it cannot listen at the address.
    pub async fn serve(self: &Arc<Self>) -> io::Result<String> {
        let listener = TcpListener::bind(self.address).await?;
        let url = self.gate.url(listener.local_addr()?);
        let (router, shutdown) = (routes::router(Arc::clone(self)), self.shutdown.clone());
        tokio::spawn(async move {
            let router = router.into_make_service_with_connect_info::<SocketAddr>();
            let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the status page is served no longer");
            }
        });
        Ok(url)
    }

    /// The status as JSON text, at most [`SHARED_STATUS`] old.
    fn status(&self) -> Arc<str> {
        let mut shared = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match &*shared {
            Some((made, text)) if made.elapsed() < SHARED_STATUS => Arc::clone(text),
            _ => {
                let text: Arc<str> = serde_json::to_string(&status::status(self)).unwrap_or_default().into();
                *shared = Some((Instant::now(), Arc::clone(&text)));
                text
            }
        }
    }

    /// A number that grows whenever the catalog is another one.
    fn edition(&self) -> u64 {
        let catalog = self.host.catalog();
        self.described.lock().unwrap_or_else(PoisonError::into_inner).edition(&catalog)
    }

    /// The plugins, as JSON. Reads their files, once for each catalog.
    fn plugins(&self) -> Arc<Value> {
        let catalog = self.host.catalog();
        let known = self.described.lock().unwrap_or_else(PoisonError::into_inner).plugins(&catalog);
        known.unwrap_or_else(|| {
            let plugins = Arc::new(describe::plugins(&catalog, self.host.registry().folder()));
            self.described.lock().unwrap_or_else(PoisonError::into_inner).keep(&catalog, &plugins);
            plugins
        })
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Proofs;

    #[test]
    fn only_this_machine_reaches_it() {
        for address in ["127.0.0.1:7070", "127.8.0.1:1", "[::1]:7070"] {
            assert!(Guarded::on_loopback(address.parse().expect("an address")).is_ok(), "{address}");
        }
        for address in ["0.0.0.0:7070", "[::]:7070", "192.168.0.2:7070", "[::ffff:127.0.0.1]:7070"] {
            let address = address.parse().expect("an address");
            assert_eq!(Guarded::on_loopback(address).err(), Some(Exposed(address)));
        }
    }

    #[tokio::test]
    async fn others_reach_it_only_where_there_is_proof_and_somebody_is_named() {
        let address = "0.0.0.0:7070".parse().expect("an address");
        let http = HttpConfig::default();
        let alice = BTreeSet::from(["alice".parse().expect("a name")]);
        let proven = Arc::new(Auth::start(Proofs::default()).expect("nothing can be missing"));
        let open =
            Arc::new(Auth::start(Proofs { is_default: true, ..Proofs::default() }).expect("nothing can be missing"));
        assert!(Guarded::anywhere(address, &proven, &http, &alice).is_ok());
        assert!(Guarded::anywhere(address, &proven, &http, &BTreeSet::new()).is_err());
        assert!(Guarded::anywhere(address, &open, &http, &alice).is_err());
        let local = Guarded::anywhere("127.0.0.1:0".parse().expect("an address"), &open, &http, &alice);
        assert!(local.expect("it is loopback").known.is_none());
    }
}
