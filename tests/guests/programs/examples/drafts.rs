//! Uses what is a draft still of WASI: configuration, key-value stores and log lines, under each of their names.

use toolcell_test_programs::{Answer, Value, json, plugin, structured, tool};

#[allow(clippy::pedantic, clippy::allow_attributes_without_reason, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package test:drafts;

            world drafts {
                import wasi:config/store@0.2.0-rc.1;
                import wasi:config/store@0.2.0-draft;
                import wasi:config/runtime@0.2.0-draft;
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import wasi:logging/logging;
                import wasi:logging/logging@0.1.0-draft;
            }

            package wasi:config@0.2.0-rc.1 {
                interface store {
                    variant error { upstream(string), io(string) }
                    get: func(key: string) -> result<option<string>, error>;
                    get-all: func() -> result<list<tuple<string, string>>, error>;
                }
            }

            package wasi:config@0.2.0-draft {
                interface store {
                    variant error { upstream(string), io(string) }
                    get: func(key: string) -> result<option<string>, error>;
                    get-all: func() -> result<list<tuple<string, string>>, error>;
                }
                interface runtime {
                    variant config-error { upstream(string), io(string) }
                    get: func(key: string) -> result<option<string>, config-error>;
                    get-all: func() -> result<list<tuple<string, string>>, config-error>;
                }
            }

            package wasi:keyvalue@0.2.0-draft {
                interface store {
                    variant error { no-such-store, access-denied, other(string) }
                    record key-response { keys: list<string>, cursor: option<u64> }
                    open: func(identifier: string) -> result<bucket, error>;
                    resource bucket {
                        get: func(key: string) -> result<option<list<u8>>, error>;
                        set: func(key: string, value: list<u8>) -> result<_, error>;
                        delete: func(key: string) -> result<_, error>;
                        exists: func(key: string) -> result<bool, error>;
                        list-keys: func(cursor: option<u64>) -> result<key-response, error>;
                    }
                }
                interface batch {
                    use store.{bucket, error};
                    get-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<list<option<tuple<string, list<u8>>>>, error>;
                    set-many: func(bucket: borrow<bucket>, key-values: list<tuple<string, list<u8>>>) -> result<_, error>;
                    delete-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<_, error>;
                }
            }

            package wasi:keyvalue@0.2.0-draft2 {
                interface store {
                    variant error { no-such-store, access-denied, other(string) }
                    record key-response { keys: list<string>, cursor: option<string> }
                    open: func(identifier: string) -> result<bucket, error>;
                    resource bucket {
                        get: func(key: string) -> result<option<list<u8>>, error>;
                        set: func(key: string, value: list<u8>) -> result<_, error>;
                        delete: func(key: string) -> result<_, error>;
                        exists: func(key: string) -> result<bool, error>;
                        list-keys: func(cursor: option<string>) -> result<key-response, error>;
                    }
                }
                interface batch {
                    use store.{bucket, error};
                    get-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<list<tuple<string, option<list<u8>>>>, error>;
                    set-many: func(bucket: borrow<bucket>, key-values: list<tuple<string, list<u8>>>) -> result<_, error>;
                    delete-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<_, error>;
                }
            }

            package wasi:logging {
                interface logging {
                    enum level { trace, debug, info, warn, error, critical }
                    log: func(level: level, context: string, message: string);
                }
            }

            package wasi:logging@0.1.0-draft {
                interface logging {
                    enum level { trace, debug, info, warn, error, critical }
                    log: func(level: level, context: string, message: string);
                }
            }
        ",
        generate_all,
    });
}

use bindings::wasi::{
    config0_2_0_draft::{runtime, store as config_draft},
    config0_2_0_rc_1::store as config,
    keyvalue0_2_0_draft::{batch as batch_draft, store as store_draft},
    keyvalue0_2_0_draft2::{batch, store},
    logging::logging,
    logging0_1_0_draft::logging as logging_draft,
};

plugin!(
    tool(
        "drafts",
        "Reads the variable `variable` and all of them, keeps the value `value` in the bucket `bucket` and finds it again, and writes two log lines."
    ),
    drafts
);

fn drafts(arguments: &Value) -> Answer {
    let text = |name: &str| arguments[name].as_str().unwrap_or_default();
    logging::log(logging::Level::Critical, "context", "of the unversioned one");
    logging_draft::log(logging_draft::Level::Info, "", "of the draft");
    let variable = text("variable");
    structured(json!({
        "variable": [config::get(variable).ok(), config_draft::get(variable).ok(), runtime::get(variable).ok()],
        "variables": [config::get_all().ok(), config_draft::get_all().ok(), runtime::get_all().ok()],
        "draft": first(text("bucket"), text("value").as_bytes()).unwrap_or_else(|error| json!(error.to_string())),
        "draft2": second(text("bucket"), text("value").as_bytes()).unwrap_or_else(|error| json!(error.to_string())),
    }))
}

fn shown(value: Option<&Vec<u8>>) -> Value {
    value.map_or(Value::Null, |value| json!(String::from_utf8_lossy(value)))
}

/// What the first draft finds, step by step.
fn first(bucket: &str, value: &[u8]) -> Result<Value, store_draft::Error> {
    let bucket = store_draft::open(bucket)?;
    bucket.set("a", value)?;
    batch_draft::set_many(&bucket, &[("b".to_owned(), value.to_vec())])?;
    let many = batch_draft::get_many(&bucket, &["a".to_owned(), "none".to_owned()])?;
    let many: Vec<_> = many.iter().map(|found| shown(found.as_ref().map(|(_, value)| value))).collect();
    let found = (shown(bucket.get("a")?.as_ref()), bucket.exists("b")?);
    bucket.delete("a")?;
    batch_draft::delete_many(&bucket, &["b".to_owned()])?;
    let left = (bucket.exists("a")?, bucket.exists("b")?);
    let listed = bucket.list_keys(None).map(|keys| keys.keys.len()).map_err(|error| error.to_string());
    Ok(json!({"found": found, "many": many, "left": left, "listed": listed.is_ok()}))
}

/// The same in the second.
fn second(bucket: &str, value: &[u8]) -> Result<Value, store::Error> {
    let bucket = store::open(bucket)?;
    bucket.set("a", value)?;
    batch::set_many(&bucket, &[("b".to_owned(), value.to_vec())])?;
    let many = batch::get_many(&bucket, &["a".to_owned(), "none".to_owned()])?;
    let many: Vec<_> = many.iter().map(|(_, value)| shown(value.as_ref())).collect();
    let found = (shown(bucket.get("a")?.as_ref()), bucket.exists("b")?);
    bucket.delete("a")?;
    batch::delete_many(&bucket, &["b".to_owned()])?;
    let left = (bucket.exists("a")?, bucket.exists("b")?);
    let listed = bucket.list_keys(None).map(|keys| keys.keys.len()).map_err(|error| error.to_string());
    Ok(json!({"found": found, "many": many, "left": left, "listed": listed.is_ok()}))
}
