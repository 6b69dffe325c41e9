//! `[http]`: how the server stands on a network.

use std::{
    collections::BTreeSet,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use serde::Deserialize;
use toml::Spanned;
use url::Url;

use crate::{
    policy::units::{parse_bytes, parse_duration},
    source::{Source, SourceError},
};

/// What `[http]` means. The default is that of a section that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Names that the server is called by, besides those of the loopback interface and addresses: what a `Host` header may
    /// have.
    pub hosts: BTreeSet<HostName>,
    /// Origins of web pages that may call, besides those on the loopback interface, and that CORS lets read the answers.
    pub origins: BTreeSet<Origin>,
    /// Bytes of one request's body.
    pub body: usize,
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time from one address; a proxy is one address.
    pub connections_per_address: usize,
    /// Event streams that only wait for news, at the same time, of one user.
    pub streams_per_user: usize,
    /// Sessions of the older era at the same time.
    pub sessions: usize,
    /// Sessions of the older era at the same time of one user; one more ends the one that was used least recently.
    pub sessions_per_user: usize,
    /// How long a session lives without a request or a stream.
    pub session_idle: Duration,
    /// How long a session lives at most.
    pub session_age: Duration,
    /// How long a connection is kept between requests.
    pub idle: Duration,
    /// How long what is in flight may take to finish once the program is told to end.
    pub drain: Duration,
    /// How long connections are still accepted once the program is told to end and is not ready any more: a load balancer
    /// needs some time to see it.
    pub drain_delay: Duration,
    /// Serve over TLS; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            hosts: BTreeSet::new(),
            origins: BTreeSet::new(),
            body: 1 << 20,
            connections: 4096,
            connections_per_address: 2048,
            streams_per_user: 64,
            sessions: 2048,
            sessions_per_user: 128,
            session_idle: Duration::from_secs(3600),
            session_age: Duration::from_secs(24 * 3600),
            // Longer than the 60 s that common proxies keep theirs: the one that closes first must not be this one.
            idle: Duration::from_secs(75),
            drain: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            tls: None,
        }
    }
}

/// A certificate and its key, as files in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// The same files, relative to the folder of toolcell.toml.
    #[must_use]
    pub fn beside(self, folder: &Path) -> Self {
        Self { certificate: folder.join(self.certificate), key: folder.join(self.key) }
    }
}

/// A name that clients call the server by, in lower case, with a port where only that port is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostName {
    /// The name, or an address without brackets.
    pub name: String,
    /// `None` for every port.
    pub port: Option<u16>,
}

impl HostName {
    /// Reads the value of a `Host` header or an `:authority` (RFC 9110, 7.2).
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let authority: http::uri::Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
        let host = authority.host();
        let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        (!name.is_empty()).then(|| Self { name, port: authority.port_u16() })
    }

    /// Whether no name server has a say in where the name leads: an address, or `localhost` (RFC 6761, 6.3).
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.name == "localhost" || self.name.parse::<IpAddr>().is_ok()
    }

    /// Whether it is a name of a server that has these: an address or `localhost` always is; one without a port is meant for all.
    #[must_use]
    pub fn is_of(&self, hosts: &BTreeSet<Self>) -> bool {
        let any_port = || Self { name: self.name.clone(), port: None };
        self.is_fixed() || hosts.contains(self) || hosts.contains(&any_port())
    }

    /// Whether it names this machine itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted =
            "write the name that clients use, such as \"tools.example.com\", with a port where only that is meant";
        if text.contains("://") || text.contains('/') || text.contains('*') {
            return Err(format!("{text:?} is not the name of a host; {wanted}"));
        }
        Self::read(text).ok_or_else(|| format!("{text:?} is not the name of a host; {wanted}"))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Where a web page comes from (RFC 6454): scheme, host and port, as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// Reads the value of an `Origin` header; `null` is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_bare =
            url.path().trim_start_matches('/').is_empty() && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() || url.host_str().is_none() {
            return None;
        }
        let origin = url.origin();
        // Programs that are browsers inside have schemes of their own, whose origin the URL standard calls opaque.
        Some(Self(if origin.is_tuple() {
            origin.ascii_serialization()
        } else {
            text.trim_end_matches('/').to_ascii_lowercase()
        }))
    }

    /// Whether the page comes from a server on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let Ok(url) = Url::parse(&self.0) else { return false };
        let is_web = matches!(url.scheme(), "http" | "https");
        is_web && url.host_str().and_then(HostName::read).is_some_and(|host| host.is_loopback())
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| {
            format!("{text:?} is not an origin; write scheme, host and port alone, such as \"https://app.example.com\"")
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawHttp {
    hosts: Vec<Spanned<String>>,
    origins: Vec<Spanned<String>>,
    body: Option<Spanned<String>>,
    connections: Option<Spanned<i64>>,
    connections_per_address: Option<Spanned<i64>>,
    streams_per_user: Option<Spanned<i64>>,
    sessions: Option<Spanned<i64>>,
    sessions_per_user: Option<Spanned<i64>>,
    session_idle: Option<Spanned<String>>,
    session_age: Option<Spanned<String>>,
    idle: Option<Spanned<String>>,
    drain: Option<Spanned<String>>,
    drain_delay: Option<Spanned<String>>,
    tls: Option<RawTls>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    certificate: PathBuf,
    key: PathBuf,
}

pub(super) fn http(source: &Source, written: RawHttp) -> Result<HttpConfig, SourceError> {
    const MOST: usize = 1_000_000;
    let usual = HttpConfig::default();
    let number = |name, written: Option<&Spanned<i64>>, usual| {
        let Some(written) = written else { return Ok(usual) };
        let number = usize::try_from(*written.get_ref()).ok().filter(|number| (1..=MOST).contains(number));
        number.ok_or_else(|| source.error(written, format!("{name} has to be a number from 1 to {MOST}")))
    };
    let duration = |written: Option<&Spanned<String>>, usual| {
        let Some(written) = written else { return Ok(usual) };
        parse_duration(written.get_ref()).map_err(|problem| source.error(written, problem))
    };
    let tls = written.tls.map(|RawTls { certificate, key }| TlsFiles { certificate, key });
    Ok(HttpConfig {
        hosts: source.set(&written.hosts)?,
        origins: source.set(&written.origins)?,
        body: body(source, written.body.as_ref())?.unwrap_or(usual.body),
        connections: number("connections", written.connections.as_ref(), usual.connections)?,
        connections_per_address: number(
            "connections-per-address",
            written.connections_per_address.as_ref(),
            usual.connections_per_address,
        )?,
        streams_per_user: number("streams-per-user", written.streams_per_user.as_ref(), usual.streams_per_user)?,
        sessions: number("sessions", written.sessions.as_ref(), usual.sessions)?,
        sessions_per_user: number("sessions-per-user", written.sessions_per_user.as_ref(), usual.sessions_per_user)?,
        session_idle: duration(written.session_idle.as_ref(), usual.session_idle)?,
        session_age: duration(written.session_age.as_ref(), usual.session_age)?,
        idle: duration(written.idle.as_ref(), usual.idle)?,
        drain: duration(written.drain.as_ref(), usual.drain)?,
        drain_delay: duration(written.drain_delay.as_ref(), usual.drain_delay)?,
        tls,
    })
}

fn body(source: &Source, written: Option<&Spanned<String>>) -> Result<Option<usize>, SourceError> {
    const LEAST: u64 = 4 << 10;
    const MOST: u64 = 256 << 20;
    let Some(written) = written else { return Ok(None) };
    let bytes = parse_bytes(written.get_ref()).map_err(|problem| source.error(written, problem))?;
    let fits = usize::try_from(bytes).ok().filter(|_| (LEAST..=MOST).contains(&bytes));
    let problem = || source.error(written, "the body of a request can be given 4KiB to 256MiB");
    fits.map(Some).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_final_dot_or_brackets() {
        let read =
            |text: &str| HostName::read(text).map(|host| (host.to_string(), host.is_fixed(), host.is_loopback()));
        for (text, expected) in [
            ("Tools.Example.com.:8080", Some(("tools.example.com:8080", false, false))),
            ("localhost", Some(("localhost", true, true))),
            ("127.0.0.1:1", Some(("127.0.0.1:1", true, true))),
            ("[::1]:80", Some(("::1:80", true, true))),
            ("10.1.2.3", Some(("10.1.2.3", true, false))),
            // A name that only begins like an address, and that anybody can register.
            ("127.0.0.1.evil.example", Some(("127.0.0.1.evil.example", false, false))),
            ("localhost.evil.example", Some(("localhost.evil.example", false, false))),
            ("localhost@evil.example", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(
                read(text),
                expected.map(|(name, fixed, loopback)| (name.to_owned(), fixed, loopback)),
                "{text}"
            );
        }
    }

    #[test]
    fn origins_are_compared_as_browsers_do() {
        let read = |text: &str| Origin::read(text).map(|origin| (origin.0.clone(), origin.is_loopback()));
        for (text, expected) in [
            ("https://App.example.com:443", Some(("https://app.example.com", false))),
            ("http://localhost:6274", Some(("http://localhost:6274", true))),
            ("http://[::1]:1", Some(("http://[::1]:1", true))),
            ("http://localhost.evil.example", Some(("http://localhost.evil.example", false))),
            ("vscode-webview://abc", Some(("vscode-webview://abc", false))),
            ("null", None),
            ("https://a.example/path", None),
            ("https://user@localhost", None),
            ("localhost", None),
            ("file://", None),
        ] {
            assert_eq!(read(text), expected.map(|(origin, loopback)| (origin.to_owned(), loopback)), "{text}");
        }
    }
}
