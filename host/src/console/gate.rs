//! Who may see the page, and who may do something with it.
//!
//! A browser that this machine's user has open runs the code of other people's pages, which can send requests to
//! loopback, too. So each request has to name a host that is ours (otherwise a foreign name could be made to lead here: DNS
//! rebinding), has to prove something, and must not come from a page of somebody else. What changes something needs the
//! page's own `Origin` besides (Fetch standard, section 3.2).
//!
//! What has to be proven depends on where the page listens: on loopback, to have read the address that was printed at the
//! start; elsewhere, to be one of the users named for it, as over `serve --http`.

use std::{collections::BTreeSet, io, net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderName, uri::Authority};
use subtle::ConstantTimeEq;

use super::Console;
use crate::{
    auth::{Auth, Peer, Refused},
    config::HostName,
    policy::UserName,
    user::User,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What opens the page.
pub(super) enum Gate {
    /// A secret of this start.
    Secret(Secret),
    /// Being somebody.
    Known(Known),
}

/// The secret that opens the page on loopback.
pub(super) struct Secret {
    token: String,
    /// The cookie's name is random, too: cookies do not know ports, and several servers may have pages at one address.
    cookie: String,
}

/// Whom the page is for where other machines reach it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) auth: Arc<Auth>,
    pub(super) hosts: BTreeSet<HostName>,
    pub(super) users: BTreeSet<UserName>,
}

/// Somebody whose request names this server. Knows nothing but the way in.
pub(super) struct Caller {
    console: Arc<Console>,
    host: String,
}

/// Somebody who may look.
pub(super) struct Visitor {
    caller: Caller,
    user: Arc<User>,
}

/// A visitor whose request comes from the page itself, and who may act.
pub(super) struct Operator(Visitor);

/// Why a request was not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the request does not name this machine: open the page at 127.0.0.1 or localhost")]
    ForeignHost,
    #[error("the request names another server; [http] hosts in toolcell.toml lists the names of this one")]
    OtherHost,
    #[error("the request comes from the page of another site")]
    Site,
    #[error("this page needs the address that toolcell printed when it started, with its token")]
    Token,
    #[error("{}", .0.reason().told())]
    Proof(Box<Refused>),
    #[error("{0} may not open this page: `users` under [console] in toolcell.toml names those who may")]
    NotNamed(String),
    #[error("only the page itself may do this: the Origin of the request is not its own")]
    Origin,
    #[error("`read-only = true` under [console] in toolcell.toml: calls can be watched and nothing else")]
    ReadOnly,
}

impl Gate {
    pub(super) fn url(&self, address: SocketAddr) -> String {
        match self {
            Self::Secret(secret) => format!("http://{address}/?token={}", secret.token),
            Self::Known(_) => format!("http://{address}/"),
        }
    }

    fn check_host(&self, host: &str) -> Result<(), Refusal> {
        match self {
            Self::Secret(_) if is_this_machine(host) => Ok(()),
            Self::Secret(_) => Err(Refusal::ForeignHost),
            Self::Known(known) if HostName::read(host).is_some_and(|host| host.is_of(&known.hosts)) => Ok(()),
            Self::Known(_) => Err(Refusal::OtherHost),
        }
    }

    /// Whether a page of this origin, over whose request's `Host` stands, is the page itself.
    fn is_own_origin(&self, origin: &[u8], host: &str) -> bool {
        let is = |scheme: &str| origin == format!("{scheme}://{host}").as_bytes();
        // Whether a proxy encrypts is not known here.
        is("http") || matches!(self, Self::Known(_)) && is("https")
    }
}

impl Secret {
    pub(super) fn new() -> io::Result<Self> {
        let mut random = [0; 40];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let (token, name) = random.split_at(32);
        let [token, name] = [token, name].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Ok(Self { token, cookie: format!("toolcell-{name}") })
    }

    /// In a time that does not tell how much of it is right.
    fn is(&self, token: &str) -> bool {
        token.as_bytes().ct_eq(self.token.as_bytes()).into()
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == self.cookie && self.is(value))
    }
}

impl Known {
    async fn visitor(&self, console: &Console, parts: &Parts) -> Result<Arc<User>, Refusal> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // A request that comes from nowhere comes from no gateway.
        let peer =
            address.map_or(Peer::Address([0, 0, 0, 0].into()), |ConnectInfo(address)| Peer::Address(address.ip()));
        let user = self.auth.identify(parts, peer, console.host.users()).await.map_err(|refused| {
            if let Some(refusal) = refused.report() {
                console.host.refused(&refusal);
            }
            Refusal::Proof(Box::new(refused))
        })?;
        let is_named = self.users.iter().any(|named| named.as_str() == user.name());
        if is_named { Ok(user) } else { Err(Refusal::NotNamed(user.name().to_owned())) }
    }
}

impl Caller {
    /// The value of `Set-Cookie` for one whose query has the token.
    pub(super) fn admit(&self, query: &str) -> Option<String> {
        let Gate::Secret(secret) = &self.console.gate else { return None };
        let token = query.split('&').find_map(|pair| pair.strip_prefix("token="))?;
        // Until the browser is closed; for no request that another site makes, and for no script.
        secret.is(token).then(|| format!("{}={}; Path=/; HttpOnly; SameSite=Strict", secret.cookie, secret.token))
    }
}

impl Visitor {
    pub(super) fn console(&self) -> &Arc<Console> {
        &self.caller.console
    }
}

impl Operator {
    pub(super) fn console(&self) -> &Arc<Console> {
        self.0.console()
    }

    /// Who calls, where a tool is tried.
    pub(super) fn user(&self) -> Arc<User> {
        Arc::clone(&self.0.user)
    }
}

impl FromRequestParts<Arc<Console>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Refusal> {
        let written = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        // HTTP/2 has it in the request's target.
        let host = written.or_else(|| parts.uri.authority().map(Authority::as_str)).ok_or(Refusal::ForeignHost)?;
        console.gate.check_host(host)?;
        Ok(Self { console: Arc::clone(console), host: host.to_owned() })
    }
}

impl FromRequestParts<Arc<Console>> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Refusal> {
        let caller = Caller::from_request_parts(parts, console).await?;
        // Browsers tell who makes the request; programs do not.
        let site = parts.headers.get(SEC_FETCH_SITE);
        if site.is_some_and(|site| site != "same-origin" && site != "none") {
            return Err(Refusal::Site);
        }
        let user = match &console.gate {
            Gate::Secret(secret) if secret.is_in(&parts.headers) => User::local(),
            Gate::Secret(_) => return Err(Refusal::Token),
            Gate::Known(known) => known.visitor(console, parts).await?,
        };
        Ok(Self { caller, user })
    }
}

impl FromRequestParts<Arc<Console>> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Refusal> {
        let visitor = Visitor::from_request_parts(parts, console).await?;
        let origin = parts.headers.get(header::ORIGIN);
        if origin.is_none_or(|origin| !console.gate.is_own_origin(origin.as_bytes(), &visitor.caller.host)) {
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
        let status = match &self {
            Self::Proof(refused) => return refused.answer().into_response(),
            Self::Token => StatusCode::UNAUTHORIZED,
            _ => StatusCode::FORBIDDEN,
        };
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
        let secret = Secret::new().expect("random bytes");
        let open = |cookie: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().expect("a value"));
            secret.is_in(&headers)
        };
        let Secret { token, cookie } = &secret;
        assert_eq!(token.len(), 43, "32 bytes");
        assert!(open(format!("{cookie}={token}")));
        assert!(open(format!("a=b; {cookie}=old; {cookie}={token}; c")));
        for wrong in ["", "x", &token[..42], &format!("{token}x"), &Secret::new().expect("random bytes").token] {
            assert!(!open(format!("{cookie}={wrong}")), "{wrong}");
        }
        assert!(!open(format!("other={token}")));
        assert!(!secret.is_in(&HeaderMap::new()));
    }
}
