//! Bytes into a message: a line of stdio, or the body of a request over HTTP.

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcError,
    ListToolsRequest, PaginatedRequestParams, RequestId,
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{error::Category, value::RawValue};

use crate::text;

/// Characters of a JSON error that are shown: it can quote the message.
const PROBLEM_LENGTH: usize = 200;

/// The message in the text; `None` if it needs no answer and means nothing to a server; or the error to answer with. The
/// answer names the request's id where it can be read, and has none otherwise (MCP 2026-07-28, basic, error responses).
pub(super) fn decode(line: &[u8]) -> Result<Option<ClientJsonRpcMessage>, JsonRpcError> {
    let refuse = |error| JsonRpcError::new(None, error);
    let line = std::str::from_utf8(line).map_err(|error| {
        refuse(ErrorData::parse_error(format!("the message is not UTF-8 from byte {} on", error.valid_up_to()), None))
    })?;
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let envelope = serde_json::from_str::<Envelope>(line).map_err(|error| refuse(not_an_envelope(line, &error)))?;
    if envelope.jsonrpc.is_none_or(|version| version.get() != "\"2.0\"") {
        return Err(refuse(ErrorData::invalid_request("a message has \"jsonrpc\": \"2.0\"", None)));
    }
    let Some(id) = envelope.id else { return notification(line, &envelope).map_err(refuse) };
    let id = serde_json::from_str::<RequestId>(id.get())
        .map_err(|_| refuse(ErrorData::invalid_request("the id of a request is a string or an integer", None)))?;
    match request(line, &envelope, &id) {
        Ok(request) => Ok(request.map(|request| ClientJsonRpcMessage::request(request, id))),
        Err(error) => Err(JsonRpcError::new(Some(id), error)),
    }
}

/// The members of a JSON-RPC message, unread: what each means depends on the others.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl Envelope<'_> {
    fn is_response(&self) -> bool {
        self.result.is_some() || self.error.is_some()
    }
}

/// `null` is there: a request with that id wants an answer, which a notification does not.
fn present<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The request, or `None` for a response: this server asks its clients nothing.
fn request(line: &str, envelope: &Envelope, id: &RequestId) -> Result<Option<ClientRequest>, ErrorData> {
    match envelope.method {
        Some(method) if method.get() == "\"tools/call\"" => call(envelope.params).map(Some),
        Some(method) if method.get() == "\"tools/list\"" => list(envelope.params).map(Some),
        Some(_) => {
            let message = serde_json::from_str::<ClientJsonRpcMessage>(line).map_err(|error| problem(&error))?;
            let request = message.into_request().filter(|(_, read)| read == id);
            Ok(Some(request.ok_or_else(neither)?.0))
        }
        None if envelope.is_response() => Ok(None),
        None => Err(neither()),
    }
}

/// The notification, or `None` for one that cannot be read: notifications are not answered.
fn notification(line: &str, envelope: &Envelope) -> Result<Option<ClientJsonRpcMessage>, ErrorData> {
    if envelope.method.is_none() && !envelope.is_response() {
        return Err(neither());
    }
    let message = serde_json::from_str::<ClientJsonRpcMessage>(line);
    Ok(message.ok().filter(|message| matches!(message, ClientJsonRpcMessage::Notification(_))))
}

/// Decodes what nearly all requests are, without trying every other message first as rmcp's own types do: more than a third
/// of rmcp's time goes there (measured with 3.11).
fn call(params: Option<&RawValue>) -> Result<ClientRequest, ErrorData> {
    let mut params: CallToolRequestParams = read("tools/call", params)?;
    let meta = params.meta.take();
    let mut request = CallToolRequest::new(params);
    // Where rmcp looks for it.
    meta.map(|meta| request.extensions.insert(meta));
    Ok(ClientRequest::CallToolRequest(request))
}

/// rmcp's own types take parameters that they cannot read for none at all.
fn list(params: Option<&RawValue>) -> Result<ClientRequest, ErrorData> {
    let mut params: PaginatedRequestParams = read("tools/list", params)?;
    let meta = params.meta.take();
    let mut request = ListToolsRequest::with_param(params);
    meta.map(|meta| request.extensions.insert(meta));
    Ok(ClientRequest::ListToolsRequest(request))
}

fn read<T: DeserializeOwned>(method: &str, params: Option<&RawValue>) -> Result<T, ErrorData> {
    let params = params.map_or("{}", RawValue::get);
    if !params.starts_with('{') {
        // Serde would read an array as the fields in their order.
        return Err(ErrorData::invalid_params(format!("params of {method}: expected an object"), None));
    }
    serde_json::from_str(params).map_err(|error| match error.classify() {
        Category::Data => ErrorData::invalid_params(format!("params of {method}: {}", shown(&error)), None),
        _ => problem(&error),
    })
}

fn not_an_envelope(line: &str, error: &serde_json::Error) -> ErrorData {
    if error.classify() == Category::Data && line.trim_ascii_start().starts_with('[') {
        return ErrorData::invalid_request("batches are not taken: send each message by itself", None);
    }
    problem(error)
}

fn problem(error: &serde_json::Error) -> ErrorData {
    let shown = shown(error);
    match error.classify() {
        Category::Data => ErrorData::invalid_request(format!("the message is no JSON-RPC: {shown}"), None),
        _ => ErrorData::parse_error(format!("the message is no JSON that can be read: {shown}"), None),
    }
}

fn neither() -> ErrorData {
    ErrorData::invalid_request("a message has a \"method\", or else a \"result\" or an \"error\"", None)
}

fn shown(error: &serde_json::Error) -> String {
    text::shown(&error.to_string(), PROBLEM_LENGTH)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A message for comparing: no params, `null` and an empty object mean the same.
    fn shape(message: &ClientJsonRpcMessage) -> Value {
        let mut shape = serde_json::to_value(message).unwrap();
        let params = shape.as_object_mut().unwrap().entry("params").or_insert_with(|| json!({}));
        if params.is_null() {
            *params = json!({});
        }
        shape
    }

    /// The short way gives what rmcp's own, longer way gives.
    #[test]
    fn requests_decode_as_rmcp_decodes_them() {
        for line in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":[1.5,"x",null]}}}"#,
            r#"{"method":"tools/call","params":{"_meta":{"progressToken":"t","x":1},"name":"n"},"id":"one","jsonrpc":"2.0"}"#,
            r#" { "jsonrpc" : "2.0" , "id" : 7 , "method" : "tools/list" } "#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"c","_meta":{"progressToken":5}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"name":"escaped"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"of/somebody/else","params":{"x":1}}"#,
        ] {
            let ours = decode(line.as_bytes()).unwrap().expect(line);
            let theirs: ClientJsonRpcMessage = serde_json::from_str(line).unwrap();
            assert_eq!(shape(&ours), shape(&theirs), "{line}");
        }
        let line =
            br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"n","_meta":{"progressToken":"t"}}}"#;
        let (request, _) = decode(line).unwrap().unwrap().into_request().unwrap();
        let ClientRequest::CallToolRequest(call) = request else { panic!("not a call") };
        let meta = call.extensions.get::<rmcp::model::RequestMetaObject>().expect("_meta where rmcp looks for it");
        assert!(meta.get_progress_token().is_some());
        assert!(call.params.meta.is_none());
    }
}
