//! The issuer's public keys: fetched, kept, and fetched again when they are old or one is missing.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde_json::Value;
use tokio::sync::Mutex;

use super::fetch::Issuer;

/// The issuer's keys.
#[derive(Debug)]
pub(super) struct Keys {
    issuer: Issuer,
    known: ArcSwap<Known>,
    /// Held while they are fetched: who comes meanwhile waits for the same answer.
    fetching: Mutex<()>,
    attempts: DefaultDirectRateLimiter,
}

/// One key, and the one algorithm that it is for.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has none like it.
    Unknown,
    /// The issuer has not answered for too long.
    Unavailable,
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<Arc<Key>>,
    fetched: Option<Instant>,
}

/// After this time they are fetched again.
const OLD: Duration = Duration::from_secs(3600);

/// After this time they are not believed any more, should the issuer not answer: a key that it has withdrawn must not
/// be good for as long as somebody can keep the issuer from saying so.
const TOO_OLD: Duration = Duration::from_secs(24 * 3600);

/// One attempt to fetch them in this time, and a few at once: tokens that name unknown keys cost nothing to make.
const PAUSE: Duration = Duration::from_secs(30);
const AT_ONCE: NonZeroU32 = NonZeroU32::new(3).expect("it is not zero");

/// Keys of an issuer that are kept.
const MOST: usize = 64;

impl Keys {
    pub(super) fn new(issuer: Issuer) -> Self {
        let quota = Quota::with_period(PAUSE).expect("it is not zero").allow_burst(AT_ONCE);
        Self { issuer, known: ArcSwap::default(), fetching: Mutex::default(), attempts: RateLimiter::direct(quota) }
    }

    /// The key that a token names, or the only one of its algorithm where it names none.
    pub(super) async fn find(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, NoKey> {
        let known = self.known.load_full();
        if let Some(key) = known.find(id, algorithm).filter(|_| known.is_younger_than(TOO_OLD)) {
            if !known.is_younger_than(OLD) && self.fetching.try_lock().is_ok() {
                let keys = Arc::clone(self);
                // Nobody waits for what may be as before.
                tokio::spawn(async move { keys.fetch().await });
            }
            return Ok(key);
        }
        self.fetch().await;
        let known = self.known.load();
        if known.is_younger_than(TOO_OLD) {
            known.find(id, algorithm).ok_or(NoKey::Unknown)
        } else {
            Err(NoKey::Unavailable)
        }
    }

    /// Fetches them, unless somebody else has in the meantime or it was tried too often. The keys from before are kept
    /// where that fails.
    pub(super) async fn fetch(&self) {
        let before = self.known.load().fetched;
        let _fetching = self.fetching.lock().await;
        if self.known.load().fetched != before || self.attempts.check().is_err() {
            return;
        }
        match self.issuer.keys().await {
            Ok(written) => {
                let keys: Vec<_> = written.iter().filter_map(Key::of).take(MOST).map(Arc::new).collect();
                if keys.is_empty() {
                    tracing::warn!("the issuer of access tokens has no key for RS256, ES256 or EdDSA");
                }
                tracing::debug!(keys = keys.len(), "the issuer's keys were fetched");
                self.known.store(Arc::new(Known { keys, fetched: Some(Instant::now()) }));
            }
            Err(error) => tracing::warn!("the keys of the issuer of access tokens could not be fetched: {error}"),
        }
    }
}

impl Known {
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).cloned(),
            None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
        }
    }

    fn is_younger_than(&self, age: Duration) -> bool {
        self.fetched.is_some_and(|fetched| fetched.elapsed() < age)
    }
}

impl Key {
    /// The key that is written so (RFC 7517); `None` where it is for something else than signatures that are accepted
    /// here.
    pub(super) fn of(written: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(written.clone()).ok()?;
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
            _ => return None,
        };
        let common = &jwk.common;
        let is_for_it = common.key_algorithm.is_none_or(|written| written == KeyAlgorithm::from(algorithm))
            && common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|usage| usage.contains(&KeyOperations::Verify));
        let decoding = DecodingKey::from_jwk(&jwk).ok().filter(|_| is_for_it)?;
        Some(Self { id: common.key_id.clone(), algorithm, decoding })
    }
}
