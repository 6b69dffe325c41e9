//! Who calls over HTTP: from the head of a request to a [`User`], or to the answer that refuses it.
//!
//! Three kinds of proof, each where `[auth]` has it; the first that a request brings decides, and none makes up for a
//! bad one:
//!
//! 1. a header of a trusted [gateway](crate::config::GatewayConfig), with the secret that only the gateway has;
//! 2. a static token (`tc_...`), of which a hash is in a file;
//! 3. an access token of an OAuth issuer.
//!
//! What proves something goes no further than this: [`Auth::strip`] takes it out of the request.

mod gateway;
mod limiter;
mod oauth;
mod reason;
mod refused;
mod token;
mod token_list;
mod tokens;

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use http::{HeaderMap, header, request::Parts};
use serde_json::Value;

use self::{gateway::Gateway, limiter::Limiter, oauth::Oauth, tokens::Tokens};
pub use self::{
    gateway::GatewaySecretError,
    oauth::JwtProblem,
    reason::Reason,
    refused::Refused,
    token::Token,
    token_list::{TokenEntry, TokenList},
    tokens::TokenFile,
};
use crate::{
    config::{GatewayConfig, OauthConfig},
    policy::{InvalidUserName, UserName},
    source::SourceError,
    user::User,
    users::Users,
};

/// Decides who calls.
///
/// Bad proof is limited for each address: ten at once and ten a minute are answered and reported as such, whatever
/// comes above that is only told to come later. Good proof passes all the same. Behind one address are whole offices
/// and proxies, whom one client with a bad token must not lock out; and there is nothing to guess: tokens have 256
/// random bits, the gateway's secret has at least 32 characters.
#[derive(Debug)]
pub struct Auth {
    gateway: Option<Gateway>,
    tokens: Option<Tokens>,
    oauth: Option<Oauth>,
    /// Whether nobody has to prove anything until there is a first token.
    opens_without_tokens: bool,
    guesses: Limiter,
    reports: Limiter,
}

/// What proof counts; each comes from toolcell.toml, or from what stands in for it.
#[derive(Debug, Default)]
pub struct Proofs {
    /// Static tokens.
    pub tokens: Option<TokenFile>,
    /// Access tokens.
    pub oauth: Option<OauthConfig>,
    /// A gateway, and its secret where the variable is set.
    pub gateway: Option<(GatewayConfig, Option<String>)>,
    /// Whether toolcell.toml says nothing of all this, so that there may be nobody who could prove anything.
    pub is_default: bool,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP.
    Address(IpAddr),
    /// Over a unix socket, which has no addresses.
    UnixSocket,
}

/// The server cannot find out who calls, and so does not start.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file of tokens.
    #[error(transparent)]
    Tokens(#[from] SourceError),
    /// The gateway's secret.
    #[error(transparent)]
    Gateway(#[from] GatewaySecretError),
}

/// Bad proofs that an address may bring at once, and refusals that are reported of it.
const GUESSES: NonZeroU32 = NonZeroU32::new(10).expect("it is not zero");
const REPORTS: NonZeroU32 = NonZeroU32::new(60).expect("it is not zero");

impl Auth {
    /// Takes up what proof counts. Has to run in a runtime: it keeps looking at the file of tokens and the issuer's
    /// keys.
    ///
    /// # Errors
    ///
    /// The tokens cannot be read, or the gateway has no secret that could be one.
    pub fn start(proofs: Proofs) -> Result<Self, AuthError> {
        let Proofs { tokens, oauth, gateway, is_default } = proofs;
        Ok(Self {
            gateway: gateway.map(|(config, secret)| Gateway::new(config, secret.as_deref())).transpose()?,
            tokens: tokens.map(Tokens::start).transpose()?,
            oauth: oauth.map(Oauth::start),
            opens_without_tokens: is_default,
            guesses: Limiter::new(GUESSES, Duration::from_secs(6)),
            reports: Limiter::new(REPORTS, Duration::from_secs(1)),
        })
    }

    /// Whether everybody may call who reaches the server, as whoever started it. Such a server may be reached from its
    /// own machine alone. With the first token this ends, and it does not come back.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.opens_without_tokens && !self.tokens.as_ref().is_some_and(Tokens::exist)
    }

    /// How many static tokens are known; `None` where they do not count.
    #[must_use]
    pub fn tokens(&self) -> Option<usize> {
        self.tokens.as_ref().map(Tokens::count)
    }

    /// Who sent the request with this head.
    ///
    /// # Errors
    ///
    /// The request that brings no proof, or bad proof, or comes from somebody whom the operator does not let in.
    pub async fn identify(&self, head: &Parts, peer: Peer, users: &Users) -> Result<Arc<User>, Refused> {
        if self.is_open() {
            return Ok(User::local());
        }
        let let_in =
            |name: UserName| users.get(name.as_str()).map_err(|problem| Reason::NotLetIn { user: name, problem });
        self.name(head, peer).await.and_then(let_in).map_err(|reason| self.refuse(reason, peer))
    }

    /// Takes everything out of a request that proves who sent it, so that nothing that comes later can forward it, log
    /// it or believe it.
    pub fn strip(&self, headers: &mut HeaderMap) {
        headers.remove(header::AUTHORIZATION);
        if let Some(gateway) = &self.gateway {
            gateway.strip(headers);
        }
    }

    /// The paths at which the server has to answer with [`Auth::metadata`], without asking who calls.
    #[must_use]
    pub fn metadata_paths(&self) -> Vec<String> {
        self.oauth.as_ref().map(Oauth::metadata_paths).unwrap_or_default()
    }

    /// The protected resource metadata (RFC 9728), by which clients find the issuer; `None` where there is none.
    #[must_use]
    pub fn metadata(&self) -> Option<Value> {
        self.oauth.as_ref().map(Oauth::metadata)
    }

    async fn name(&self, head: &Parts, peer: Peer) -> Result<UserName, Reason> {
        if let Some(gateway) = &self.gateway
            && let Some(name) = gateway.user(&head.headers, peer)?
        {
            return Ok(name);
        }
        if has_token(head.uri.query().unwrap_or_default()) {
            return Err(Reason::TokenInQuery);
        }
        let token = bearer(&head.headers)?.ok_or(Reason::NoCredentials)?;
        match (&self.tokens, &self.oauth) {
            (Some(tokens), _) if token.starts_with(Token::PREFIX) => tokens.user(token),
            (_, Some(oauth)) if !token.starts_with(Token::PREFIX) => oauth.user(token).await,
            _ => Err(Reason::UnknownToken),
        }
    }

    fn refuse(&self, reason: Reason, peer: Peer) -> Refused {
        let is_too_many = reason.is_guess() && !self.guesses.take(peer);
        let reason = if is_too_many { Reason::TooMany } else { reason };
        // What comes in floods does not fill logs.
        let is_reported = !is_too_many && self.reports.take(peer);
        Refused::new(reason, peer, is_reported, self.oauth.as_ref())
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750, section 2.1). Another scheme is nothing that this server
/// knows.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Reason> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let value = value.to_str().ok().filter(|_| values.next().is_none()).ok_or(Reason::TwoCredentials)?;
    let Some((scheme, token)) = value.split_once(' ') else { return Ok(None) };
    Ok(Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()))
}

/// Whether a query has the parameter that RFC 6750, section 2.3, gives to tokens, and that OAuth 2.1 has taken away.
fn has_token(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token")
}

#[cfg(test)]
mod tests;
