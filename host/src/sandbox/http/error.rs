//! Why a request got no answer, and what the errors of the libraries below mean in our words.

use std::{
    error::Error,
    io::{self, ErrorKind},
};

use rustls::CertificateError;

use super::request::Invalid;
use crate::{
    failure::{Code, Parts, network},
    receipt::{AnswerPart, Denial, Server, TlsFault, Unreachable},
};

/// Why a request got no answer, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// It cannot be sent as it is.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It may not be sent.
    #[error("denied: {0:?}")]
    Denied(Denial),
    /// It failed.
    #[error("{server}: {why:?}")]
    Unreachable {
        /// Where it should have gone.
        server: Server,
        /// What went wrong.
        why: Unreachable,
    },
}

impl SendError {
    /// The code of the contract's `http.error`.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::Denied(_) => Code::DeniedNetwork.as_str(),
            Self::Unreachable { why, .. } if why.is_over_limit() => Code::UpstreamLimit.as_str(),
            Self::Unreachable { .. } => Code::UpstreamUnreachable.as_str(),
        }
    }

    /// The other fields of the contract's `http.error`.
    pub(crate) fn parts(&self) -> Parts {
        match self {
            Self::Invalid(invalid) => network::invalid_request(&invalid.to_string()),
            Self::Denied(denial) => network::denied(denial),
            Self::Unreachable { server, why } => network::unreachable(server, *why),
        }
    }
}

/// Why a request ends: of the parts of [`SendError`] those that need no server to be told.
#[derive(Debug)]
pub(super) enum Cause {
    Denied(Denial),
    Unreachable(Unreachable),
    Invalid(Invalid),
}

impl Cause {
    pub(super) fn at(self, server: Server) -> SendError {
        match self {
            Self::Denied(denial) => SendError::Denied(denial),
            Self::Unreachable(why) => SendError::Unreachable { server, why },
            Self::Invalid(invalid) => SendError::Invalid(invalid),
        }
    }
}

/// Why the rest of a request's body is not sent, as hyper carries it.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
pub(super) struct BodyRefused(pub(super) Unreachable);

impl From<Unreachable> for Cause {
    fn from(why: Unreachable) -> Self {
        Self::Unreachable(why)
    }
}

impl From<Denial> for Cause {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// hyper's errors, from the head as from the body of an answer.
impl From<hyper::Error> for Cause {
    fn from(error: hyper::Error) -> Self {
        // Our own word on a body that is sent comes back as its cause.
        if let Some(why) = error.source().and_then(|source| source.downcast_ref::<BodyRefused>()) {
            return Self::Unreachable(why.0);
        }
        if error.is_user() {
            return Self::Invalid(Invalid::Body("the plugin did not finish the request's body".to_owned()));
        }
        Self::Unreachable(if error.is_parse_too_large() {
            Unreachable::TooLarge(AnswerPart::Head)
        } else if error.is_parse() {
            Unreachable::Protocol
        } else {
            match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
                Some(error) => from_io(error),
                None => Unreachable::Cut,
            }
        })
    }
}

/// An error of a connection that was made, or could not be made.
pub(in crate::sandbox) fn from_io(error: &io::Error) -> Unreachable {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Unreachable::Tls(from_tls(error));
    }
    match error.kind() {
        // A local firewall answers with "permission denied".
        ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied => Unreachable::Refused,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => Unreachable::Cut,
        // hyper says so of a malformed chunk or trailer.
        ErrorKind::InvalidData | ErrorKind::InvalidInput => Unreachable::Protocol,
        _ => Unreachable::NoRoute,
    }
}

/// What a failed handshake says about the server.
pub(super) fn from_tls(error: &rustls::Error) -> TlsFault {
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::WrongName,
            CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
            _ => TlsFault::BadCertificate,
        },
        rustls::Error::InvalidMessage(_) => TlsFault::NotTls,
        _ => TlsFault::Handshake,
    }
}
