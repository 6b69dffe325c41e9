//! The caches of all plugins in a Redis or Valkey server, over one connection that is made when it is first needed and again
//! when it was lost.

use std::{
    fmt,
    sync::{self, LazyLock, PoisonError},
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError,
    RedisResult, Script, ScriptInvocation, ServerErrorKind, aio::MultiplexedConnection, io::tcp::TcpSettings,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::{Entry, MAX_ENTRIES, cost};
use crate::{policy::CacheRoom, receipt::CacheFault, user::User};

/// How long one operation may take, a new connection included: a plugin whose cache is mute must have time left to do without.
const LIMIT: Duration = Duration::from_secs(1);
/// How long what was sent may stay unanswered by the server's machine before the connection counts as cut.
const CUT_AFTER: Duration = Duration::from_secs(5);

/// The least time between two lines of the log: what comes and goes with each call must not fill it.
const SILENCE: Duration = Duration::from_secs(1);

/// Sizes and last uses are kept beside the entries, so that every host that shares the server keeps to the same room.
static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis.lua")));

/// A Redis or Valkey server that keeps what plugins keep. It need not be there when the host starts.
pub struct Redis {
    server: Result<Server, CacheFault>,
    said: sync::Mutex<Said>,
}

/// What the log last said of the server.
#[derive(Default)]
struct Said {
    is_down: bool,
    at: Option<Instant>,
}

struct Server {
    client: Client,
    /// `name:port`.
    shown: String,
    connection: Mutex<Connection>,
}

#[derive(Default)]
struct Connection {
    /// Grows with every connection that was made, so that only the one that failed is given up.
    number: u64,
    open: Option<MultiplexedConnection>,
}

/// The text is not the URL of a Redis server. Does not hold the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the URL of a server, redis://, rediss:// (TLS), valkey:// or valkeys://, such as redis://cache.example:6379/0"
)]
pub struct InvalidRedisUrl;

/// The names of what one user has in one plugin's cache. What is between the braces keeps the three together where the server is
/// one of many. A plugin's name has neither `}` nor `/`, and of a user's name only what can be neither is written as it is, so no
/// two plugins share one and no two users. Whoever started the program has the names without a user.
#[derive(Debug)]
pub(super) struct Keys(pub(super) [String; 3]);

impl Keys {
    pub(super) fn of(plugin: &str, user: &User) -> Self {
        let user = if user.is_local() { String::new() } else { format!("/{}", encoded(user.name())) };
        Self(["entries", "used", "ends"].map(|part| format!("toolcell:cache:{{{plugin}{user}}}:{part}")))
    }
}

impl Redis {
    /// The server of this URL. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The text is not such a URL.
    pub fn at(url: &str) -> Result<Self, InvalidRedisUrl> {
        let info = url.into_connection_info().map_err(|_| InvalidRedisUrl)?;
        // A socket file has no server and port to name in errors, and certificates are checked or of no use.
        let (ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, insecure: false, .. }) =
            info.addr()
        else {
            return Err(InvalidRedisUrl);
        };
        let shown = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(CUT_AFTER);
        let client = Client::open(info.set_tcp_settings(tcp)).map_err(|_| InvalidRedisUrl)?;
        Ok(Self::new(Ok(Server { client, shown, connection: Mutex::default() })))
    }

    /// The server whose URL is the value of a variable. Where there is none, every use says so: the tools that can do without
    /// a cache are served all the same.
    #[must_use]
    pub fn of_variable(name: &str, value: Option<&str>) -> Self {
        match value.map(Self::at) {
            Some(Ok(redis)) => redis,
            Some(Err(error)) => {
                tracing::warn!("nothing can be kept from call to call: {name} does not hold what it has to: {error}");
                Self::new(Err(CacheFault::NoUrl(name.to_owned())))
            }
            None => {
                tracing::warn!("nothing can be kept from call to call: {name}, the URL of the cache, is not set");
                Self::new(Err(CacheFault::Unset(name.to_owned())))
            }
        }
    }

    fn new(server: Result<Server, CacheFault>) -> Self {
        Self { server, said: sync::Mutex::default() }
    }

    pub(super) async fn get(&self, keys: &Keys, room: &CacheRoom, key: &str) -> Result<Option<Entry>, CacheFault> {
        let found: Option<(Vec<u8>, u64)> = self.run(&operation("get", keys, room, key)).await?;
        Ok(found.map(|(value, age)| Entry { value, age: Duration::from_millis(age) }))
    }

    pub(super) async fn set(
        &self,
        keys: &Keys,
        room: &CacheRoom,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), CacheFault> {
        let mut operation = operation("set", keys, room, key);
        operation.arg(value).arg(cost(room, key, value)).arg(milliseconds(ttl));
        self.run(&operation).await
    }

    /// Sets an entry if the value of its key is `expected`, and says whether it was.
    pub(super) async fn replace(
        &self,
        keys: &Keys,
        room: &CacheRoom,
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, CacheFault> {
        let mut operation = operation("replace", keys, room, key);
        operation.arg(value).arg(cost(room, key, value)).arg(milliseconds(ttl));
        operation.arg(expected.map_or_else(Vec::new, |expected| [b"=", expected].concat()));
        let server = self.server.as_ref().map_err(Clone::clone)?;
        // Once only: done again it would find its own value, and whoever counts with it would count twice.
        let answer = server.attempt(&operation, Instant::now() + LIMIT).await;
        self.concluded(server, answer)
    }

    pub(super) async fn delete(&self, keys: &Keys, room: &CacheRoom, key: &str) -> Result<(), CacheFault> {
        self.run(&operation("delete", keys, room, key)).await
    }

    async fn run<T: FromRedisValue>(&self, operation: &ScriptInvocation<'_>) -> Result<T, CacheFault> {
        let server = self.server.as_ref().map_err(Clone::clone)?;
        let answer = server.run(operation).await;
        self.concluded(server, answer)
    }

    fn concluded<T>(&self, server: &Server, answer: RedisResult<T>) -> Result<T, CacheFault> {
        self.log(server, answer.as_ref().err());
        answer.map_err(|error| server.fault(&error))
    }

    /// Tells the operator when the server begins to fail and when it answers again.
    fn log(&self, server: &Server, error: Option<&RedisError>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_down == error.is_some() || said.at.is_some_and(|at| at.elapsed() < SILENCE) {
            return;
        }
        *said = Said { is_down: error.is_some(), at: Some(Instant::now()) };
        if let Some(error) = error {
            tracing::warn!("the cache at {} cannot be used: {error}", server.shown);
        } else {
            tracing::info!("the cache at {} answers again", server.shown);
        }
    }
}

impl Server {
    async fn run<T: FromRedisValue>(&self, operation: &ScriptInvocation<'_>) -> RedisResult<T> {
        let until = Instant::now() + LIMIT;
        match self.attempt(operation, until).await {
            // A server that was restarted closed the connection that was open, and takes a new one.
            Err(error) if error.is_connection_dropped() && !error.is_connection_refusal() => {
                self.attempt(operation, until).await
            }
            answer => answer,
        }
    }

    async fn attempt<T: FromRedisValue>(&self, operation: &ScriptInvocation<'_>, until: Instant) -> RedisResult<T> {
        let (number, mut connection) = in_time(until, self.connection()).await?;
        let answer = in_time(until, operation.invoke_async(&mut connection)).await;
        if answer.as_ref().is_err_and(|error: &RedisError| error.is_io_error() || error.is_unrecoverable_error()) {
            let mut current = self.connection.lock().await;
            if current.number == number {
                current.open = None;
            }
        }
        answer
    }

    /// The connection that all calls share. Whoever needs one that is being made waits for it.
    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut current = self.connection.lock().await;
        if let Some(open) = &current.open {
            return Ok((current.number, open.clone()));
        }
        // The limit is over the whole operation.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let new = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        current.number += 1;
        current.open = Some(new.clone());
        Ok((current.number, new))
    }

    fn fault(&self, error: &RedisError) -> CacheFault {
        let server = self.shown.clone();
        match error.kind() {
            _ if error.is_timeout() => CacheFault::Timeout { server, limit: LIMIT },
            ErrorKind::Io => CacheFault::Unreachable(server),
            ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => CacheFault::Login(server),
            _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => CacheFault::Login(server),
            _ => CacheFault::Refused(server),
        }
    }
}

/// As in a URL, but for the characters that many names have.
fn encoded(user: &str) -> impl fmt::Display {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'@');
    utf8_percent_encode(user, ENCODED)
}

async fn in_time<T>(until: Instant, operation: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout_at(until, operation)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

fn operation(what: &str, keys: &Keys, room: &CacheRoom, key: &str) -> ScriptInvocation<'static> {
    let mut operation = SCRIPT.prepare_invoke();
    for name in &keys.0 {
        operation.key(name);
    }
    operation.arg(what).arg(key).arg(room.max).arg(MAX_ENTRIES).arg(milliseconds(room.ttl_max));
    operation
}

/// At least one: none would be no time at all.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The server's name and port alone: the URL may hold a password.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.server.as_ref().map(|server| &server.shown)).finish()
    }
}
