//! What an access token has to be (RFC 9068, RFC 8725): signed by a key of the issuer, for this server, now.

use jsonwebtoken::{Algorithm, Header, Validation, errors::ErrorKind};
use serde_json::{Map, Value};

use super::keys::Key;
use crate::config::OauthConfig;

/// Why an access token proves nothing. The words are for the client, too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtProblem {
    /// It has not the form of a JWT, or its algorithm is none that is accepted.
    #[error("it is no JWT that is signed with RS256, ES256 or EdDSA")]
    Form,
    /// It is a JWT for something else: an identity, a logout.
    #[error("its `typ` is not that of an access token")]
    Type,
    /// It wants something to be understood that is not (RFC 7515, section 4.1.11).
    #[error("it demands extensions (`crit`) that this server does not have")]
    Critical,
    /// Its key is not one of the issuer's.
    #[error("it is signed with a key that its issuer does not publish")]
    Key,
    /// The signature is not that of the key.
    #[error("its signature is wrong")]
    Signature,
    /// Another server issued it.
    #[error("it comes from another issuer (`iss`) than {0}")]
    Issuer(String),
    /// It is for another server.
    #[error("it is for another server: its audience (`aud`) has to hold {0}")]
    Audience(String),
    /// It was good once.
    #[error("it has expired")]
    Expired,
    /// It is not good yet.
    #[error("it is not valid yet (`nbf`)")]
    NotYet,
    /// A claim is missing or is not what it has to be.
    #[error("its claim `{0}` is missing or has the wrong form")]
    Claim(String),
    /// It is worth something in the hands of one client alone, which this server cannot check (RFC 7800).
    #[error("it is bound to a key of its client (`cnf`), which this server cannot check")]
    Bound,
}

/// Bytes of a token at most: far more than issuers write.
const MOST: usize = 16 << 10;

/// Seconds that the clocks of issuer and server may differ.
const LEEWAY: u64 = 30;

/// What a token says of itself, before anything of it is believed.
pub(super) fn header(token: &str) -> Result<Header, JwtProblem> {
    if token.len() > MOST {
        return Err(JwtProblem::Form);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| JwtProblem::Form)?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
        return Err(JwtProblem::Form);
    }
    if header.crit.is_some() {
        return Err(JwtProblem::Critical);
    }
    // RFC 9068 asks for `at+jwt`; many issuers still write `JWT`, or nothing.
    let is_type = |typ: &String| {
        let typ = typ.to_ascii_lowercase();
        matches!(typ.strip_prefix("application/").unwrap_or(&typ), "at+jwt" | "jwt")
    };
    if header.typ.as_ref().is_some_and(|typ| !is_type(typ)) {
        return Err(JwtProblem::Type);
    }
    Ok(header)
}

/// What a token that is good says of its user.
#[derive(Debug)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Checks the signature first and then the claims. The algorithm is the key's, whatever the token says.
    pub(super) fn of(token: &str, key: &Key, config: &OauthConfig) -> Result<Self, JwtProblem> {
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &validation);
        let claims = decoded.map_err(|error| problem(error.kind(), config))?.claims;
        // RFC 7519, section 4.1.1: one text, where the crate takes a list as well.
        if claims.get("iss").and_then(Value::as_str) != Some(&config.issuer) {
            return Err(JwtProblem::Issuer(config.issuer.clone()));
        }
        if claims.contains_key("cnf") {
            return Err(JwtProblem::Bound);
        }
        Ok(Self(claims))
    }

    /// The claim that names the user.
    pub(super) fn user(&self, claim: &str) -> Result<&str, JwtProblem> {
        self.0.get(claim).and_then(Value::as_str).ok_or_else(|| JwtProblem::Claim(claim.to_owned()))
    }

    /// Whether the token has a scope: in `scope` (RFC 9068, section 2.2.3), or in `scp`, where some issuers write it.
    pub(super) fn has(&self, scope: &str) -> bool {
        ["scope", "scp"].into_iter().filter_map(|claim| self.0.get(claim)).any(|written| match written {
            Value::String(scopes) => scopes.split(' ').any(|one| one == scope),
            Value::Array(scopes) => scopes.iter().any(|one| one == scope),
            _ => false,
        })
    }
}

fn problem(error: &ErrorKind, config: &OauthConfig) -> JwtProblem {
    match error {
        ErrorKind::InvalidSignature => JwtProblem::Signature,
        ErrorKind::InvalidAlgorithm => JwtProblem::Key,
        ErrorKind::ExpiredSignature => JwtProblem::Expired,
        ErrorKind::ImmatureSignature => JwtProblem::NotYet,
        ErrorKind::InvalidIssuer => JwtProblem::Issuer(config.issuer.clone()),
        ErrorKind::InvalidAudience => JwtProblem::Audience(config.audience.clone()),
        ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
            JwtProblem::Claim(claim.clone())
        }
        _ => JwtProblem::Form,
    }
}

#[cfg(test)]
mod tests;
