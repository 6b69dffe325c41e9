//! `wasi:keyvalue` on top of the plugin's cache: its `store`, `batch` and `atomics`, as the WebAssembly project's proposal has
//! them in its two drafts. Entries live for the longest time that was granted; a bucket is the plugin's own, or does not exist.

mod atomics;

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType},
};

use super::{SetError, UserCache};
use crate::{policy::units::bytes_text, sandbox::state::CallState};

/// Bytes of the values that are got at once.
const MAX_MANY: usize = 16 << 20;
/// Names of the one bucket that there is.
const BUCKETS: [&str; 2] = ["", "default"];

/// Adds both drafts. They differ in the type of a cursor and in how `get-many` says that a key is not there.
pub(in crate::sandbox) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    store::<u64>(&mut linker.instance("wasi:keyvalue/store@0.2.0-draft")?)?;
    store::<String>(&mut linker.instance("wasi:keyvalue/store@0.2.0-draft2")?)?;
    batch(&mut linker.instance("wasi:keyvalue/batch@0.2.0-draft")?, |key, value| Some((key, value?)))?;
    batch(&mut linker.instance("wasi:keyvalue/batch@0.2.0-draft2")?, |key, value| (key, value))?;
    atomics::first_draft(&mut linker.instance("wasi:keyvalue/atomics@0.2.0-draft")?)?;
    atomics::second_draft(&mut linker.instance("wasi:keyvalue/atomics@0.2.0-draft2")?)
}

/// The guest's handle of its cache.
struct Bucket;

#[derive(Debug, Clone, ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct KeyResponse<C> {
    keys: Vec<String>,
    cursor: Option<C>,
}

type Own = Resource<Bucket>;

fn store<C>(instance: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()>
where
    C: ComponentType + Lift + Lower + Send + Sync + 'static,
{
    instance.resource("bucket", ResourceType::host::<Bucket>(), |mut store, number| {
        store.data_mut().table.delete(Own::new_own(number))?;
        Ok(())
    })?;
    instance.func_wrap("open", |mut store: StoreContextMut<'_, CallState>, (name,): (String,)| {
        Ok((open(store.data_mut(), &name)?,))
    })?;
    instance.func_wrap_async("[method]bucket.get", |mut store, (_, key): (Own, String)| {
        Box::new(async move { Ok((get(store.data_mut(), &key).await,)) })
    })?;
    instance.func_wrap_async("[method]bucket.exists", |mut store, (_, key): (Own, String)| {
        Box::new(async move { Ok((get(store.data_mut(), &key).await.map(|value| value.is_some()),)) })
    })?;
    instance.func_wrap_async("[method]bucket.set", |mut store, (_, key, value): (Own, String, Vec<u8>)| {
        Box::new(async move { Ok((set(store.data_mut(), key, value).await,)) })
    })?;
    instance.func_wrap_async("[method]bucket.delete", |mut store, (_, key): (Own, String)| {
        Box::new(async move { Ok((delete(store.data_mut(), &key).await,)) })
    })?;
    instance.func_wrap("[method]bucket.list-keys", |_, (_, _): (Own, Option<C>)| {
        let keys: Result<KeyResponse<C>, _> =
            Err(Error::Other("keys cannot be listed: a cache finds what it is asked for".to_owned()));
        Ok((keys,))
    })
}

/// `found` makes what `get-many` says of a key.
fn batch<F>(
    instance: &mut LinkerInstance<'_, CallState>,
    found: fn(String, Option<Vec<u8>>) -> F,
) -> wasmtime::Result<()>
where
    F: ComponentType + Lift + Lower + Send + Sync + 'static,
{
    instance.func_wrap_async("get-many", move |mut store, (_, keys): (Own, Vec<String>)| {
        Box::new(async move {
            let values = get_many(store.data_mut(), keys).await;
            Ok((values.map(|values| values.into_iter().map(|(key, value)| found(key, value)).collect::<Vec<_>>()),))
        })
    })?;
    instance.func_wrap_async("set-many", |mut store, (_, entries): (Own, Vec<(String, Vec<u8>)>)| {
        Box::new(async move {
            let state = store.data_mut();
            let set_all = async {
                for (key, value) in entries {
                    set(state, key, value).await?;
                }
                Ok::<_, Error>(())
            };
            Ok((set_all.await,))
        })
    })?;
    instance.func_wrap_async("delete-many", |mut store, (_, keys): (Own, Vec<String>)| {
        Box::new(async move {
            let state = store.data_mut();
            let delete_all = async {
                for key in keys {
                    delete(state, &key).await?;
                }
                Ok::<_, Error>(())
            };
            Ok((delete_all.await,))
        })
    })
}

/// The outer error ends the call: it has too many buckets open.
fn open(state: &mut CallState, name: &str) -> wasmtime::Result<Result<Own, Error>> {
    Ok(match granted(state) {
        Err(error) => Err(error),
        Ok(_) if !BUCKETS.contains(&name) => Err(Error::NoSuchStore),
        Ok(_) => Ok(state.table.push(Bucket)?),
    })
}

fn granted(state: &CallState) -> Result<UserCache, Error> {
    state.granted_cache().map_err(|_| Error::AccessDenied)
}

async fn get(state: &mut CallState, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let found = granted(state)?.get(key).await.map_err(|fault| Error::Other(state.note(fault).message))?;
    match found {
        Some(_) => state.cache_use.hits += 1,
        None => state.cache_use.misses += 1,
    }
    Ok(found.map(|entry| entry.value))
}

/// Bytes of all values together are bounded, because the same key can be asked for many times.
async fn get_many(state: &mut CallState, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>, Error> {
    let (mut values, mut bytes) = (Vec::new(), 0);
    for key in keys {
        let value = get(state, &key).await?;
        bytes += value.as_ref().map_or(0, Vec::len);
        if bytes > MAX_MANY {
            return Err(Error::Other(format!("the values have more than {} together", bytes_text(MAX_MANY as u64))));
        }
        values.push((key, value));
    }
    Ok(values)
}

async fn set(state: &mut CallState, key: String, value: Vec<u8>) -> Result<(), Error> {
    let cache = granted(state)?;
    cache.set(key, value, cache.room.ttl_max).await.map_err(|error| not_set(state, error))?;
    state.cache_use.sets += 1;
    Ok(())
}

/// What the guest is told of an entry that was not set.
fn not_set(state: &mut CallState, error: SetError) -> Error {
    Error::Other(match error {
        SetError::Invalid(problem) => format!("the entry was not set: {problem}"),
        SetError::Fault(fault) => state.note(fault).message,
    })
}

async fn delete(state: &mut CallState, key: &str) -> Result<(), Error> {
    granted(state)?.delete(key).await.map_err(|fault| Error::Other(state.note(fault).message))
}
