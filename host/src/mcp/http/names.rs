//! By which name a request came, and from which web page.

use std::{collections::BTreeSet, net::SocketAddr};

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
    },
    request::Parts,
};

use super::answer::{Answer, empty, plain};
use crate::{
    config::{HostName, HttpConfig, Origin},
    text,
};

/// Characters of a header that are shown.
const SHOWN: usize = 80;

/// Seconds for which a browser keeps the answer to a preflight: no longer than 2 hours in any of them.
const PREFLIGHT_KEPT: &str = "7200";

/// What a page may send besides what every page may (MCP 2026-07-28, basic/transports, and its authorization).
const SENT: [&str; 8] = [
    "accept",
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
];

/// Headers of which each tool has its own.
const SENT_OF_TOOLS: &str = "mcp-param-";

/// What a page may read besides what every page may.
const READ: &str = "mcp-session-id, www-authenticate, retry-after";

/// Names and origins that are answered.
///
/// A page that a browser shows can have its own name lead to this machine and so reach what listens here (DNS rebinding); it
/// cannot choose the `Host` header. MCP 2026-07-28, basic/transports, demands the check of `Origin` for the same reason.
#[derive(Debug)]
pub(super) struct Names {
    hosts: BTreeSet<HostName>,
    origins: BTreeSet<Origin>,
}

/// The proof that a request was sent to this server's name and from nowhere else than it may come from. Holds the origin where
/// the page there may read the answer.
#[derive(Debug)]
pub(super) struct Checked(Option<HeaderValue>);

impl Names {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self { hosts: config.hosts.clone(), origins: config.origins.clone() }
    }

    pub(super) fn check(&self, request: &Parts) -> Result<Checked, Answer> {
        self.check_host(request)?;
        self.check_origin(&request.headers)
    }

    fn check_host(&self, request: &Parts) -> Result<(), Answer> {
        let headers = request.headers.get_all(HOST).iter();
        let headers = headers.map(|host| host.to_str().map_err(|_| forbidden("the Host header is no text")));
        let mut named =
            request.uri.authority().map(|authority| Ok(authority.as_str())).into_iter().chain(headers).peekable();
        if named.peek().is_none() {
            return Err(plain(StatusCode::BAD_REQUEST, "the request has no Host header\n"));
        }
        named.try_for_each(|host| self.check_name(host?))
    }

    fn check_name(&self, host: &str) -> Result<(), Answer> {
        // An address always is a name of this server: see `HostName::is_of`.
        let is_ours =
            host.parse::<SocketAddr>().is_ok() || HostName::read(host).is_some_and(|host| host.is_of(&self.hosts));
        if is_ours {
            return Ok(());
        }
        let host = text::shown(host, SHOWN);
        Err(forbidden(&format!("{host:?} is not a name of this server; [http] hosts in toolcell.toml lists them")))
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<Checked, Answer> {
        let mut sent = headers.get_all(ORIGIN).iter();
        let Some(header) = sent.next() else { return Ok(Checked(None)) };
        let origin = header.to_str().ok().and_then(Origin::read).filter(|_| sent.next().is_none());
        match origin {
            Some(origin) if self.origins.contains(&origin) => Ok(Checked(Some(header.clone()))),
            Some(origin) if origin.is_loopback() => Ok(Checked(None)),
            _ => {
                let shown = text::shown(&String::from_utf8_lossy(header.as_bytes()), SHOWN);
                Err(forbidden(&format!(
                    "a page from {shown:?} may not call this server; [http] origins in toolcell.toml lists those that may"
                )))
            }
        }
    }
}

impl Checked {
    /// The answer to a browser that asks what a page may send (Fetch standard, CORS-preflight), which it asks without
    /// credentials.
    pub(super) fn preflight(&self, request: &Parts) -> Option<Answer> {
        let origin = self.0.as_ref()?;
        let is_preflight =
            request.method == Method::OPTIONS && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        is_preflight.then(|| {
            let asked = request.headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|asked| asked.to_str().ok());
            let mut answer = empty(StatusCode::NO_CONTENT);
            let headers = answer.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
            if let Ok(allowed) = HeaderValue::from_str(&sendable(asked.unwrap_or_default())) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            }
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_KEPT));
            headers.insert(VARY, HeaderValue::from_static("Origin, Access-Control-Request-Headers"));
            answer
        })
    }

    /// Lets the page read the answer.
    pub(super) fn mark(&self, answer: &mut Answer) {
        if let Some(origin) = &self.0 {
            let headers = answer.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READ));
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// Those of the headers that a page may send.
fn sendable(asked: &str) -> String {
    let names = asked.split(',').map(|name| name.trim().to_ascii_lowercase());
    let may = names.filter(|name| SENT.contains(&name.as_str()) || name.starts_with(SENT_OF_TOOLS));
    may.collect::<Vec<_>>().join(", ")
}

fn forbidden(problem: &str) -> Answer {
    plain(StatusCode::FORBIDDEN, &format!("{problem}\n"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn status(headers: &[(&str, &str)]) -> u16 {
        let config = HttpConfig {
            hosts: ["tools.example.com", "other.example:8443"].map(|host| host.parse().expect("a host")).into(),
            origins: ["https://app.example.com".parse().expect("an origin")].into(),
            ..HttpConfig::default()
        };
        let request =
            headers.iter().fold(Request::post("/mcp"), |request, (name, value)| request.header(*name, *value));
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        Names::new(&config).check(&parts).map_or_else(|answer| answer.status().as_u16(), |_| 200)
    }

    #[test]
    fn only_the_servers_own_names_are_answered() {
        for (host, expected) in [
            ("localhost:1", 200),
            ("127.0.0.1", 200),
            ("[::1]:8080", 200),
            ("192.168.1.2:80", 200),
            ("Tools.example.com", 200),
            ("tools.example.com:1234", 200),
            ("other.example:8443", 200),
            ("other.example", 403),
            ("evil.example", 403),
            ("tools.example.com.evil.example", 403),
            ("tools.example.com@evil.example", 403),
            ("", 403),
        ] {
            assert_eq!(status(&[("host", host)]), expected, "{host}");
        }
        assert_eq!(status(&[]), 400);
        assert_eq!(status(&[("host", "localhost"), ("host", "evil.example")]), 403);
    }

    #[test]
    fn only_pages_that_may_call_are_answered() {
        for (origin, expected) in [
            ("http://localhost:3000", 200),
            ("https://127.0.0.1", 200),
            ("https://app.example.com", 200),
            ("https://app.example.com:444", 403),
            ("http://app.example.com", 403),
            ("null", 403),
            ("", 403),
            ("https://evil.example", 403),
            ("http://localhost.evil.example", 403),
            ("file://", 403),
        ] {
            assert_eq!(status(&[("host", "localhost"), ("origin", origin)]), expected, "{origin}");
        }
        let twice = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "https://evil.example")];
        assert_eq!(status(&twice), 403);
    }

    #[test]
    fn a_page_may_send_what_the_protocol_has_and_nothing_else() {
        assert_eq!(
            sendable("Content-Type, MCP-Protocol-Version,mcp-param-city, X-Forwarded-User, cookie"),
            "content-type, mcp-protocol-version, mcp-param-city"
        );
    }
}
