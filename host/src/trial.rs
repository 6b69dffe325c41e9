//! A plugin on trial: calls of it as the host makes them, with all that it asks for and nothing behind that but a
//! [`Replay`]. So nobody has to grant anything for a test, and nothing leaves this machine.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    call::Call,
    host::{UnknownTool, call_tool},
    outcome::Outcome,
    plugin::{self, Tool, files::Found, files::PluginFolder},
    policy::NotServed,
    replay::Replay,
    sandbox::Sandbox,
};

/// A plugin, loaded for calls that are replayed.
#[derive(Debug)]
pub struct Trial {
    sandbox: Arc<Sandbox>,
    tools: Vec<Tool>,
}

impl Trial {
    /// Loads a plugin of a folder.
    ///
    /// # Errors
    ///
    /// When its manifest or component is not valid.
    pub async fn load(sandbox: &Arc<Sandbox>, folder: &PluginFolder, found: &Found) -> Result<Self, NotServed> {
        let tools = plugin::on_trial(sandbox, folder, found).await?;
        Ok(Self { sandbox: Arc::clone(sandbox), tools })
    }

    /// Loads a plugin from its parts: a component and the manifest that goes with it.
    ///
    /// # Errors
    ///
    /// When the component is not valid.
    pub async fn of_component(
        sandbox: &Arc<Sandbox>,
        found: &Found,
        manifest: plugin::manifest::Manifest,
        wasm: Vec<u8>,
    ) -> Result<Self, NotServed> {
        let tools = plugin::component_on_trial(sandbox, found, manifest, wasm).await?;
        Ok(Self { sandbox: Arc::clone(sandbox), tools })
    }

    /// The tools.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Calls a tool by the plugin's own name for it.
    ///
    /// # Errors
    ///
    /// [`UnknownTool`]; every other failure is an [`Outcome`].
    pub async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        replay: &Arc<Replay>,
    ) -> Result<Outcome, UnknownTool> {
        let tool = self.tools.iter().find(|tool| tool.own_name() == name);
        let tool = tool.ok_or_else(|| UnknownTool(name.to_owned()))?;
        Ok(call_tool(&self.sandbox, tool, &Value::Object(arguments), Call::replaying(replay)).await)
    }
}
