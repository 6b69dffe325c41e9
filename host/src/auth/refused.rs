//! The answer to a request that does not say who sent it.

use std::time::SystemTime;

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::{Peer, Reason, oauth::Oauth};
use crate::observe::Refusal;

/// A request that is refused because of who sent it, or did not say so.
#[derive(Debug)]
pub struct Refused {
    reason: Reason,
    challenge: Option<String>,
    peer: Peer,
    is_reported: bool,
}

/// Seconds after which the next attempt makes sense: a budget of guesses then has one more, keys may be fetched again.
const LATER: u64 = 30;

impl Refused {
    pub(super) fn new(reason: Reason, peer: Peer, is_reported: bool, oauth: Option<&Oauth>) -> Self {
        // RFC 6750, section 3: also where the request itself is at fault, or the token allows too little.
        let has_challenge = reason.error().is_some() || reason.status() == StatusCode::UNAUTHORIZED;
        let challenge = has_challenge.then(|| challenge(&reason, oauth));
        Self { reason, challenge, peer, is_reported }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// What those are told who watch; `None` where this address has filled enough lines by now.
    #[must_use]
    pub fn report(&self) -> Option<Refusal> {
        let address = match self.peer {
            Peer::Address(address) => Some(address.to_canonical()),
            Peer::UnixSocket => None,
        };
        self.is_reported.then(|| Refusal {
            code: self.reason.code(),
            address,
            user: self.reason.claimed().map(str::to_owned),
            what: self.reason.to_string(),
            at: SystemTime::now(),
        })
    }

    /// The answer.
    #[must_use]
    pub fn answer(&self) -> Response<String> {
        let told = self.reason.told();
        // The names of RFC 6749, section 5.2: clients of OAuth show the text.
        let error = self.reason.error().unwrap_or(self.reason.code());
        let mut answer = Response::new(json!({"error": error, "error_description": told}).to_string());
        *answer.status_mut() = self.reason.status();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge.as_ref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(self.reason.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, LATER.into());
        }
        answer
    }
}

/// `WWW-Authenticate` as RFC 6750, section 3, RFC 9728, section 5.1, and MCP (2026-07-28, basic/authorization) want it.
fn challenge(reason: &Reason, oauth: Option<&Oauth>) -> String {
    let mut challenge = "Bearer realm=\"toolcell\"".to_owned();
    let mut add = |name: &str, value: &str| challenge.push_str(&format!(", {name}=\"{}\"", value_of(value)));
    if let Some(error) = reason.error() {
        add("error", error);
        add("error_description", &reason.told());
    }
    if let Some(oauth) = oauth {
        if !oauth.scopes().is_empty() {
            add("scope", &oauth.scopes().join(" "));
        }
        add("resource_metadata", oauth.metadata_url().as_str());
    }
    challenge
}

/// What may stand in quotes there.
fn value_of(text: &str) -> String {
    let is_good = |c: &char| matches!(c, ' '..='~') && *c != '"' && *c != '\\';
    text.chars().filter(is_good).collect()
}
