//! What guests are asked to do; `run` decides how long they may, and with what.

use std::{sync::Arc, time::Instant};

use wasmtime::Store;

use super::{RawOutput, ToolSpec, bindings::PluginPre, plain::Functions, redaction, state::CallState};
use crate::failure::Failure;

/// What a guest is asked to do, in an instance that is made for it.
pub(super) trait Task: Send + 'static {
    type Answer: Send + 'static;
    fn run(self, store: &mut Store<CallState>) -> impl Future<Output = wasmtime::Result<Self::Answer>> + Send;
}

/// A tool of the contract.
pub(super) struct CallTool {
    pub(super) pre: Arc<PluginPre<CallState>>,
    pub(super) name: Arc<str>,
    pub(super) arguments: String,
}

impl Task for CallTool {
    type Answer = Result<RawOutput, Failure>;

    async fn run(self, store: &mut Store<CallState>) -> wasmtime::Result<Self::Answer> {
        let plugin = self.pre.instantiate_async(&mut *store).await?;
        store.data_mut().instantiated = Some(Instant::now());
        let answer = plugin.toolcell_plugin_tools().call_call_tool(&mut *store, &self.name, &self.arguments).await?;
        Ok(redacted(store, answer.map(RawOutput::from).map_err(|error| Failure::Tool(error.into()))))
    }
}

/// The tools of the contract.
pub(super) struct ListTools(pub(super) Arc<PluginPre<CallState>>);

impl Task for ListTools {
    type Answer = Vec<ToolSpec>;

    async fn run(self, store: &mut Store<CallState>) -> wasmtime::Result<Self::Answer> {
        let plugin = self.0.instantiate_async(&mut *store).await?;
        store.data_mut().instantiated = Some(Instant::now());
        let tools = plugin.toolcell_plugin_tools().call_list_tools(store).await?;
        Ok(tools.into_iter().map(ToolSpec::from).collect())
    }
}

/// A function of a component without the contract.
pub(super) struct CallFunction {
    pub(super) functions: Arc<Functions>,
    pub(super) tool: Arc<str>,
    pub(super) arguments: String,
    /// Bytes of the answer.
    pub(super) limit: u64,
}

impl Task for CallFunction {
    type Answer = Result<RawOutput, Failure>;

    async fn run(self, store: &mut Store<CallState>) -> wasmtime::Result<Self::Answer> {
        let answer = self.functions.call(&self.tool, &mut *store, &self.arguments, self.limit).await?;
        Ok(redacted(store, answer))
    }
}

/// The answer without the secrets of the call, before anybody else sees it.
fn redacted(store: &Store<CallState>, answer: Result<RawOutput, Failure>) -> Result<RawOutput, Failure> {
    match store.data().egress.redactor() {
        Some(redactor) => redaction::answer(redactor, answer),
        None => answer,
    }
}
