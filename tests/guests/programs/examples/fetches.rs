//! Sends requests through the contract's `http`.

use toolcell_test_programs::{Answer, Value, failed, http, json, plugin, structured, text, tool};

plugin!(
    tool(
        "fetches",
        "Sends `method` (GET) to `url` with `headers` (pairs) and `body` within `timeout_ms`, `times` (1) times; with \
         `follow` also where a redirect leads. A failure is passed on; `swallow` hides it, `crash` panics."
    ),
    fetches
);

fn fetches(arguments: &Value) -> Answer {
    let times = arguments["times"].as_u64().unwrap_or(1);
    let answers = (0..times).map(|_| send(arguments)).collect::<Result<Vec<_>, _>>();
    match answers.map(|mut answers| answers.pop()) {
        Ok(Some(response)) => structured(json!({
            "status": response.status,
            "headers": response.headers,
            "body": String::from_utf8_lossy(&response.body),
        })),
        Ok(None) => text("nothing sent"),
        Err(_) if arguments["swallow"] == true => text("nothing found"),
        Err(_) if arguments["crash"] == true => panic!("no answer"),
        Err(error) => failed(&error.code, &error.message),
    }
}

fn send(arguments: &Value) -> Result<http::Response, Box<http::Error>> {
    let mut request = http::Request {
        method: arguments["method"].as_str().unwrap_or("GET").to_owned(),
        url: arguments["url"].as_str().unwrap_or_default().to_owned(),
        headers: arguments["headers"].as_array().into_iter().flatten().map(pair).collect(),
        body: arguments["body"].as_str().map(|body| body.as_bytes().to_vec()),
        timeout_ms: arguments["timeout_ms"].as_u64().and_then(|ms| u32::try_from(ms).ok()),
        extra: None,
    };
    loop {
        let response = http::send(&request).map_err(Box::new)?;
        let location = response.headers.iter().find(|(name, _)| name == "location");
        match location {
            Some((_, location)) if arguments["follow"] == true => request.url.clone_from(location),
            _ => return Ok(response),
        }
    }
}

fn pair(pair: &Value) -> (String, String) {
    let part = |index: usize| pair[index].as_str().unwrap_or_default().to_owned();
    (part(0), part(1))
}
