//! Credentials that a call's requests carried, and those that could not be made. Never a value.

use serde::{Serialize, Serializer};

use super::Server;

/// The credential that a request carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialUse {
    /// The server as toolcell.toml names it in `[credentials]`.
    pub name: String,
    /// What it was made of.
    pub variables: Vec<UsedVariable>,
}

/// A variable that a credential was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedVariable {
    /// Its name.
    pub name: String,
    /// Whether the value was the caller's own, rather than the host's.
    pub is_own: bool,
}

/// Programs get the name alone.
impl Serialize for CredentialUse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// A request that needs a credential which cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialDenial {
    /// Where the request should have gone.
    pub server: Server,
    /// The variable that is at fault.
    pub variable: String,
    /// What is wrong with it.
    pub fault: CredentialFault,
}

/// Why a credential cannot be made of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialFault {
    /// Neither the caller nor the host has a value for it.
    Unset,
    /// The value is so short that taking it out of answers would take out words.
    TooShort,
    /// The value is longer than a header field should be.
    TooLong,
    /// The value holds something that no header field can carry.
    NotText,
}
