//! An MCP client, from rmcp, that shows what it sends and gets.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult},
    service::RunningService,
};
use serde_json::Value;
use tokio::process::Child;

use crate::screen;

/// A server, started, with a session to it.
pub(crate) struct Client {
    session: RunningService<RoleClient, ()>,
    server: Child,
}

impl Client {
    pub(crate) async fn start(serve: Command) -> Result<Self> {
        let began = Instant::now();
        let mut serve = tokio::process::Command::from(serve);
        let mut server = serve
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the server does not start")?;
        let pipes = server.stdout.take().zip(server.stdin.take()).context("the server's pipes are ours")?;
        let session = ().serve(pipes).await.context("the server did not answer the client's opening")?;
        screen::note(&format!("ready after {} ms", began.elapsed().as_millis()));
        Ok(Self { session, server })
    }

    /// Shows the tools.
    pub(crate) async fn list(&self) -> Result<()> {
        let tools = self.session.list_all_tools().await?;
        let width = tools.iter().map(|tool| tool.name.len()).max().unwrap_or_default();
        for tool in tools {
            let description = tool.description.unwrap_or_default();
            let first_sentence = description.split_inclusive(". ").next().unwrap_or_default();
            screen::tool(&tool.name, width, first_sentence.trim_end());
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
        let request = CallToolRequestParams::new(tool).with_arguments(arguments);
        self.session.call_tool(request).await.context("the call failed")
    }

    /// Ends the session, with which the server ends, too.
    pub(crate) async fn close(mut self) -> Result<()> {
        self.session.cancel().await?;
        let status = self.server.wait().await.context("the server does not end")?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

fn show_receipt(meta: Option<&serde_json::Map<String, Value>>) -> Result<()> {
    let receipt = meta.and_then(|meta| meta.get("toolcell/receipt")).context("every result has a receipt")?;
    screen::receipt(receipt);
    Ok(())
}
