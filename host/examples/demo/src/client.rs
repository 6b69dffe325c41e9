//! An MCP client, from rmcp, that shows what it sends and gets.

use std::{process::Command, time::Instant};

use anyhow::{Context, Result, ensure};
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult},
    service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::Value;

use crate::screen;

/// A server, started, with a session to it.
pub(crate) struct Client(RunningService<RoleClient, ()>);

impl Client {
    pub(crate) async fn start(serve: Command) -> Result<Self> {
        let began = Instant::now();
        let child =
            TokioChildProcess::new(tokio::process::Command::from(serve)).context("the server does not start")?;
        let client = ().serve(child).await.context("the server did not answer the client's opening")?;
        screen::note(&format!("ready after {} ms", began.elapsed().as_millis()));
        Ok(Self(client))
    }

    /// Shows the tools.
    pub(crate) async fn list(&self) -> Result<()> {
        for tool in self.0.list_all_tools().await? {
            let description = tool.description.unwrap_or_default();
            let first_sentence = description.split_inclusive(". ").next().unwrap_or_default();
            screen::tool(&tool.name, first_sentence.trim_end());
        }
        Ok(())
    }

    /// Calls a tool that answers.
    pub(crate) async fn answers(&self, tool: &'static str, arguments: Value) -> Result<()> {
        let result = self.call(tool, arguments).await?;
        ensure!(result.is_error != Some(true), "{tool} failed and should have answered");
        let answer = result.structured_content.context("the tool answers with structured content")?;
        screen::answer(&answer);
        show_receipt(result.meta.as_ref().map(|meta| &meta.0))
    }

    /// Calls a tool that fails, with a failure of this code.
    pub(crate) async fn fails(&self, tool: &'static str, arguments: Value, code: &str) -> Result<()> {
        let result = self.call(tool, arguments).await?;
        let meta = result.meta.as_ref().map(|meta| &meta.0);
        let failure = meta.and_then(|meta| meta.get("toolcell/error")).context("the tool should have failed")?;
        ensure!(failure["code"] == code, "{tool} failed with {} and not {code}", failure["code"]);
        for content in &result.content {
            screen::failure(content.as_text().map_or("", |text| &text.text));
        }
        show_receipt(meta)
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> Result<CallToolResult> {
        screen::request(tool, &arguments);
        let arguments = arguments.as_object().cloned().context("arguments are an object")?;
        self.0.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.context("the call failed")
    }

    /// Ends the session; the server ends with it.
    pub(crate) async fn close(self) -> Result<()> {
        self.0.cancel().await?;
        Ok(())
    }
}

fn show_receipt(meta: Option<&serde_json::Map<String, Value>>) -> Result<()> {
    let receipt = meta.and_then(|meta| meta.get("toolcell/receipt")).context("every result has a receipt")?;
    screen::receipt(receipt);
    Ok(())
}
