//! The server of a URL, in the one form that rules are compared with.

use std::net::IpAddr;

use url::Url;

use super::address;
use crate::receipt::Server;

/// Why a URL names no server that a plugin could be allowed to reach. Never quotes the URL: it may carry secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Anything but `http` and `https`.
    #[error("the URL's scheme is neither http nor https")]
    Scheme,
    /// `https://good@evil/` reads as one server and means another.
    #[error("the URL carries a user name or password; send credentials in a header")]
    User,
    /// No host, or one that cannot be a DNS name (RFC 1035, section 2.3).
    #[error("the URL's host is not a DNS name or an IP address")]
    Host,
    /// Port 0 cannot be dialled.
    #[error("the URL's port is 0")]
    Port,
}

/// The server that a URL leads to: scheme, canonical host and port.
///
/// The `url` crate has already turned the host into what will be dialled (WHATWG URL: case, IDNA, and numeric forms of
/// addresses such as `127.1`); here a trailing dot goes and an IPv4-mapped IPv6 address becomes the IPv4 address it is.
///
/// # Errors
///
/// [`InvalidUrl`] says what no rule can be compared with.
pub fn server_of(url: &Url) -> Result<Server, InvalidUrl> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(InvalidUrl::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidUrl::User);
    }
    let host = url.host().and_then(|host| Host::new(&host)).ok_or(InvalidUrl::Host)?;
    let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(InvalidUrl::Port)?;
    Ok(Server { scheme: url.scheme().to_owned(), host: host.to_string(), port })
}

/// A host in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Host {
    /// A DNS name: ASCII, lower case, no trailing dot.
    Name(String),
    /// An address; never an IPv4-mapped one.
    Address(IpAddr),
}

impl Host {
    /// The canonical form of a parsed host, or `None` where a name could not exist in the DNS.
    pub(super) fn new<S: AsRef<str>>(host: &url::Host<S>) -> Option<Self> {
        match host {
            url::Host::Ipv4(address) => Some(Self::Address((*address).into())),
            url::Host::Ipv6(address) => Some(Self::Address(IpAddr::from(*address).to_canonical())),
            url::Host::Domain(name) => {
                let name = name.as_ref();
                let name = name.strip_suffix('.').unwrap_or(name);
                is_dns_name(name).then(|| Self::Name(name.to_owned()))
            }
        }
    }

    /// The host of a server that [`server_of`] made.
    pub(super) fn of(server: &Server) -> Self {
        match server.host.parse::<IpAddr>() {
            Ok(address) => Self::Address(address.to_canonical()),
            Err(_) => Self::Name(server.host.clone()),
        }
    }

    /// What kind of special address this host is by its own words: an address that is one, or `localhost`.
    pub(super) fn special_kind(&self) -> Option<&'static str> {
        match self {
            Self::Name(name) => (name == "localhost").then_some("loopback"),
            Self::Address(address) => address::special_kind(*address),
        }
    }
}

/// The form of [`Server::host`]: no brackets around an IPv6 address.
impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// RFC 1035, section 2.3.4, with the underscore that real names use.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Result<String, InvalidUrl> {
        server_of(&Url::parse(url).expect("the test writes a URL that parses")).map(|server| server.to_string())
    }

    #[test]
    fn servers_are_canonical() {
        for (url, expected) in [
            ("https://HN.Algolia.com/api?q=1#x", "https://hn.algolia.com"),
            ("https://hn.algolia.com.:443/", "https://hn.algolia.com"),
            ("http://example.com:8080", "http://example.com:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://127.1/", "http://127.0.0.1"),
            ("http://0x7f000001/", "http://127.0.0.1"),
            ("http://2130706433/", "http://127.0.0.1"),
            ("http://0177.0.0.1/", "http://127.0.0.1"),
            ("http://127。0。0。1/", "http://127.0.0.1"),
            ("http://[::ffff:127.0.0.1]/", "http://127.0.0.1"),
            ("http://[0:0::1]:8080/", "http://[::1]:8080"),
            ("https:\\\\good.example\\@evil.example", "https://good.example"),
        ] {
            assert_eq!(server(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn misleading_urls_are_refused() {
        for (url, expected) in [
            ("https://good.example@evil.example/", InvalidUrl::User),
            ("https://user:secret@evil.example/", InvalidUrl::User),
            ("https://:secret@evil.example/", InvalidUrl::User),
            ("ftp://example.com/", InvalidUrl::Scheme),
            ("file:///etc/passwd", InvalidUrl::Scheme),
            ("data:text/plain,x", InvalidUrl::Scheme),
            ("https://a..b/", InvalidUrl::Host),
            ("https://a$b/", InvalidUrl::Host),
            ("https://./", InvalidUrl::Host),
            ("https://example.com:0/", InvalidUrl::Port),
        ] {
            assert_eq!(server(url), Err(expected), "{url}");
        }
    }
}
