//! Adds to numbers and replaces values that many calls share, with `wasi:keyvalue/atomics` of both drafts.

use toolcell_test_programs::{Answer, Value, json, plugin, structured, tool};

#[allow(clippy::pedantic, clippy::allow_attributes_without_reason, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package test:atomics;

            world numbers {
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft2;
            }

            package wasi:keyvalue@0.2.0-draft {
                interface store {
                    variant error { no-such-store, access-denied, other(string) }
                    open: func(identifier: string) -> result<bucket, error>;
                    resource bucket;
                }
                interface atomics {
                    use store.{bucket, error};
                    increment: func(bucket: borrow<bucket>, key: string, delta: u64) -> result<u64, error>;
                }
            }

            package wasi:keyvalue@0.2.0-draft2 {
                interface store {
                    variant error { no-such-store, access-denied, other(string) }
                    open: func(identifier: string) -> result<bucket, error>;
                    resource bucket {
                        set: func(key: string, value: list<u8>) -> result<_, error>;
                    }
                }
                interface atomics {
                    use store.{bucket, error};
                    variant cas-error { store-error(error), cas-failed(cas) }
                    resource cas {
                        new: static func(bucket: borrow<bucket>, key: string) -> result<cas, error>;
                        current: func() -> result<option<list<u8>>, error>;
                    }
                    increment: func(bucket: borrow<bucket>, key: string, delta: s64) -> result<s64, error>;
                    swap: func(cas: cas, value: list<u8>) -> result<_, cas-error>;
                }
            }
        ",
        generate_all,
    });
}

use bindings::wasi::{
    keyvalue0_2_0_draft::{atomics as atomics_draft, store as store_draft},
    keyvalue0_2_0_draft2::{
        atomics::{self, Cas, CasError},
        store::{self, Bucket, Error},
    },
};

plugin!(
    tool(
        "atomics",
        "Runs `steps`, each a list: `increment` or `increment-draft` with key and delta; `set` with key and value; `swap` with \
         key, value and what is set meanwhile; `count` with key and how often."
    ),
    run
);

fn run(arguments: &Value) -> Answer {
    let steps = arguments["steps"].as_array().cloned().unwrap_or_default();
    let results: Vec<_> =
        steps.iter().map(|step| done(step).unwrap_or_else(|error| json!(error.to_string()))).collect();
    structured(json!({ "results": results }))
}

fn done(step: &Value) -> Result<Value, Error> {
    let bucket = store::open("")?;
    let text = |index: usize| step[index].as_str().unwrap_or_default();
    let key = text(1);
    Ok(match text(0) {
        "increment" => json!(atomics::increment(&bucket, key, step[2].as_i64().unwrap_or_default())?),
        "increment-draft" => {
            let bucket = store_draft::open("").map_err(|error| Error::Other(error.to_string()))?;
            let sum = atomics_draft::increment(&bucket, key, step[2].as_u64().unwrap_or_default());
            json!(sum.map_err(|error| Error::Other(error.to_string()))?)
        }
        "set" => json!(bucket.set(key, text(2).as_bytes())?),
        "swap" => swapped(&bucket, key, text(2), step[3].as_str())?,
        "count" => {
            for _ in 0..step[2].as_u64().unwrap_or_default() {
                atomics::increment(&bucket, key, 1)?;
                add_one(&bucket, &format!("{key} swapped"))?;
            }
            Value::Null
        }
        other => json!(format!("no step {other:?}")),
    })
}

fn current(cas: &Cas) -> Result<Value, Error> {
    Ok(cas.current()?.map_or(Value::Null, |value| json!(String::from_utf8_lossy(&value))))
}

/// What was seen, and what stood in the way of the swap.
fn swapped(bucket: &Bucket, key: &str, value: &str, meanwhile: Option<&str>) -> Result<Value, Error> {
    let cas = Cas::new(bucket, key)?;
    let seen = current(&cas)?;
    if let Some(meanwhile) = meanwhile {
        bucket.set(key, meanwhile.as_bytes())?;
    }
    match atomics::swap(cas, value.as_bytes()) {
        Ok(()) => Ok(json!([seen])),
        Err(CasError::CasFailed(newer)) => {
            // The new handle is of what is there now.
            atomics::swap(newer, value.as_bytes()).map_err(|error| Error::Other(error.to_string()))?;
            Ok(json!([seen, "failed, then swapped"]))
        }
        Err(CasError::StoreError(error)) => Err(error),
    }
}

fn add_one(bucket: &Bucket, key: &str) -> Result<(), Error> {
    let mut cas = Cas::new(bucket, key)?;
    loop {
        let number: u64 =
            cas.current()?.and_then(|value| str::from_utf8(&value).ok()?.parse().ok()).unwrap_or_default();
        match atomics::swap(cas, (number + 1).to_string().as_bytes()) {
            Ok(()) => return Ok(()),
            Err(CasError::CasFailed(newer)) => cas = newer,
            Err(CasError::StoreError(error)) => return Err(error),
        }
    }
}
