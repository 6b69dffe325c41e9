//! Sends one request through `wasi:http`.

use toolcell_test_programs::{Answer, Value, failed, json, plugin, structured, text, tool};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{ErrorCode, Fields, IncomingResponse, OutgoingRequest, Scheme};

plugin!(tool("wasihttp", "Sends GET to `url`. A failure is passed on; `swallow` hides it, `crash` panics."), wasihttp);

fn wasihttp(arguments: &Value) -> Answer {
    match get(arguments["url"].as_str().unwrap_or_default()) {
        Ok((status, body)) => structured(json!({ "status": status, "body": body })),
        Err(_) if arguments["swallow"] == true => text("nothing found"),
        Err(_) if arguments["crash"] == true => panic!("no answer"),
        Err(error) => failed("wasi_http", format!("{error:?}")),
    }
}

fn get(url: &str) -> Result<(u16, String), ErrorCode> {
    let (scheme, rest) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    let accepted = request
        .set_scheme(Some(&if scheme == "https" { Scheme::Https } else { Scheme::Http }))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })));
    accepted.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;

    let future = handle(request, None)?;
    future.subscribe().block();
    let response = future.get().expect("the future is ready").expect("the response is taken once")?;
    Ok((response.status(), read(&response)))
}

fn read(response: &IncomingResponse) -> String {
    let body = response.consume().expect("the body is taken once");
    let stream = body.stream().expect("the stream is taken once");
    let mut bytes = Vec::new();
    while let Ok(part) = stream.blocking_read(65_536) {
        bytes.extend(part);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
