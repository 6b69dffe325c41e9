//! A client of the newer era that keeps one HTTP/1.1 connection, as plain and as cheap as it can be.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A client of the server at one address.
pub struct HttpClient {
    /// Host and port.
    authority: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// A call as it is sent, made beforehand.
#[derive(Clone)]
pub struct Prepared {
    tool: &'static str,
    body: Bytes,
}

impl Prepared {
    /// A call of the newer era (MCP 2026-07-28, basic, `_meta`).
    pub fn new(tool: &'static str, arguments: &Value) -> Self {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "plain", "version": "1"},
        });
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        Self { tool, body: Bytes::from(body.to_string()) }
    }
}

impl HttpClient {
    pub fn new(authority: &str) -> Self {
        Self { authority: authority.to_owned(), connection: None }
    }

    /// Sends a call over the connection that is there, or a new one, and reads the whole response.
    ///
    /// # Errors
    ///
    /// What went wrong with the connection; the next call opens another.
    pub async fn call(&mut self, call: &Prepared) -> Result<Response<Bytes>, String> {
        let request = Request::post("/mcp")
            .header("host", &self.authority)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", call.tool)
            .body(Full::new(call.body.clone()))
            .map_err(|error| error.to_string())?;
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        connection.ready().await.map_err(|error| error.to_string())?;
        let response = connection.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        self.connection = Some(connection);
        Ok(Response::from_parts(head, body))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
