//! A call of a tool in the newer era that wants its result and nothing on the way to it: most of what comes.
//!
//! It is answered without rmcp, which decodes the body once more and serves each request as a connection of its own: that is more
//! than half of what a call over HTTP costs (`benches/http.rs`). Whatever is odd about a request is rmcp's to judge.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response, header::ACCEPT, header::CONTENT_TYPE, request::Parts};
use http_body_util::{BodyExt, Full};
use rmcp::model::{
    CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, ErrorData, GetExtensions, JsonRpcError, JsonRpcMessage,
    ProtocolVersion, RequestId, RequestMetaObject,
};

use super::{
    answer::{Answer, JSON, refused},
    endpoint::BOTH,
};
use crate::{
    call::Call,
    host::Host,
    mcp::server::{called, carried},
    user::User,
};

const VERSION: ProtocolVersion = ProtocolVersion::V_2026_07_28;

/// A call that was found to be plain.
pub(super) struct PlainCall {
    id: RequestId,
    meta: RequestMetaObject,
    params: CallToolRequestParams,
}

impl PlainCall {
    /// The call in the message, where its headers say what its body says (MCP 2026-07-28, basic/transports, standard request
    /// headers), no progress is wanted, and the user may call such a tool, which repeats none of its arguments in headers.
    pub(super) fn of(message: ClientJsonRpcMessage, headers: &HeaderMap, host: &Host, user: &User) -> Option<Self> {
        let JsonRpcMessage::Request(request) = message else { return None };
        let (id, ClientRequest::CallToolRequest(mut call)) = (request.id, request.request) else { return None };
        let meta: RequestMetaObject = call.extensions_mut().remove()?;
        let params = call.params;
        let repeats = |header: &str, value: &str| {
            let mut values = headers.get_all(header).iter();
            values.next().is_some_and(|first| first == value) && values.next().is_none()
        };
        let is_plain = repeats("mcp-protocol-version", VERSION.as_str())
            && repeats("mcp-method", "tools/call")
            && repeats("mcp-name", &params.name)
            && takes_both(headers)
            && meta.get_progress_token().is_none()
            // All that the version requires of `_meta`.
            && meta.protocol_version() == Some(VERSION)
            && meta.client_capabilities().is_some()
            && host.catalog().of(user).get(&params.name).is_some_and(|tool| !tool.repeats_arguments());
        is_plain.then_some(Self { id, meta, params })
    }

    /// Makes the call. Dropping the future cancels it.
    pub(super) async fn answer(self, host: &Host, user: Arc<User>, request: &Parts) -> Answer {
        let Self { id, meta, params } = self;
        let trace = host.begin_trace(&params.name, || carried(Some(request), &meta, &id, &VERSION));
        let answered = called(host, params, Call { trace, ..Call::of(user) }).await;
        let json = answered.and_then(|answered| {
            answered.response(&id).map_err(|error| ErrorData::internal_error(error.to_string(), None))
        });
        match json {
            Ok(json) => {
                let mut answer = Response::new(Full::from(json).boxed());
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
                answer
            }
            Err(error) => refused(&JsonRpcError::new(Some(id), error)),
        }
    }
}

/// Whether the client names both types that an answer can have, as it has to, and says no more of them.
fn takes_both(headers: &HeaderMap) -> bool {
    if headers.get(ACCEPT).is_some_and(|accepted| accepted == BOTH) {
        return true;
    }
    let named = |wanted: &str| {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|range| range.trim().eq_ignore_ascii_case(wanted))
    };
    named(JSON) && named("text/event-stream")
}
