//! Keeps things from one call to the next.

use toolcell_test_programs::{Answer, ToolError, Value, cache, json, plugin, structured, tool};

plugin!(
    tool(
        "cached",
        "Sets `flood` (0) keys, numbered `from` (0), to `bytes` (10) bytes, then takes each of `steps`: [\"get\", KEY], \
         [\"set\", KEY, VALUE, MILLISECONDS] or [\"delete\", KEY]; a number as VALUE is so many bytes. A failure is passed on; \
         with `swallow` its code stands for what the step gives, and with `crash` it panics."
    ),
    cached
);

fn cached(arguments: &Value) -> Answer {
    let bytes = arguments["bytes"].as_u64().unwrap_or(10);
    let from = arguments["from"].as_u64().unwrap_or(0);
    let mut flood = from..from + arguments["flood"].as_u64().unwrap_or(0);
    let set = |number| cache::set(&format!("flood {number}"), &filling(bytes), 60_000).map_err(Box::new);
    let flooded = flood.try_for_each(set);
    let mut results = Vec::new();
    let steps = arguments["steps"].as_array().into_iter().flatten().map(step);
    for result in flooded.err().map(Err).into_iter().chain(steps) {
        match result {
            Ok(result) => results.push(result),
            Err(error) if arguments["swallow"] == true => results.push(json!(error.code)),
            Err(_) if arguments["crash"] == true => panic!("no cache"),
            Err(error) => return Err(Box::new(passed_on(*error))),
        }
    }
    structured(json!({"results": results}))
}

fn step(step: &Value) -> Result<Value, Box<cache::HostError>> {
    let key = step[1].as_str().unwrap_or_default();
    let result = match step[0].as_str() {
        Some("get") => cache::get(key).map(|found| match found {
            Some(entry) => json!({"value": shown(&entry.value), "age_ms": entry.age_ms}),
            None => Value::Null,
        }),
        Some("set") => {
            let value = match &step[2] {
                Value::String(text) => text.as_bytes().to_vec(),
                bytes => filling(bytes.as_u64().unwrap_or(0)),
            };
            cache::set(key, &value, step[3].as_u64().unwrap_or(0)).map(|()| json!("set"))
        }
        _ => cache::delete(key).map(|()| json!("deleted")),
    };
    result.map_err(Box::new)
}

fn passed_on(error: cache::HostError) -> ToolError {
    ToolError {
        code: error.code,
        message: error.message,
        likely_causes: error.likely_causes,
        check_first: Some(error.check_first),
        retryable: error.retryable,
        extra: error.extra,
    }
}

fn filling(bytes: u64) -> Vec<u8> {
    vec![b'x'; usize::try_from(bytes).unwrap_or(usize::MAX)]
}

/// What is long is shown by its length.
fn shown(value: &[u8]) -> Value {
    if value.len() > 100 { json!(value.len()) } else { json!(String::from_utf8_lossy(value)) }
}
