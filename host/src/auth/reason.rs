//! Why requests are refused, in words for the caller and in words for the operator.

use http::StatusCode;

use super::{InvalidUserName, UserName, oauth::JwtProblem};
use crate::{text, users::NotLetIn};

/// Why a request is refused. As text it is for the operator's log; [`Reason::told`] is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It says nothing of who sends it.
    #[error("the request brings no token")]
    NoCredentials,
    /// It says so more than once (RFC 6750, section 3.1).
    #[error("the request has several Authorization headers, or one that is no text")]
    TwoCredentials,
    /// It says so where everybody on the way writes it down (RFC 6750, section 2.3).
    #[error("the request has a token in its query, which proxies and browsers keep: the token has to be replaced")]
    TokenInQuery,
    /// Nobody has the token that it brings.
    #[error("the token is not known: mistyped, or revoked")]
    UnknownToken,
    /// The token was good once.
    #[error("the token of {user} has expired")]
    ExpiredToken {
        /// Whose it is.
        user: UserName,
    },
    /// The access token proves nothing.
    #[error("the access token is not accepted: {0}")]
    Jwt(JwtProblem),
    /// The access token allows less than this server needs.
    #[error("the access token has not all of the scopes that are needed: {}", needed.join(" "))]
    Scope {
        /// Whose it is.
        user: UserName,
        /// Every scope that is needed, not the missing ones alone (RFC 6750, section 3.1).
        needed: Vec<String>,
    },
    /// The issuer's keys could not be fetched, now and for so long that none are left.
    #[error("the keys of the token's issuer could not be fetched, see above")]
    NoKeys,
    /// Somebody wants to be taken for the gateway.
    #[error("the headers of the gateway are not believed: {problem}")]
    Gateway {
        /// What is wrong with them.
        problem: &'static str,
        /// The name in them.
        claimed: Option<String>,
    },
    /// The proof is good and the name is not.
    #[error("the user's name cannot be used: {problem}")]
    Name {
        /// The name.
        claimed: String,
        /// What is wrong with it.
        problem: InvalidUserName,
    },
    /// The proof is good and the operator does not let this user in.
    #[error("{user} is not let in: {problem}")]
    NotLetIn {
        /// Who it is.
        user: UserName,
        /// Why.
        problem: NotLetIn,
    },
    /// The address has brought too many bad proofs.
    #[error("too many bad tokens from this address")]
    TooMany,
}

/// A name that proof was brought for.
pub(super) fn name_of(text: &str) -> Result<UserName, Reason> {
    text.parse().map_err(|problem| Reason::Name { claimed: quoted(text), problem })
}

/// What somebody wrote, as a log may have it.
pub(super) fn quoted(text: &str) -> String {
    text::one_line(&text::shown(text, UserName::MAX))
}

impl Reason {
    /// Stable, for logs and those who search them.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCredentials => "no-credentials",
            Self::TwoCredentials => "two-credentials",
            Self::TokenInQuery => "token-in-query",
            Self::UnknownToken => "unknown-token",
            Self::ExpiredToken { .. } | Self::Jwt(JwtProblem::Expired) => "expired-token",
            Self::Jwt(_) => "bad-access-token",
            Self::Scope { .. } => "insufficient-scope",
            Self::NoKeys => "no-keys",
            Self::Gateway { .. } => "forged-gateway",
            Self::Name { .. } => "bad-user-name",
            Self::NotLetIn { .. } => "not-let-in",
            Self::TooMany => "too-many",
        }
    }

    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TwoCredentials | Self::TokenInQuery => StatusCode::BAD_REQUEST,
            Self::NoCredentials
            | Self::UnknownToken
            | Self::ExpiredToken { .. }
            | Self::Jwt(_)
            | Self::Gateway { .. } => StatusCode::UNAUTHORIZED,
            Self::Scope { .. } | Self::Name { .. } | Self::NotLetIn { .. } => StatusCode::FORBIDDEN,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::NoKeys => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The code of RFC 6750, section 3.1. There is none where the request brought nothing that could be wrong.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        match self {
            Self::TwoCredentials | Self::TokenInQuery => Some("invalid_request"),
            Self::UnknownToken | Self::ExpiredToken { .. } | Self::Jwt(_) => Some("invalid_token"),
            Self::Scope { .. } => Some("insufficient_scope"),
            Self::NoCredentials
            | Self::Gateway { .. }
            | Self::Name { .. }
            | Self::NotLetIn { .. }
            | Self::TooMany
            | Self::NoKeys => None,
        }
    }

    /// What the caller reads: what to do, and nothing of what they did not bring themselves.
    #[must_use]
    pub fn told(&self) -> String {
        let told = match self {
            Self::NoCredentials => "This server has to know who calls: send the header `Authorization: Bearer TOKEN`.",
            Self::TwoCredentials => "Send one Authorization header, `Bearer` and the token.",
            Self::TokenInQuery => {
                "A token in the address is kept by everybody on the way: have it replaced, and send the new one in the \
                 header `Authorization: Bearer TOKEN`."
            }
            Self::UnknownToken => {
                "The token is not known: it was mistyped or revoked. The operator can make another one."
            }
            Self::ExpiredToken { .. } => "The token has expired. The operator can make another one.",
            Self::Jwt(problem) => return format!("The access token is not accepted: {problem}."),
            Self::Scope { needed, .. } => return format!("The access token needs these scopes: {}.", needed.join(" ")),
            Self::NoKeys => "The keys of the token's issuer cannot be fetched at the moment. Try again soon.",
            Self::Gateway { .. } => {
                "The headers that name the user are not believed. They are for the gateway to send."
            }
            Self::Name { problem, .. } => return format!("The user's name cannot be used: {problem}."),
            Self::NotLetIn { .. } => "This server does not let this user in; its operator decides that.",
            Self::TooMany => "Too many bad tokens came from this address. Try again later.",
        };
        told.to_owned()
    }

    /// The user, as far as the request tells: proved where only the time or the scope was wrong, claimed otherwise.
    #[must_use]
    pub fn claimed(&self) -> Option<&str> {
        match self {
            Self::ExpiredToken { user } | Self::Scope { user, .. } | Self::NotLetIn { user, .. } => Some(user.as_str()),
            Self::Name { claimed, .. } => Some(claimed),
            Self::Gateway { claimed, .. } => claimed.as_deref(),
            _ => None,
        }
    }

    /// Whether it looks like guessing. A token that has expired was a good one, and its client needs to read that.
    pub(super) fn is_guess(&self) -> bool {
        match self {
            Self::Jwt(problem) => *problem != JwtProblem::Expired,
            Self::UnknownToken | Self::Gateway { .. } => true,
            _ => false,
        }
    }
}
