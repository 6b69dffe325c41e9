//! The contract's `cache` on top of the stores.

use std::time::Duration;

use super::{SetError, UserCache};
use crate::{
    failure::{Code, network, state},
    receipt::CacheFault,
    sandbox::{bindings::toolcell::plugin::cache, convert::host_error, state::CallState},
};

impl cache::Host for CallState {
    async fn get(&mut self, key: String) -> Result<Option<cache::Entry>, cache::HostError> {
        let cache = self.granted_cache().map_err(|denied| *denied)?;
        let found = cache.get(&key).await.map_err(|fault| self.note(fault))?;
        match found {
            Some(_) => self.cache_use.hits += 1,
            None => self.cache_use.misses += 1,
        }
        Ok(found.map(|entry| cache::Entry { value: entry.value, age_ms: milliseconds(entry.age) }))
    }

    async fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: u64) -> Result<(), cache::HostError> {
        let cache = self.granted_cache().map_err(|denied| *denied)?;
        cache.set(key, value, Duration::from_millis(ttl_ms)).await.map_err(|error| match error {
            SetError::Invalid(problem) => host_error("invalid_entry", state::invalid_entry(&problem)),
            SetError::Fault(fault) => self.note(fault),
        })?;
        self.cache_use.sets += 1;
        Ok(())
    }

    async fn delete(&mut self, key: String) -> Result<(), cache::HostError> {
        let cache = self.granted_cache().map_err(|denied| *denied)?;
        cache.delete(&key).await.map_err(|fault| self.note(fault))
    }
}

impl CallState {
    /// The error is boxed because it is large.
    pub(super) fn granted_cache(&self) -> Result<UserCache, Box<cache::HostError>> {
        self.cache.clone().map_err(|denial| {
            self.egress.deny((*denial).clone());
            Box::new(host_error(Code::of(&denial).as_str(), network::denied(&denial)))
        })
    }

    pub(super) fn note(&mut self, fault: CacheFault) -> cache::HostError {
        let parts = state::cache_unreachable(&fault);
        self.cache_use.fault = Some(fault);
        host_error(Code::CacheUnreachable.as_str(), parts)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
