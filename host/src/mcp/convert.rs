//! From what the host knows to what the protocol carries: tools, and the outcome of a call.

use std::sync::{Arc, LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rmcp::model::{
    CallToolResult, ContentBlock, EmbeddedResource, JsonObject, JsonRpcResponse, JsonRpcVersion2_0, MetaObject,
    ProtocolVersion, RequestId, Resource, ResourceContents, ResultType, Tool as McpTool, ToolAnnotations,
};
use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    failure::{self, Report},
    outcome::{Blob, Content, Contents, Outcome, Output},
    plugin::{Tool, View},
    receipt::Receipt,
    text,
};

/// Where a failed result carries the failure as JSON; its text is the same for a model to read.
const ERROR_KEY: &str = "toolcell/error";
/// Where every result carries what the call did: time, memory, servers.
const RECEIPT_KEY: &str = "toolcell/receipt";
/// Where every result of the newer era says which program it is from (MCP 2026-07-28, basic, `_meta`).
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

static SERVER: LazyLock<Value> =
    LazyLock::new(|| serde_json::json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }));

/// The tools that a user may call, in the catalog's order.
pub(super) fn tools(view: View<'_>) -> Vec<McpTool> {
    view.tools().map(|tool| mcp_tool(tool)).collect()
}

/// One tool, as lists have it.
pub(super) fn mcp_tool(tool: &Tool) -> McpTool {
    let hints = tool.hints();
    // Clients of 2025-03-26 read the title from the annotations. All hints are set: left out, they would mean the worst.
    let annotations = ToolAnnotations::with_title(tool.title())
        .read_only(hints.read_only)
        .destructive(hints.destructive)
        .idempotent(hints.idempotent)
        .open_world(hints.open_world);
    let mut mcp_tool =
        McpTool::new(tool.name().to_owned(), tool.description().to_owned(), Arc::clone(tool.input_schema()));
    mcp_tool.title = Some(tool.title().to_owned());
    mcp_tool.output_schema = tool.output_schema().map(Arc::clone);
    mcp_tool.annotations = Some(annotations);
    mcp_tool
}

/// The result of a call. A failure is a result too: the model has to read it, and clients do not show it protocol errors.
pub(super) struct Answered {
    content: Vec<ContentBlock>,
    structured: Option<Value>,
    /// The structured value as its content has it, where the tool wrote none.
    text: Option<Box<RawValue>>,
    report: Option<Report>,
    receipt: Receipt,
}

impl Answered {
    /// What came of a call of `tool`.
    pub(super) fn of(tool: &str, Outcome { result, receipt }: Outcome) -> Self {
        let mut answered = Self { content: Vec::new(), structured: None, text: None, report: None, receipt };
        match result {
            Ok(output) => answered.add(output),
            Err(failure) => {
                let report = failure.report(tool, &answered.receipt);
                answered.content.push(ContentBlock::text(visible(report.text())));
                answered.report = Some(report);
            }
        }
        answered
    }

    fn add(&mut self, Output { content, structured }: Output) {
        self.content.extend(content.into_iter().map(block));
        if self.content.is_empty()
            && let Some(structured) = &structured
        {
            // For clients that read content only (MCP 2025-11-25, server/tools, structured content).
            self.text = to_raw_value(structured).ok();
            let text = self.text.as_ref().map(|text| text.get().to_owned()).unwrap_or_default();
            self.content.push(ContentBlock::text(visible(text)));
        }
        // A plugin can keep a refusal to itself; the host does not.
        self.content.extend(failure::seen_beside(&self.receipt).map(|seen| ContentBlock::text(visible(seen))));
        self.structured = structured;
    }

    /// As rmcp takes it.
    pub(super) fn into_rmcp(self, version: &ProtocolVersion) -> CallToolResult {
        let Self { content, structured, report, receipt, .. } = self;
        let mut meta = identity(version).unwrap_or_default();
        meta.insert(RECEIPT_KEY.to_owned(), json(&receipt));
        if let Some(report) = &report {
            meta.insert(ERROR_KEY.to_owned(), json(report));
        }
        let mut result = match report {
            Some(_) => CallToolResult::error(content),
            None => CallToolResult::success(content),
        };
        result.structured_content = structured;
        result.meta = Some(meta);
        result
    }

    /// The whole response to the request `id` in the newer era. Short of rmcp's types, which would have the receipt as a tree
    /// of values first and the structured value written twice.
    pub(super) fn response(&self, id: &RequestId) -> serde_json::Result<Vec<u8>> {
        let structured = match (&self.text, &self.structured) {
            (Some(text), _) => Some(Structured::Text(text)),
            (None, value) => value.as_ref().map(Structured::Value),
        };
        let meta = Meta { server: &SERVER, error: self.report.as_ref(), receipt: &self.receipt };
        let result = Complete {
            result_type: ResultType::COMPLETE,
            content: &self.content,
            structured_content: structured,
            is_error: self.report.is_some(),
            meta,
        };
        // Most answers fit.
        let mut json = Vec::with_capacity(1 << 10);
        serde_json::to_writer(&mut json, &JsonRpcResponse { jsonrpc: JsonRpcVersion2_0, id: id.clone(), result })?;
        Ok(json)
    }
}

/// [`CallToolResult`] of the newer era.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Complete<'a> {
    result_type: ResultType,
    content: &'a [ContentBlock],
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Structured<'a>>,
    is_error: bool,
    #[serde(rename = "_meta")]
    meta: Meta<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Structured<'a> {
    Text(&'a RawValue),
    Value(&'a Value),
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server: &'a Value,
    #[serde(rename = "toolcell/error", skip_serializing_if = "Option::is_none")]
    error: Option<&'a Report>,
    #[serde(rename = "toolcell/receipt")]
    receipt: &'a Receipt,
}

/// What goes into the `_meta` of every result in the newer era.
pub(super) fn identity(version: &ProtocolVersion) -> Option<MetaObject> {
    let entry = || (SERVER_KEY.to_owned(), SERVER.clone());
    (*version >= ProtocolVersion::V_2026_07_28).then(|| MetaObject(JsonObject::from_iter([entry()])))
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn block(content: Content) -> ContentBlock {
    match content {
        Content::Text(text) => ContentBlock::text(visible(text)),
        Content::Image(Blob { data, mime_type }) => ContentBlock::image(BASE64.encode(data), visible(mime_type)),
        Content::Audio(Blob { data, mime_type }) => ContentBlock::audio(BASE64.encode(data), visible(mime_type)),
        Content::Link { uri, name, description, mime_type } => {
            let mut link = Resource::new(visible(uri), visible(name));
            link.description = description.map(visible);
            link.mime_type = mime_type.map(visible);
            ContentBlock::ResourceLink(link)
        }
        Content::Embedded { uri, mime_type, contents } => {
            ContentBlock::Resource(EmbeddedResource::new(resource(visible(uri), mime_type.map(visible), contents)))
        }
        Content::Other(json) => other(json),
    }
}

fn resource(uri: String, mime_type: Option<String>, contents: Contents) -> ResourceContents {
    match contents {
        Contents::Text(text) => {
            ResourceContents::TextResourceContents { uri, mime_type, text: visible(text), meta: None }
        }
        Contents::Blob(data) => {
            ResourceContents::BlobResourceContents { uri, mime_type, blob: BASE64.encode(data), meta: None }
        }
    }
}

/// A block that the plugin wrote as MCP's own JSON. One of a kind that rmcp does not know is shown as its JSON text, so that
/// nothing is lost.
fn other(json: String) -> ContentBlock {
    let Ok(mut block) = serde_json::from_str(&json) else { return ContentBlock::text(visible(json)) };
    make_visible(&mut block);
    ContentBlock::deserialize(&block).unwrap_or_else(|_| ContentBlock::text(block.to_string()))
}

fn make_visible(json: &mut Value) {
    match json {
        Value::String(text) => *text = visible(std::mem::take(text)),
        Value::Array(items) => items.iter_mut().for_each(make_visible),
        Value::Object(fields) => fields.values_mut().for_each(make_visible),
        _ => {}
    }
}

/// The text of a guest without active characters (see [`text::is_active`]), except line feeds and tabs.
fn visible(text: String) -> String {
    if text.chars().all(|c| c == '\n' || c == '\t' || !text::is_active(c)) {
        text
    } else {
        text::shown(&text, usize::MAX)
    }
}

#[cfg(test)]
mod tests;
