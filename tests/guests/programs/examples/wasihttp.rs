//! Sends requests through `wasi:http`.

use toolcell_test_programs::{Answer, Value, failed, json, plugin, structured, text, tool};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};

plugin!(
    tool(
        "wasihttp",
        "Sends GET to `url`; with `at_once` so many at the same time; with `announced` POST with a body of 5 bytes that \
         is said to have so many. A failure is passed on; `swallow` hides it, `crash` panics."
    ),
    wasihttp
);

fn wasihttp(arguments: &Value) -> Answer {
    let url = arguments["url"].as_str().unwrap_or_default();
    let answered = match (arguments["at_once"].as_u64(), arguments["announced"].as_u64()) {
        (Some(requests), _) => at_once(url, requests),
        (_, Some(length)) => post(url, length),
        _ => get(url),
    };
    match answered {
        Ok((status, body)) => structured(json!({ "status": status, "body": body })),
        Err(_) if arguments["swallow"] == true => text("nothing found"),
        Err(_) if arguments["crash"] == true => panic!("no answer"),
        Err(error) => failed("wasi_http", format!("{error:?}")),
    }
}

fn get(url: &str) -> Result<(u16, String), ErrorCode> {
    answer(&handle(request(url, Fields::new())?, None)?)
}

/// The last of the answers, when all have come.
fn at_once(url: &str, requests: u64) -> Result<(u16, String), ErrorCode> {
    let sent: Result<Vec<_>, _> = (0..requests).map(|_| handle(request(url, Fields::new())?, None)).collect();
    let answers: Result<Vec<_>, _> = sent?.into_iter().map(|future| answer(&future)).collect();
    Ok(answers?.pop().unwrap_or_default())
}

fn post(url: &str, length: u64) -> Result<(u16, String), ErrorCode> {
    let fields = Fields::new();
    fields.append("content-length", length.to_string().as_bytes()).map_err(|_| ErrorCode::HttpProtocolError)?;
    let request = request(url, fields)?;
    request.set_method(&Method::Post).map_err(|()| ErrorCode::HttpRequestMethodInvalid)?;
    let body = request.body().expect("the body is taken once");
    let future = handle(request, None)?;
    let stream = body.write().expect("the stream is taken once");
    // What the host does not take it says with the answer.
    let _ = stream.blocking_write_and_flush(b"hello");
    drop(stream);
    OutgoingBody::finish(body, None)?;
    answer(&future)
}

fn request(url: &str, fields: Fields) -> Result<OutgoingRequest, ErrorCode> {
    let (scheme, rest) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(fields);
    let accepted = request
        .set_scheme(Some(&if scheme == "https" { Scheme::Https } else { Scheme::Http }))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })));
    accepted.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    Ok(request)
}

fn answer(future: &FutureIncomingResponse) -> Result<(u16, String), ErrorCode> {
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
