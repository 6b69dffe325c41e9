//! The contract's `http` on top of the sender.

use std::time::Duration;

use super::{BufferedRequest, SendError};
use crate::sandbox::{bindings::toolcell::plugin::http, convert::host_error, state::CallState};

impl http::Host for CallState {
    async fn send(&mut self, request: http::Request) -> Result<http::Response, http::Error> {
        let request = BufferedRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeout: request.timeout_ms.map(|milliseconds| Duration::from_millis(milliseconds.into())),
        };
        let response = self.egress.send_buffered(request).await?;
        Ok(http::Response { status: response.status, headers: response.headers, body: response.body, extra: None })
    }
}

impl From<SendError> for http::Error {
    fn from(error: SendError) -> Self {
        host_error(error.code(), error.parts())
    }
}
