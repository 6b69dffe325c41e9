//! Static tokens: `tc_` and 256 random bits.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::policy::Digest;

/// A token as its user sends it. A secret: it is shown once, where it is made, and kept nowhere.
pub struct Token(String);

impl Token {
    /// What every token starts with, so that those who look for secrets in files and logs find it:
    /// `tc_[A-Za-z0-9_-]{43}`.
    pub const PREFIX: &'static str = "tc_";

    /// A new token.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits)?;
        Ok(Self(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(bits))))
    }

    /// The text that the user sends.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest(&self.0)
    }
}

/// What is kept of a token, and what a presented one is compared by. SHA-256, once: slow hashes for passwords make
/// guessing cost where there is little to guess, and nobody guesses 256 random bits, however fast they can try.
pub(super) fn digest(token: &str) -> Digest {
    Digest::of(token.as_bytes())
}

/// The prefix alone.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&Self::PREFIX).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_can_be_found_by_their_shape() {
        let (one, other) = (Token::random().expect("random bits"), Token::random().expect("random bits"));
        assert_ne!(one.reveal(), other.reveal());
        let random = one.reveal().strip_prefix("tc_").expect("the prefix");
        assert_eq!(random.len(), 43);
        assert!(random.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-".contains(&c)), "{random}");
        assert_eq!(format!("{one:?}"), "Token(\"tc_\")");
    }
}
