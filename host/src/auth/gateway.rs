//! A gateway that has found out who calls and says so in a header.

use http::HeaderMap;
use subtle::ConstantTimeEq;

use super::{
    Peer, Reason, UserName,
    reason::{name_of, quoted},
};
use crate::{config::GatewayConfig, policy::Digest};

/// The gateway that is believed.
#[derive(Debug)]
pub(super) struct Gateway {
    config: GatewayConfig,
    /// Of the secret. Digests have one length, so that comparing them says nothing about the secret's.
    secret: Digest,
}

/// The secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewaySecretError {
    /// The variable is not set.
    #[error("the variable {0} is not set; it has to hold the secret that the gateway sends")]
    Missing(String),
    /// It could be guessed.
    #[error("the secret in the variable {0} is shorter than 32 characters; make one with `openssl rand -hex 32`")]
    Short(String),
    /// It cannot be in a header.
    #[error(
        "the secret in the variable {0} has characters that a header cannot carry; make one with `openssl rand -hex 32`"
    )]
    Characters(String),
}

impl Gateway {
    /// Characters of a secret at least. Guessing has to be hopeless: addresses are not locked out (see
    /// [`super::Auth`]).
    const LEAST_SECRET: usize = 32;

    pub(super) fn new(config: GatewayConfig, secret: Option<&str>) -> Result<Self, GatewaySecretError> {
        let variable = config.secret_env.to_string();
        let secret = secret.ok_or_else(|| GatewaySecretError::Missing(variable.clone()))?;
        if secret.len() < Self::LEAST_SECRET {
            return Err(GatewaySecretError::Short(variable));
        }
        if !secret.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(GatewaySecretError::Characters(variable));
        }
        Ok(Self { secret: Digest::of(secret.as_bytes()), config })
    }

    /// Whom the gateway says it is; `None` where the request has neither of its headers. One that has is from the
    /// gateway or refused, whatever else it brings.
    pub(super) fn user(&self, headers: &HeaderMap, peer: Peer) -> Result<Option<UserName>, Reason> {
        let GatewayConfig { header, secret_header, .. } = &self.config;
        if !headers.contains_key(header) && !headers.contains_key(secret_header) {
            return Ok(None);
        }
        let only = |name| {
            let mut values = headers.get_all(name).iter();
            values.next().filter(|_| values.next().is_none())
        };
        let claimed = only(header).map(|user| String::from_utf8_lossy(user.as_bytes()));
        let refused = |problem| Reason::Gateway { problem, claimed: claimed.as_deref().map(quoted) };
        if !self.may_come_from(peer) {
            return Err(refused("they come from an address that is not the gateway's"));
        }
        let secret = only(secret_header).ok_or_else(|| refused("the secret is missing, or there are several"))?;
        let is_right = Digest::of(secret.as_bytes()).as_bytes().ct_eq(self.secret.as_bytes());
        if !bool::from(is_right) {
            return Err(refused("the secret is wrong"));
        }
        match &claimed {
            Some(user) => name_of(user).map(Some),
            None => Err(refused("the user is missing, or there are several")),
        }
    }

    /// Takes the gateway's headers away, so that nothing that comes later can believe them.
    pub(super) fn strip(&self, headers: &mut HeaderMap) {
        headers.remove(&self.config.header);
        headers.remove(&self.config.secret_header);
    }

    fn may_come_from(&self, peer: Peer) -> bool {
        match peer {
            Peer::UnixSocket => self.config.over_unix_socket,
            Peer::Address(address) => {
                let address = address.to_canonical();
                self.config.from.iter().any(|network| network.contains(&address))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const INSIDE: &str = "10.1.2.3";

    fn config(over_unix_socket: bool) -> GatewayConfig {
        GatewayConfig {
            header: "x-forwarded-user".parse().expect("a header"),
            from: vec!["10.0.0.0/8".parse().expect("a network")],
            over_unix_socket,
            secret_env: "GATEWAY_SECRET".parse().expect("a name"),
            secret_header: GatewayConfig::SECRET_HEADER.parse().expect("a header"),
        }
    }

    fn peer(text: &str) -> Peer {
        Peer::Address(text.parse().expect("an address"))
    }

    fn user(peer: Peer, headers: &[(&'static str, &str)]) -> Result<Option<String>, Reason> {
        let gateway = Gateway::new(config(false), Some(SECRET)).expect("the secret is long");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        let user = gateway.user(&map, peer).map(|user| user.map(|name| name.to_string()));
        gateway.strip(&mut map);
        assert!(map.is_empty());
        user
    }

    const USER: (&str, &str) = ("x-forwarded-user", "alice");
    const RIGHT: (&str, &str) = (GatewayConfig::SECRET_HEADER, SECRET);

    #[test]
    fn the_gateway_is_believed() {
        assert_eq!(user(peer(INSIDE), &[USER, RIGHT]), Ok(Some("alice".to_owned())));
        assert_eq!(user(peer("::ffff:10.1.2.3"), &[USER, RIGHT]), Ok(Some("alice".to_owned())));
        assert_eq!(user(peer("192.0.2.1"), &[]), Ok(None));
    }

    #[test]
    fn a_forged_header_is_refused() {
        let wrong = (GatewayConfig::SECRET_HEADER, "0123456789abcdef0123456789abcdeg");
        let short = (GatewayConfig::SECRET_HEADER, &SECRET[1..]);
        for (from, headers) in [
            ("192.0.2.1", &[USER, RIGHT][..]),
            ("192.0.2.1", &[USER]),
            ("192.0.2.1", &[RIGHT]),
            ("2001:db8::1", &[USER, RIGHT]),
            (INSIDE, &[USER]),
            (INSIDE, &[RIGHT]),
            (INSIDE, &[USER, wrong]),
            (INSIDE, &[USER, short]),
            (INSIDE, &[USER, RIGHT, RIGHT]),
            (INSIDE, &[USER, RIGHT, wrong]),
            (INSIDE, &[USER, ("x-forwarded-user", "bob"), RIGHT]),
        ] {
            let refused = user(peer(from), headers);
            assert!(matches!(refused, Err(Reason::Gateway { .. })), "{from} {headers:?}: {refused:?}");
        }
        for odd in ["", "a b", "alice,bob", "local", "\u{e4}"] {
            let refused = user(peer(INSIDE), &[("x-forwarded-user", odd), RIGHT]);
            assert!(matches!(refused, Err(Reason::Name { .. })), "{odd:?}: {refused:?}");
        }
    }

    #[test]
    fn unix_sockets_have_to_be_named() {
        let mut headers = HeaderMap::new();
        headers.insert(USER.0, USER.1.parse().expect("a value"));
        headers.insert(RIGHT.0, RIGHT.1.parse().expect("a value"));
        for over_unix_socket in [true, false] {
            let gateway = Gateway::new(config(over_unix_socket), Some(SECRET)).expect("the secret is long");
            assert_eq!(gateway.user(&headers, Peer::UnixSocket).is_ok(), over_unix_socket);
        }
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_none() {
        for (secret, expected) in [
            (None, "the variable GATEWAY_SECRET is not set; it has to hold the secret that the gateway sends"),
            (
                Some("hunter2"),
                "the secret in the variable GATEWAY_SECRET is shorter than 32 characters; make one with \
                 `openssl rand -hex 32`",
            ),
            (
                Some("0123456789abcdef0123456789abcdef\n"),
                "the secret in the variable GATEWAY_SECRET has characters that a header cannot carry; make one with \
                 `openssl rand -hex 32`",
            ),
        ] {
            let error = Gateway::new(config(false), secret).expect_err("it cannot be used");
            assert_eq!(error.to_string(), expected);
        }
    }
}
