//! Network rules: which servers a plugin may talk to, as manifests, the lock file and toolcell.toml write them.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::server::Host;
use crate::receipt::Server;

/// `scheme://server[:port]`: one server, the servers below a domain, or any public server.
///
/// | written | allows |
/// |---|---|
/// | `https://example.com` | that name on port 443 |
/// | `http://[::1]:8080` | that address on that port, special or not |
/// | `https://*.example.com` | names below the domain, not the domain itself, never an address |
/// | `https://*` | any name and any public address on port 443 |
///
/// Wildcards never name a special address: see [`NetworkRule::names`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkRule {
    pattern: Pattern,
    scheme: Scheme,
    port: u16,
}

impl NetworkRule {
    /// Whether a request to this server may be sent, as far as the URL tells; the address still has to pass
    /// [`super::Grant::may_dial`].
    #[must_use]
    pub fn allows(&self, server: &Server) -> bool {
        self.is_for(server) && self.pattern.reaches(&Pattern::Exactly(Host::of(server)))
    }

    /// Whether this rule allows everything that the other one allows.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.port == other.port && self.pattern.reaches(&other.pattern)
    }

    /// Whether a plugin that asks for this rule can be granted the other one. `https://*` asks for whatever the operator
    /// names, so it takes in special addresses, which as a grant it would not.
    #[must_use]
    pub fn asks_for(&self, granted: &Self) -> bool {
        self.covers(granted) || (self.is_any() && self.scheme == granted.scheme && self.port == granted.port)
    }

    /// Whether this rule matches a server by its words alone, special addresses included: the reading of a rule that
    /// denies.
    #[must_use]
    pub fn matches(&self, server: &Server) -> bool {
        self.is_for(server) && (self.is_any() || self.pattern.reaches(&Pattern::Exactly(Host::of(server))))
    }

    /// Whether this rule is `*`: as a grant it is legal only where the operator wrote it.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.pattern == Pattern::Any
    }

    /// Whether this rule names the address that a server resolved to, so that it may be dialled although it is special:
    /// the rule is that address, or it is `localhost` and so is the server, and the address is loopback.
    #[must_use]
    pub fn names(&self, server: &Server, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match &self.pattern {
            Pattern::Exactly(Host::Address(own)) => self.is_for(server) && *own == address,
            Pattern::Exactly(Host::Name(name)) => name == "localhost" && address.is_loopback() && self.allows(server),
            Pattern::Below(_) | Pattern::Any => false,
        }
    }

    /// What kind of special address the rule itself names, for a person who reviews it.
    #[must_use]
    pub fn special_kind(&self) -> Option<&'static str> {
        match &self.pattern {
            Pattern::Exactly(host) => host.special_kind(),
            Pattern::Below(_) | Pattern::Any => None,
        }
    }

    /// The domain of a `*.domain` rule.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        match &self.pattern {
            Pattern::Below(domain) => Some(domain),
            Pattern::Exactly(_) | Pattern::Any => None,
        }
    }

    /// Whether requests go unencrypted.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.scheme == Scheme::Http
    }

    /// What both rules allow, or `None`. Two rules are nested or have nothing in common, so it is one of the two.
    pub(super) fn intersection<'a>(&'a self, other: &'a Self) -> Option<&'a Self> {
        if self.covers(other) { Some(other) } else { other.covers(self).then_some(self) }
    }

    fn is_for(&self, server: &Server) -> bool {
        self.scheme.as_str() == server.scheme && self.port == server.port
    }
}

/// Which hosts a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Pattern {
    Exactly(Host),
    /// The names below this domain.
    Below(String),
    Any,
}

impl Pattern {
    fn reaches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Exactly(host)) => host.special_kind().is_none(),
            (Self::Any, Self::Below(_) | Self::Any) => true,
            (Self::Below(domain), Self::Exactly(Host::Name(name))) => is_below(name, domain),
            (Self::Below(domain), Self::Below(other)) => domain == other || is_below(other, domain),
            (Self::Exactly(host), Self::Exactly(other)) => host == other,
            (Self::Below(_), Self::Exactly(Host::Address(_)) | Self::Any)
            | (Self::Exactly(_), Self::Below(_) | Self::Any) => false,
        }
    }
}

/// Whether `name` is a proper subdomain: `a.example.com` of `example.com`, but neither `example.com` nor
/// `evilexample.com`.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The canonical text: what was parsed, in lower case, in ASCII, without a port that is the scheme's own.
impl fmt::Display for NetworkRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.as_str())?;
        match &self.pattern {
            Pattern::Exactly(Host::Address(IpAddr::V6(address))) => write!(f, "[{address}]")?,
            Pattern::Exactly(host) => write!(f, "{host}")?,
            Pattern::Below(domain) => write!(f, "*.{domain}")?,
            Pattern::Any => f.write_str("*")?,
        }
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl From<NetworkRule> for String {
    fn from(rule: NetworkRule) -> Self {
        rule.to_string()
    }
}

impl TryFrom<String> for NetworkRule {
    type Error = InvalidRule;

    fn try_from(text: String) -> Result<Self, InvalidRule> {
        text.parse()
    }
}

/// Says what is wrong with a rule and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("network rule {rule:?} {problem}")]
pub struct InvalidRule {
    rule: String,
    problem: String,
}

impl FromStr for NetworkRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        parse(text).map_err(|problem| InvalidRule { rule: text.to_owned(), problem })
    }
}

fn parse(text: &str) -> Result<NetworkRule, String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("contains white space".to_owned());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("has no scheme; write {:?}", format!("https://{text}")));
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(format!("has the scheme {scheme:?}; only http and https can be granted")),
    };
    if let Some(end) = rest.find(['/', '\\', '?', '#']) {
        let without = format!("{}://{}", scheme.as_str(), &rest[..end]);
        return Err(format!("has a path, query or fragment; rules are about whole servers: write {without:?}"));
    }
    if rest.contains('@') {
        return Err("has a user name; write the server alone".to_owned());
    }
    let (host, port) = split_port(rest)?;
    let port = port.map_or(Ok(scheme.default_port()), parse_port)?;
    Ok(NetworkRule { pattern: parse_pattern(host)?, scheme, port })
}

fn split_port(rest: &str) -> Result<(&str, Option<&str>), String> {
    let port_at = match rest.find(']') {
        Some(bracket) => rest[bracket..].find(':').map(|colon| bracket + colon),
        None if rest.matches(':').count() > 1 => {
            return Err(
                "has several colons; write an IPv6 address in brackets, such as \"http://[::1]:8080\"".to_owned()
            );
        }
        None => rest.find(':'),
    };
    Ok(match port_at {
        Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
        None => (rest, None),
    })
}

fn parse_port(port: &str) -> Result<u16, String> {
    let number = if port.bytes().all(|b| b.is_ascii_digit()) { port.parse().ok() } else { None };
    number.filter(|port| *port != 0).ok_or_else(|| format!("has the port {port:?}; expected a number from 1 to 65535"))
}

fn parse_pattern(host: &str) -> Result<Pattern, String> {
    if host == "*" {
        return Ok(Pattern::Any);
    }
    let Some(domain) = host.strip_prefix("*.") else {
        return parse_host(host).map(Pattern::Exactly);
    };
    match parse_host(domain)? {
        Host::Address(_) => Err("puts a wildcard before an IP address; name each address".to_owned()),
        // A wildcard below a public suffix (https://publicsuffix.org) would take in servers of people who have nothing to
        // do with each other; so would one below a top-level name that the list does not know.
        Host::Name(name) if psl::suffix_str(&name) == Some(&name) => {
            Err(format!("takes in everybody's servers under {name:?}; name one domain, such as \"*.example.{name}\""))
        }
        Host::Name(name) => Ok(Pattern::Below(name)),
    }
}

fn parse_host(host: &str) -> Result<Host, String> {
    if host.is_empty() {
        return Err("names no server".to_owned());
    }
    if host.contains('*') {
        return Err(
            "has a misplaced wildcard; `*` stands alone or as the first label, such as \"*.example.com\"".to_owned()
        );
    }
    // The `url` crate would decode percent escapes; nobody needs them in a server's name.
    let parsed = if host.contains('%') { None } else { url::Host::parse(host).ok() };
    parsed
        .and_then(|host| Host::new(&host))
        .ok_or_else(|| format!("has the server {host:?}, which is neither a DNS name nor an IP address"))
}

#[cfg(test)]
mod tests;
