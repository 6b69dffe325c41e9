//! Exports a function that fetches a page by `wasi:http`, in a future that an executor over `wasi:io/poll` runs.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use wasip2::{
    http::{
        outgoing_handler::handle,
        types::{Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingRequest, Scheme},
    },
    io::streams::StreamError,
};

#[allow(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package test:web@0.3.0-alpha.1;
            interface pages {
                record page { status: u16, body: string }
                fetch: func(url: string) -> result<page, string>;
            }
            world web { export pages; }
        ",
    });
}

use bindings::exports::test::web::pages::{Guest, Page};

/// The component.
pub struct Program;

impl Guest for Program {
    fn fetch(url: String) -> Result<Page, String> {
        let mut sent = pin!(send(&url));
        loop {
            if let Poll::Ready(response) = sent.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return read(&response?);
            }
        }
    }
}

async fn send(url: &str) -> Result<IncomingResponse, String> {
    let request = OutgoingRequest::new(Fields::new());
    let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    request.set_method(&Method::Get).map_err(|()| "no method")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "no scheme")?;
    request.set_authority(Some(authority)).map_err(|()| "no authority")?;
    request.set_path_with_query(Some(&format!("/{path}"))).map_err(|()| "no path")?;
    let answer = handle(request, None).map_err(|error| format!("not sent: {error:?}"))?;
    std::future::poll_fn(|_| poll(&answer)).await
}

/// Blocks where it would be pending: there is nothing else to do in the meantime.
fn poll(answer: &FutureIncomingResponse) -> Poll<Result<IncomingResponse, String>> {
    match answer.get() {
        Some(Ok(Ok(response))) => Poll::Ready(Ok(response)),
        Some(Ok(Err(error))) => Poll::Ready(Err(format!("no answer: {error:?}"))),
        Some(Err(())) => Poll::Ready(Err("taken before".to_owned())),
        None => {
            answer.subscribe().block();
            Poll::Pending
        }
    }
}

fn read(response: &IncomingResponse) -> Result<Page, String> {
    let body = response.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(piece) => bytes.extend(piece),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(format!("cut: {error:?}")),
        }
    }
    Ok(Page { status: response.status(), body: String::from_utf8_lossy(&bytes).into_owned() })
}

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "the exports are generated")]
const _: () = {
    bindings::export!(Program with_types_in bindings);
};
