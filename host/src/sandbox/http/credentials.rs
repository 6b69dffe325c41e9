//! Credentials: header fields that the host adds to a call's requests, and what keeps the guest from reading them.
//!
//! A guest never holds the value: the field is put into the request after everything that the guest wrote, and whatever
//! comes back is looked through before the guest gets it. Each request has a connection of its own, which nothing about
//! a user was agreed on: what one user's request carried cannot come to another's.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderName, HeaderValue, Response,
    header::{CONTENT_ENCODING, TRANSFER_ENCODING},
};
use moka::sync::Cache;

use super::request::Permitted;
use crate::{
    policy::{Credential, EnvName, Grant},
    receipt::{CredentialDenial, CredentialFault, CredentialUse, Denial, Server, Unreachable, UsedVariable},
    redact::{Redactor, Secret},
    user::User,
};

/// Automata that are kept, one for each user and plugin with credentials, as far as their secrets differ.
const REDACTORS: u64 = 256;

/// The credentials of a host, with the host's own values of their variables.
pub struct Credentials {
    all: Vec<Credential>,
    values: BTreeMap<EnvName, Secret>,
    redactors: Cache<Vec<Secret>, Arc<Redactor>>,
}

impl Default for Credentials {
    fn default() -> Self {
        Self::new(Vec::new(), |_| None)
    }
}

/// The servers alone.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter().map(Credential::name)).finish()
    }
}

impl Credentials {
    /// These credentials; `value` gives the host's own value of a variable.
    pub fn new(all: Vec<Credential>, value: impl Fn(&EnvName) -> Option<String>) -> Self {
        let variables = all.iter().flat_map(|credential| credential.value.variables());
        let values = variables.filter_map(|name| Some((name.clone(), Secret::new(value(name)?)))).collect();
        Self { all, values, redactors: Cache::new(REDACTORS) }
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Credential] {
        &self.all
    }

    /// Those that the requests of a plugin get.
    pub(crate) fn of_plugin<'a>(&'a self, plugin: &'a str, grant: &'a Grant) -> impl Iterator<Item = &'a Credential> {
        self.all.iter().filter(move |credential| credential.is_for(plugin, grant))
    }

    /// What is wrong with the host's own values for a credential, each variable once.
    pub(crate) fn faults<'a>(&self, credential: &'a Credential) -> BTreeMap<&'a EnvName, CredentialFault> {
        let value = |name| self.values.get(name).map(Secret::expose);
        let variables = credential.value.variables();
        variables.filter_map(|name| Some((name, checked(value(name)).err()?))).collect()
    }

    /// Those of one call.
    pub(crate) fn of_call(&self, plugin: &str, grant: &Grant, user: &User) -> CallCredentials {
        let (mut ready, mut secrets) = (Vec::new(), Vec::new());
        for credential in self.of_plugin(plugin, grant) {
            let made = self.make(credential, user, &mut secrets);
            ready.push((credential.server.clone(), made));
        }
        secrets.sort_unstable();
        secrets.dedup();
        let redactor = (!secrets.is_empty()).then(|| {
            // Twice as many as it costs to look them up, where two calls come at once.
            self.redactors.get_with_by_ref(&secrets, || Arc::new(Redactor::new(&secrets)))
        });
        CallCredentials { ready: ready.into(), redactor }
    }

    /// The header field for a user. What of it is secret goes to `secrets`.
    fn make(&self, credential: &Credential, user: &User, secrets: &mut Vec<Secret>) -> Result<Ready, Denial> {
        let mut used: Vec<UsedVariable> = Vec::new();
        let text = credential.value.filled(|name| {
            let own = user.value(name);
            let value = checked(user.value_or(name, self.values.get(name).map(Secret::expose)));
            let value = value.map_err(|fault| {
                let (server, variable) = (credential.server.clone(), name.to_string());
                Denial::Credential(Box::new(CredentialDenial { server, variable, fault }))
            })?;
            if used.iter().all(|used| used.name != name.as_str()) {
                used.push(UsedVariable { name: name.to_string(), is_own: own.is_some() });
            }
            secrets.push(Secret::new(value));
            Ok(value)
        })?;
        secrets.extend(in_basic(&text));
        let mut value = HeaderValue::from_str(&text).expect("template and values are visible ASCII characters");
        value.set_sensitive(true);
        let used = CredentialUse { name: credential.name(), variables: used };
        Ok(Ready { header: credential.header.clone(), value, used })
    }
}

/// A value that a credential can be made of, without the white space around it that files and shells leave.
fn checked(value: Option<&str>) -> Result<&str, CredentialFault> {
    let value = value.map(str::trim).filter(|value| !value.is_empty()).ok_or(CredentialFault::Unset)?;
    if value.len() < Secret::MIN {
        Err(CredentialFault::TooShort)
    } else if value.len() > Secret::MAX {
        Err(CredentialFault::TooLong)
    } else if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        Ok(value)
    } else {
        Err(CredentialFault::NotText)
    }
}

/// The user name and password inside the Basic scheme (RFC 7617), and the password alone: servers that read them may show
/// them.
fn in_basic(text: &str) -> Vec<Secret> {
    let (scheme, encoded) = text.split_once(' ').unwrap_or_default();
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let decoded =
        STANDARD.decode(encoded.trim()).ok().filter(|_| is_basic).and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(pair) = decoded else { return Vec::new() };
    let password = pair.split_once(':').map(|(_, password)| password.to_owned());
    let parts = [Some(pair), password].into_iter().flatten();
    parts.filter(|part| part.len() >= Secret::MIN).map(Secret::new).collect()
}

/// The credentials of one call's requests. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallCredentials {
    ready: Arc<[(Server, Result<Ready, Denial>)]>,
    redactor: Option<Arc<Redactor>>,
}

/// A header field that is ready to be added, to requests to its server only.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) header: HeaderName,
    pub(super) value: HeaderValue,
    pub(super) used: CredentialUse,
}

impl CallCredentials {
    /// The field for a request that the rules allow: none where the server has no credential.
    ///
    /// # Errors
    ///
    /// The denial to record where there should be one and it cannot be made: a request without it would fail in a way that
    /// says nothing about the reason, or get what is meant for anybody.
    pub(super) fn for_request(&self, permitted: &Permitted<'_>) -> Result<Option<&Ready>, Denial> {
        match self.ready.iter().find(|(server, _)| server == permitted.server()) {
            Some((_, made)) => made.as_ref().map(Some).map_err(Clone::clone),
            None => Ok(None),
        }
    }

    /// What takes the call's secrets out of what others get to see, if it has any.
    pub(crate) fn redactor(&self) -> Option<&Arc<Redactor>> {
        self.redactor.as_ref()
    }
}

/// Masks the secrets in the head of an answer. A field whose very name holds one is left out.
pub(super) fn redact_head<B>(response: &mut Response<B>, redactor: &Redactor) {
    let headers = response.headers_mut();
    let mut names = Vec::new();
    for (name, value) in headers.iter_mut() {
        let mut bytes = value.as_bytes().to_vec();
        if redactor.bytes(&mut bytes) {
            *value = HeaderValue::from_bytes(&bytes).expect("masked bytes are visible");
        }
        if redactor.bytes(&mut name.as_str().as_bytes().to_vec()) {
            names.push(name.clone());
        }
    }
    for name in names {
        headers.remove(name);
    }
}

/// Refuses an answer in which a credential would not be found, because it is compressed in spite of the request.
///
/// # Errors
///
/// [`Unreachable::Encoded`].
pub(super) fn check_encoding<B: http_body::Body>(response: &Response<B>) -> Result<(), Unreachable> {
    let codings = [(CONTENT_ENCODING, "identity"), (TRANSFER_ENCODING, "chunked")];
    let is_plain = codings.iter().all(|(field, plain)| {
        let values = response.headers().get_all(field).iter();
        values.into_iter().all(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(plain.as_bytes()))
    });
    if is_plain || response.body().is_end_stream() { Ok(()) } else { Err(Unreachable::Encoded) }
}
