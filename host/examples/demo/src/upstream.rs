//! A server on this machine that answers as the APIs do that plugins ask.

use std::{convert::Infallible, fs, net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::setup;

/// One of the examples that a plugin is tested with: a call and what servers answer to it.
#[derive(Deserialize)]
pub(crate) struct Example {
    pub(crate) arguments: Value,
    upstream: Vec<Exchange>,
}

#[derive(Deserialize, Clone)]
struct Exchange {
    url: String,
    status: u16,
    body: Value,
}

/// Reads an example of a plugin.
pub(crate) fn example(plugin: &str, name: &str) -> Result<Example> {
    let path = setup::repository().join(format!("plugins/{plugin}/examples/{name}.json"));
    let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no example", path.display()))
}

/// The server. It ends with the program.
pub(crate) struct Upstream(SocketAddr);

impl Upstream {
    /// Answers requests for the URLs of the examples, byte for byte but for the server, and any other with status 404.
    pub(crate) async fn start(examples: &[&Example]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let exchanges: Arc<[Exchange]> = examples.iter().flat_map(|example| example.upstream.clone()).collect();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let exchanges = Arc::clone(&exchanges);
                let answer = service_fn(move |request| {
                    let response = answer(&exchanges, &request);
                    async move { Ok::<_, Infallible>(response) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), answer));
            }
        });
        Ok(Self(address))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0
    }
}

fn answer(exchanges: &[Exchange], request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let uri = request.uri().to_string();
    let found = exchanges.iter().find(|exchange| exchange.url.splitn(4, '/').nth(3) == uri.strip_prefix('/'));
    let (status, body) = found.map_or((404, Value::Null), |exchange| (exchange.status, exchange.body.clone()));
    let (kind, body) = match body {
        Value::String(feed) => ("application/atom+xml", feed),
        json => ("application/json", json.to_string()),
    };
    let response = Response::builder().status(status).header("content-type", kind);
    response.body(Full::from(body)).expect("the status of an example is one of HTTP's")
}
