//! Who may see the page, and who may do something with it.
//!
//! A browser that this machine's user has open runs the code of other people's pages, which can send requests to
//! loopback, too. So each request has to name a loopback host (otherwise a foreign name could be made to lead here: DNS
//! rebinding), has to bring a secret that only the address printed at the start gives away, and must not come from a
//! page of somebody else. What changes something needs the page's own `Origin` besides (Fetch standard, section 3.2).

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderName, uri::Authority};
use subtle::ConstantTimeEq;

use super::Console;
use crate::user::User;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The secret that opens the page.
pub(super) struct Gate {
    token: String,
    /// The cookie's name is random, too: cookies do not know ports, and several servers may have pages at one address.
    cookie: String,
}

/// Somebody whose request names this machine. Knows nothing but the way in.
pub(super) struct Local {
    console: Arc<Console>,
    host: String,
}

/// Somebody who has the secret, and may look.
pub(super) struct Visitor(Local);

/// A visitor whose request comes from the page itself, and who may act.
pub(super) struct Operator(Visitor);

/// Why a request was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the request does not name this machine: open the page at 127.0.0.1 or localhost")]
    Host,
    #[error("the request comes from the page of another site")]
    Site,
    #[error("this page needs the address that toolcell printed when it started, with its token")]
    Token,
    #[error("only the page itself may do this: the Origin of the request is not its own")]
    Origin,
    #[error("`read-only = true` under [console] in toolcell.toml: calls can be watched and nothing else")]
    ReadOnly,
}

impl Gate {
    pub(super) fn new() -> io::Result<Self> {
        let mut random = [0; 40];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let (token, name) = random.split_at(32);
        let [token, name] = [token, name].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Ok(Self { token, cookie: format!("toolcell-{name}") })
    }

    pub(super) fn url(&self, address: SocketAddr) -> String {
        format!("http://{address}/?token={}", self.token)
    }

    /// In a time that does not tell how much of it is right.
    fn knows(&self, token: &str) -> bool {
        token.as_bytes().ct_eq(self.token.as_bytes()).into()
    }

    fn is_open_for(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == self.cookie && self.knows(value))
    }
}

impl Local {
    /// The value of `Set-Cookie` for one whose query has the token.
    pub(super) fn admit(&self, query: &str) -> Option<String> {
        let gate = &self.console.gate;
        let token = query.split('&').find_map(|pair| pair.strip_prefix("token="))?;
        // Until the browser is closed; for no request that another site makes, and for no script.
        gate.knows(token).then(|| format!("{}={}; Path=/; HttpOnly; SameSite=Strict", gate.cookie, gate.token))
    }
}

impl Visitor {
    pub(super) fn console(&self) -> &Arc<Console> {
        &self.0.console
    }
}

impl Operator {
    pub(super) fn console(&self) -> &Arc<Console> {
        self.0.console()
    }

    /// Who calls, where a tool is tried.
    #[expect(clippy::unused_self, reason = "only an operator calls")]
    pub(super) fn user(&self) -> Arc<User> {
        User::local()
    }
}

impl FromRequestParts<Arc<Console>> for Local {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Refusal> {
        let written = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        // HTTP/2 has it in the request's target.
        let host = written.or_else(|| parts.uri.authority().map(Authority::as_str)).ok_or(Refusal::Host)?;
        if !is_this_machine(host) {
            return Err(Refusal::Host);
        }
        Ok(Self { console: Arc::clone(console), host: host.to_owned() })
    }
}

impl FromRequestParts<Arc<Console>> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Refusal> {
        let local = Local::from_request_parts(parts, console).await?;
        // Browsers tell who makes the request; programs do not.
        let site = parts.headers.get(SEC_FETCH_SITE);
        if site.is_some_and(|site| site != "same-origin" && site != "none") {
            return Err(Refusal::Site);
        }
        if !console.gate.is_open_for(&parts.headers) {
            return Err(Refusal::Token);
        }
        Ok(Self(local))
    }
}

impl FromRequestParts<Arc<Console>> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Refusal> {
        let visitor = Visitor::from_request_parts(parts, console).await?;
        let own = format!("http://{}", visitor.0.host);
        if parts.headers.get(header::ORIGIN).is_none_or(|origin| origin.as_bytes() != own.as_bytes()) {
            return Err(Refusal::Origin);
        }
        if console.config.read_only {
            return Err(Refusal::ReadOnly);
        }
        Ok(Self(visitor))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = if self == Self::Token { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
        (status, axum::Json(serde_json::json!({ "error": self.to_string() }))).into_response()
    }
}

/// Whether a `Host` names this machine, at any port: the page may be reached through a tunnel that begins at another
/// one.
fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    !host.contains('@') && (name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_do_not_lead_here() {
        for host in ["localhost", "LOCALHOST:9", "127.0.0.1:7070", "127.0.0.1", "[::1]:7070"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7070",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.0.2:7070",
            "[::ffff:127.0.0.1]:7070",
            "x@127.0.0.1",
            "127.0.0.1:7070, evil.example",
            "0.0.0.0:7070",
            "2130706433",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn only_the_whole_token_in_the_right_cookie_opens() {
        let gate = Gate::new().expect("random bytes");
        let open = |cookie: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().expect("a value"));
            gate.is_open_for(&headers)
        };
        let Gate { token, cookie } = &gate;
        assert_eq!(token.len(), 43, "32 bytes");
        assert!(open(format!("{cookie}={token}")));
        assert!(open(format!("a=b; {cookie}=old; {cookie}={token}; c")));
        for wrong in ["", "x", &token[..42], &format!("{token}x"), &Gate::new().expect("random bytes").token] {
            assert!(!open(format!("{cookie}={wrong}")), "{wrong}");
        }
        assert!(!open(format!("other={token}")));
        assert!(!gate.is_open_for(&HeaderMap::new()));
    }
}
