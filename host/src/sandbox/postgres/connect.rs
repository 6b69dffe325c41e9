//! From a URL to a connection that may be used: dialled, logged in, and with a role that only reads.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustix::net::sockopt;
use rustls::RootCertStore;
use tokio::{
    net::TcpStream,
    sync::{OnceCell, Semaphore},
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_postgres::{Client, SimpleQueryMessage, config::SslMode, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error,
    meter::{Meter, Metered},
    url::Target,
};
use crate::{
    receipt::{DatabaseFault, Stage, Unreachable},
    sandbox::http::{CONNECT, client_config, connect_to_any, look_up, native_roots},
};

/// Bytes that a server may send for anything but the rows of a statement.
const MAX_ANSWER: u64 = 1 << 20;
/// After so many milliseconds without an answer to what was sent, or to keepalives, a connection counts as dead.
const DEAD_AFTER_MS: u32 = 10_000;
/// How long cancelling may take, and the end of the session after it.
const STOP: Duration = Duration::from_secs(5);

/// What a role may be or be a member of to do more than read by way of SELECT: become a superuser, run programs, reach
/// files of the server, end other sessions, or hold replication slots. A read-only transaction prevents none of these.
const POWER: &str = "SELECT CASE WHEN rolsuper THEN 'superuser' WHEN rolreplication THEN 'replication' ELSE rolname END \
    FROM pg_catalog.pg_roles WHERE (rolsuper OR rolreplication OR rolname IN ('pg_execute_server_program', \
    'pg_read_server_files', 'pg_write_server_files', 'pg_signal_backend')) \
    AND pg_catalog.pg_has_role(SESSION_USER, oid, 'MEMBER') ORDER BY rolsuper DESC, 1 LIMIT 1";

/// What one call could leave to the next in a session, undone. That is what DISCARD ALL does, except that statements which
/// the client library prepared stay, because it goes on using them; those that a statement prepared are counted.
const RESET: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; DISCARD PLANS; DISCARD SEQUENCES; \
    DISCARD TEMP; SELECT pg_catalog.pg_advisory_unlock_all(); \
    SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements WHERE from_sql";

/// Makes connections to one database.
pub(super) struct Dialer {
    pub(super) target: Target,
    /// What the certificates of servers are verified with; made when it is first needed, unless a file says it.
    tls: OnceCell<MakeRustlsConnect>,
    lookups: Arc<Semaphore>,
}

/// A connection to a database, logged in.
pub(super) struct Connection {
    pub(super) client: Client,
    /// What the server may still send.
    pub(super) meter: Meter,
    peer: SocketAddr,
    host: String,
    tls: MakeRustlsConnect,
    /// Reads and writes for the client until the connection ends.
    driver: JoinHandle<()>,
}

impl Dialer {
    /// With `roots`, or with the machine's own certificate authorities.
    pub(super) fn new(target: Target, roots: Option<RootCertStore>, lookups: Arc<Semaphore>) -> Self {
        let tls = OnceCell::new_with(roots.map(|roots| MakeRustlsConnect::new(client_config(roots))));
        Self { target, tls, lookups }
    }

    /// Looks the server up, dials it, logs in, and makes sure that the role only reads.
    pub(super) async fn connect(&self) -> Result<Connection, DatabaseFault> {
        let began = Instant::now();
        let (until, server) = (began + CONNECT, &self.target.server);
        let late = |stage| {
            let after_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            DatabaseFault::Unreachable(Unreachable::Timeout { stage, after_ms })
        };
        let found = timeout_at(until, look_up(server, &self.lookups)).await.map_err(|_| late(Stage::Lookup))?;
        let addresses = found.map_err(DatabaseFault::Unreachable)?;
        let stream = connect_to_any(&addresses, until)
            .await
            .map_err(|why| why.map_or_else(|| late(Stage::Connect), DatabaseFault::Unreachable))?;
        let connection = timeout_at(until, self.log_in(stream)).await.map_err(|_| late(Stage::Answer))??;
        let power = timeout_at(until, connection.power()).await.map_err(|_| late(Stage::Answer))??;
        match power {
            Some(power) => Err(DatabaseFault::Unsafe { power }),
            None => Ok(connection),
        }
    }

    async fn log_in(&self, stream: TcpStream) -> Result<Connection, DatabaseFault> {
        let peer = stream.peer_addr().map_err(|_| DatabaseFault::Unreachable(Unreachable::Cut))?;
        notice_death(&stream);
        let (meter, host) = (Meter::new(MAX_ANSWER), self.target.server.host.clone());
        let tls = match self.target.config.get_ssl_mode() {
            SslMode::Disable => MakeRustlsConnect::new(client_config(RootCertStore::empty())),
            _ => self.tls.get_or_init(native).await.clone(),
        };
        let login = self.target.config.connect_raw(Metered::new(stream, meter.clone()), for_server(&tls, &host));
        let (client, connection) = login.await.map_err(|error| error::of_login(&error))?;
        let driver = tokio::spawn(async move {
            // Whoever waits for the client learns of the end, too.
            let _ = connection.await;
        });
        Ok(Connection { client, meter, peer, host, tls, driver })
    }
}

async fn native() -> MakeRustlsConnect {
    MakeRustlsConnect::new(client_config(native_roots().await))
}

fn for_server(
    tls: &MakeRustlsConnect,
    host: &str,
) -> <MakeRustlsConnect as MakeTlsConnect<Metered<TcpStream>>>::TlsConnect {
    let made = MakeTlsConnect::<Metered<TcpStream>>::make_tls_connect(&mut tls.clone(), host);
    made.unwrap_or_else(|never| match never {})
}

/// Has the system find out that the other end is gone, also where nothing says so. What cannot be set is found out later.
fn notice_death(stream: &TcpStream) {
    let _ = sockopt::set_socket_keepalive(stream, true);
    let dead_after = Duration::from_millis(DEAD_AFTER_MS.into());
    let _ = sockopt::set_tcp_keepidle(stream, dead_after);
    let _ = sockopt::set_tcp_keepintvl(stream, dead_after / 2);
    #[cfg(target_os = "linux")]
    let _ = sockopt::set_tcp_user_timeout(stream, DEAD_AFTER_MS);
}

impl Connection {
    /// What the role can do besides reading.
    async fn power(&self) -> Result<Option<String>, DatabaseFault> {
        let rows = self.client.simple_query(POWER).await.map_err(|error| error::of_login(&error))?;
        Ok(last_value(&rows))
    }

    /// Undoes what the last call may have left in the session; whether the connection can be used again.
    pub(super) async fn reset(&self) -> bool {
        self.meter.allow(MAX_ANSWER);
        let reset = timeout(STOP, self.client.simple_query(RESET)).await;
        matches!(reset, Ok(Ok(rows)) if last_value(&rows).is_some_and(|prepared| prepared == "0"))
    }

    /// Cancels the statement that runs, so that the database is not at work for nobody, and waits until it is gone. The
    /// connection is of no use afterwards: the request to cancel may come late and hit what follows.
    pub(super) async fn stop(&self) {
        let cancel = async {
            let stream = TcpStream::connect(self.peer).await.ok()?;
            let (stream, tls) = (Metered::new(stream, Meter::new(MAX_ANSWER)), for_server(&self.tls, &self.host));
            self.client.cancel_token().cancel_query_raw(stream, tls).await.ok()
        };
        let is_cancelled = matches!(timeout(STOP, cancel).await, Ok(Some(())));
        if !is_cancelled || timeout(STOP, self.client.check_connection()).await.is_err() {
            self.driver.abort();
        }
    }
}

fn last_value(messages: &[SimpleQueryMessage]) -> Option<String> {
    messages.iter().rev().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    })
}
