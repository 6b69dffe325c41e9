//! `wasi:keyvalue/atomics`: numbers that are added to, and values that are replaced only where nobody else replaced them
//! before. The first draft has the former alone, with numbers that have no sign.

use std::fmt::Display;

use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, Resource, ResourceType};

use super::{Error, Own, get, granted, not_set};
use crate::sandbox::state::CallState;

/// The guest's handle of a value that it means to replace.
struct Cas {
    key: String,
    /// Of the value that the guest relies on. The value itself would take memory that nothing bounds.
    seen: Option<blake3::Hash>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum CasError {
    #[component(name = "store-error")]
    Store(Error),
    /// With a handle of the value that is there now.
    #[component(name = "cas-failed")]
    Failed(Resource<Cas>),
}

pub(super) fn first_draft(instance: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    instance.func_wrap_async("increment", |mut store, (_, key, delta): (Own, String, u64)| {
        let next = move |number: &str| number.parse::<u64>().ok()?.checked_add(delta);
        Box::new(async move { Ok((increment(store.data_mut(), &key, next).await,)) })
    })
}

pub(super) fn second_draft(instance: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    instance.resource("cas", ResourceType::host::<Cas>(), |mut store, number| {
        store.data_mut().table.delete(Resource::<Cas>::new_own(number))?;
        Ok(())
    })?;
    instance.func_wrap_async("[static]cas.new", |mut store, (_, key): (Own, String)| {
        Box::new(async move {
            let state = store.data_mut();
            Ok((match get(state, &key).await {
                Ok(value) => Ok(state.table.push(Cas { seen: seen(value.as_deref()), key })?),
                Err(error) => Err(error),
            },))
        })
    })?;
    instance.func_wrap_async("[method]cas.current", |mut store, (cas,): (Resource<Cas>,)| {
        Box::new(async move {
            let state = store.data_mut();
            let key = state.table.get(&cas)?.key.clone();
            let value = get(state, &key).await;
            if let Ok(value) = &value {
                state.table.get_mut(&cas)?.seen = seen(value.as_deref());
            }
            Ok((value,))
        })
    })?;
    instance.func_wrap_async("increment", |mut store, (_, key, delta): (Own, String, i64)| {
        let next = move |number: &str| number.parse::<i64>().ok()?.checked_add(delta);
        Box::new(async move { Ok((increment(store.data_mut(), &key, next).await,)) })
    })?;
    instance.func_wrap_async("swap", |mut store, (cas, value): (Resource<Cas>, Vec<u8>)| {
        Box::new(async move {
            let state = store.data_mut();
            let cas = state.table.delete(cas)?;
            Ok((match swap(state, cas, value).await {
                Ok(None) => Ok(()),
                Ok(Some(newer)) => Err(CasError::Failed(state.table.push(newer)?)),
                Err(error) => Err(CasError::Store(error)),
            },))
        })
    })
}

fn seen(value: Option<&[u8]>) -> Option<blake3::Hash> {
    value.map(blake3::hash)
}

/// Adds to the number of this key, which is 0 where there is none. `next` takes it as text, in which programs that use
/// `store` see it, and has none where that is no number or the sum is too large.
async fn increment<N: Display>(state: &mut CallState, key: &str, next: impl Fn(&str) -> Option<N>) -> Result<N, Error> {
    loop {
        let found = get(state, key).await?;
        let number = found.as_deref().map_or(Ok("0"), str::from_utf8).ok().and_then(&next);
        let Some(sum) = number else {
            return Err(Error::Other(format!("the value of `{key}` is no number to which this can be added")));
        };
        if replace(state, key, found, sum.to_string().into_bytes()).await? {
            return Ok(sum);
        }
    }
}

/// Replaces the value where it is still the one that the guest relies on; otherwise returns a handle of the one that is there.
async fn swap(state: &mut CallState, cas: Cas, value: Vec<u8>) -> Result<Option<Cas>, Error> {
    let found = get(state, &cas.key).await?;
    let is_same = seen(found.as_deref()) == cas.seen;
    if is_same && replace(state, &cas.key, found, value).await? {
        return Ok(None);
    }
    let seen = seen(get(state, &cas.key).await?.as_deref());
    Ok(Some(Cas { seen, ..cas }))
}

/// Sets the value of this key if it is still `expected`; otherwise nothing happens and this is false.
async fn replace(state: &mut CallState, key: &str, expected: Option<Vec<u8>>, value: Vec<u8>) -> Result<bool, Error> {
    let cache = granted(state)?;
    let replaced = cache.replace(key.to_owned(), expected, value, cache.room.ttl_max).await;
    let is_replaced = replaced.map_err(|error| not_set(state, error))?;
    state.cache_use.sets += u64::from(is_replaced);
    Ok(is_replaced)
}
