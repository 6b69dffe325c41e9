//! From what the host knows to what the protocol carries: tools, and the outcome of a call.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rmcp::model::{
    CallToolResult, ContentBlock, EmbeddedResource, JsonObject, MetaObject, Resource, ResourceContents,
    Tool as McpTool, ToolAnnotations,
};
use serde::{Deserialize, Serialize};

use crate::{
    failure,
    outcome::{Blob, Content, Contents, Outcome, Output},
    plugin::{Tool, View},
    receipt::Receipt,
    text,
};

/// Where a failed result carries the failure as JSON; its text is the same for a model to read.
const ERROR_KEY: &str = "toolcell/error";
/// Where every result carries what the call did: time, memory, servers.
const RECEIPT_KEY: &str = "toolcell/receipt";

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

/// The result of a call of `tool`. A failure is a result too: the model has to read it, and clients do not show it protocol
/// errors.
pub(super) fn result(tool: &str, outcome: Outcome) -> CallToolResult {
    let mut meta = JsonObject::from_iter([(RECEIPT_KEY.to_owned(), json(&outcome.receipt))]);
    let mut result = match outcome.result {
        Ok(output) => success(output, &outcome.receipt),
        Err(failure) => {
            let report = failure.report(tool, &outcome.receipt);
            meta.insert(ERROR_KEY.to_owned(), json(&report));
            CallToolResult::error(vec![ContentBlock::text(visible(report.text()))])
        }
    };
    result.meta = Some(MetaObject(meta));
    result
}

fn json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn success(output: Output, receipt: &Receipt) -> CallToolResult {
    let mut content: Vec<ContentBlock> = output.content.into_iter().map(block).collect();
    if content.is_empty()
        && let Some(structured) = &output.structured
    {
        // For clients that read content only (MCP 2025-11-25, server/tools, structured content).
        content.push(ContentBlock::text(visible(structured.to_string())));
    }
    // A plugin can keep a refusal to itself; the host does not.
    content.extend(failure::seen_beside(receipt).map(|seen| ContentBlock::text(visible(seen))));
    let mut result = CallToolResult::success(content);
    result.structured_content = output.structured;
    result
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

fn make_visible(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::String(text) => *text = visible(std::mem::take(text)),
        serde_json::Value::Array(items) => items.iter_mut().for_each(make_visible),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(make_visible),
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
