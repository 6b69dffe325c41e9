//! Sends one request through the contract's `http`.

use toolcell_test_programs::{Answer, Value, failed, http, json, plugin, structured, text, tool};

plugin!(
    tool(
        "fetches",
        "Sends GET to `url` within `timeout_ms`. A failure is passed on; `swallow` hides it, `crash` panics."
    ),
    fetches
);

fn fetches(arguments: &Value) -> Answer {
    let request = http::Request {
        method: arguments["method"].as_str().unwrap_or("GET").to_owned(),
        url: arguments["url"].as_str().unwrap_or_default().to_owned(),
        headers: Vec::new(),
        body: arguments["body"].as_str().map(|body| body.as_bytes().to_vec()),
        timeout_ms: arguments["timeout_ms"].as_u64().and_then(|ms| u32::try_from(ms).ok()),
        extra: None,
    };
    match http::send(&request) {
        Ok(response) => structured(json!({
            "status": response.status,
            "headers": response.headers,
            "body": String::from_utf8_lossy(&response.body),
        })),
        Err(_) if arguments["swallow"] == true => text("nothing found"),
        Err(_) if arguments["crash"] == true => panic!("no answer"),
        Err(error) => failed(&error.code, error.message),
    }
}
