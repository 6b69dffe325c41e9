//! What one call did: how long it took, what it reached, and what it was refused.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize, Serializer};

mod credential;
mod exchange;
mod files;
mod phases;
mod query;

pub use credential::{CredentialDenial, CredentialFault, CredentialUse, UsedVariable};
pub use exchange::StageTimes;
pub use files::{FileDenial, FileRefusal, FileUse};
pub use phases::Phases;
pub use query::{DatabaseFailure, DatabaseFault, DatabasePlace, LoginFault, Query, QueryEnd, Refusal};

use crate::{call::CallId, trace_context::TraceContext};

/// What one call did, seen from outside the guest: it cannot be forged or left out by a plugin.
///
/// Serialized, as programs get it, it leaves out what only an operator should read.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Names the call.
    pub call: CallId,
    /// From the arrival of the call to its end.
    #[serde(rename = "elapsedMs", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// Time that the guest, and the host on its behalf, spent on a processor.
    #[serde(rename = "computingMs", serialize_with = "milliseconds")]
    pub computing: Duration,
    /// Where its time went.
    #[serde(skip_serializing_if = "Phases::is_none")]
    pub phases: Phases,
    /// The most linear memory that the instance held at once, in bytes, summed over its memories.
    pub memory_peak: u64,
    /// Every HTTP request that went out or was tried, in order. At most [`Receipt::MAX_ENTRIES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// How it used what its plugin keeps from call to call.
    #[serde(skip_serializing_if = "CacheUse::is_none")]
    pub cache: CacheUse,
    /// Every question to a database, in order. At most [`Receipt::MAX_ENTRIES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<Query>,
    /// How it used files.
    #[serde(skip_serializing_if = "FileUse::is_none")]
    pub files: FileUse,
    /// Everything that was asked for and refused, in order. At most [`Receipt::MAX_ENTRIES`].
    #[serde(skip)]
    pub denials: Vec<Denial>,
    /// Variables that were granted and are not set on the host.
    #[serde(skip)]
    pub unset_variables: Vec<String>,
    /// The end of what the guest wrote to its stderr.
    #[serde(skip)]
    pub stderr: String,
    /// Bytes of the answer as the plugin gave it; 0 where it gave none.
    #[serde(skip)]
    pub answered: u64,
}

impl Receipt {
    /// How many exchanges, queries and denials are kept of each; a guest must not fill the host with them.
    pub const MAX_ENTRIES: usize = 64;

    /// A receipt of a call that did nothing yet.
    #[must_use]
    pub fn new(call: CallId) -> Self {
        Self {
            call,
            elapsed: Duration::ZERO,
            computing: Duration::ZERO,
            phases: Phases::default(),
            memory_peak: 0,
            exchanges: Vec::new(),
            cache: CacheUse::default(),
            queries: Vec::new(),
            files: FileUse::default(),
            denials: Vec::new(),
            unset_variables: Vec::new(),
            stderr: String::new(),
            answered: 0,
        }
    }

    /// Time that the call spent not computing: waiting for a server, a timer, or a turn on the processor.
    #[must_use]
    pub fn waiting(&self) -> Duration {
        self.elapsed.saturating_sub(self.computing)
    }
}

/// One HTTP request of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// Where it went.
    pub server: Server,
    /// The credential that the host added to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Box<CredentialUse>>,
    /// Its method, in upper case.
    #[serde(skip)]
    pub method: String,
    /// Bytes of request bodies sent.
    pub sent: u64,
    /// Bytes of response bodies received so far.
    pub received: u64,
    /// From the arrival of the call to its begin.
    #[serde(rename = "startMs", serialize_with = "milliseconds")]
    pub start: Duration,
    /// How long it took, or has taken when the call ended.
    #[serde(rename = "elapsedMs", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// Where that time went.
    #[serde(skip_serializing_if = "StageTimes::is_none")]
    pub stages: StageTimes,
    /// How it ended.
    pub end: ExchangeEnd,
    /// What the server was told of the trace that the request belongs to; `None` where it was told nothing.
    #[serde(skip)]
    pub trace: Option<TraceContext>,
}

impl Exchange {
    /// The credential that the server does not take: it answered with 401 or 403.
    #[must_use]
    pub fn refused_credential(&self) -> Option<&CredentialUse> {
        self.credential.as_deref().filter(|_| matches!(self.end, ExchangeEnd::Answered(401 | 403)))
    }

    /// Whether it ended because a limit of the call was reached.
    #[must_use]
    pub fn is_over_limit(&self) -> bool {
        matches!(self.end, ExchangeEnd::Failed(why) if why.is_over_limit())
    }
}

/// How an HTTP request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeEnd {
    /// The server answered with this status.
    Answered(u16),
    /// It failed.
    Failed(Unreachable),
    /// It was at this stage when the call ended, or when the guest gave it up.
    Pending(Stage),
}

/// What an HTTP request waits for, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A free connection: calls, plugins and the host may hold so many at once.
    Queue,
    /// The addresses of the server's name.
    Lookup,
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    TlsHandshake,
    /// The head of the answer. The request is being sent meanwhile.
    Answer,
    /// The rest of the answer's body.
    Body,
}

/// Why a server gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreachable {
    /// Its name does not exist, or has no address.
    NameNotFound,
    /// The look-up of its name failed, so that nothing is known about the name.
    LookupFailed,
    /// Nothing listens on the port, or a firewall said no.
    Refused,
    /// The network has no way to its address.
    NoRoute,
    /// The connection was cut before the answer was complete.
    Cut,
    /// The TLS handshake failed.
    Tls(TlsFault),
    /// No answer in the time allowed.
    Timeout {
        /// What was waited for when the time was up.
        stage: Stage,
        /// From the start of the request until it was given up, in milliseconds.
        after_ms: u64,
    },
    /// The answer is not HTTP/1.1.
    Protocol,
    /// The answer to a request with a credential is compressed although the request asked for none.
    Encoded,
    /// The answer exceeds what a call may receive.
    TooLarge(AnswerPart),
    /// The server began to answer and then sent less than it has to.
    TooSlow {
        /// So many bytes
        bytes: u64,
        /// in so many milliseconds would have been enough.
        within_ms: u64,
    },
    /// The call has sent as many requests as it may.
    TooManyRequests {
        /// How many that is.
        limit: u64,
    },
    /// The request exceeds what a call may send.
    SentTooMuch {
        /// Bytes of request bodies that a call may send.
        limit: u64,
    },
}

impl Unreachable {
    /// Whether a limit of the call was reached, rather than something being wrong with the server.
    #[must_use]
    pub fn is_over_limit(self) -> bool {
        matches!(
            self,
            Self::TooLarge(_) | Self::TooSlow { .. } | Self::TooManyRequests { .. } | Self::SentTooMuch { .. }
        )
    }
}

/// Why a TLS handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFault {
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// The certificate is for other names.
    WrongName,
    /// Nobody whom this machine trusts has signed the certificate.
    UnknownIssuer,
    /// The certificate is bad in another way.
    BadCertificate,
    /// What answers on this port does not speak TLS.
    NotTls,
    /// The two sides have no version or cipher in common, or the server broke off.
    Handshake,
}

/// Which part of an answer is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerPart {
    /// The status line and header fields.
    Head,
    /// The body, together with what the call has received before.
    Body,
}

/// The scheme, server and port of a request: all of a URL that may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Server {
    /// `http` or `https`.
    pub scheme: String,
    /// A name in ASCII form, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Server {
    /// `server:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// `https://server`, with the port where it is not the scheme's own: the form in which network rules are written.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default_port = if self.scheme == "https" { 443 } else { 80 };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port {
            write!(f, "{}://{host}", self.scheme)
        } else {
            write!(f, "{}://{host}:{}", self.scheme, self.port)
        }
    }
}

impl Serialize for Server {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// With microseconds as the fraction: calls are often shorter than a millisecond.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_micros() as f64 / 1e3)
}

/// How a call used what its plugin keeps from one call to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheUse {
    /// Entries that were asked for and there.
    pub hits: u64,
    /// Entries that were asked for and not there, or not any more.
    pub misses: u64,
    /// Entries that were set.
    pub sets: u64,
    /// Why the cache gave no answer, the last time that it gave none.
    #[serde(skip)]
    pub fault: Option<CacheFault>,
}

impl CacheUse {
    /// Whether nothing was asked for and nothing set.
    #[must_use]
    pub fn is_none(&self) -> bool {
        (self.hits, self.misses, self.sets) == (0, 0, 0)
    }
}

/// Why a cache that is a server gave no answer. Servers are `name:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheFault {
    /// The variable that toolcell.toml names for its URL is not set.
    Unset(String),
    /// The variable that toolcell.toml names holds no URL of a Redis server.
    NoUrl(String),
    /// There is no connection to the server, or it was cut.
    Unreachable(String),
    /// The server took too long.
    Timeout {
        /// The server.
        server: String,
        /// The time that it had.
        limit: Duration,
    },
    /// The server does not take user and password, or the user may not do what a cache has to.
    Login(String),
    /// The server answered with another error.
    Refused(String),
}

/// Something that a guest tried and was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// A server that the manifest does not ask for.
    NotAsked(Server),
    /// A server that the manifest asks for and the operator has not granted.
    NotGranted {
        /// The server asked for.
        server: Server,
        /// The plugin, for which a person may decide otherwise.
        plugin: Option<String>,
    },
    /// A granted name that leads to an address which is never reached by name alone: what kind of address that is.
    SpecialAddress {
        /// The server asked for.
        server: Server,
        /// For example `loopback` or `link-local`.
        kind: &'static str,
    },
    /// A raw socket; no capability grants one.
    Socket,
    /// A name look-up through WASI; no capability grants one.
    NameLookup(String),
    /// Something to keep from one call to the next.
    Cache {
        /// Whether the manifest asks for it, so that it is the operator who has not granted it.
        is_asked: bool,
        /// The plugin, for which a person may decide otherwise.
        plugin: Option<String>,
    },
    /// A database.
    Database {
        /// The name that the plugin gave.
        name: String,
        /// Whether the manifest asks for it, so that it is the operator who has not granted it.
        is_asked: bool,
        /// The plugin, for which a person may decide otherwise.
        plugin: Option<String>,
    },
    /// A path.
    File(Box<FileDenial>),
    /// A request that needs a credential which cannot be made.
    Credential(Box<CredentialDenial>),
}
