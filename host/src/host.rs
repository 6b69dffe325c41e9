//! The whole of a request on one screen: [`Host::call`].

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    call::Call,
    failure::Failure,
    outcome::{Outcome, Receipt},
    plugin::{Catalog, Registry},
    sandbox::Sandbox,
};

/// A folder of plugins, served.
#[derive(Debug)]
pub struct Host {
    registry: Registry,
    sandbox: Arc<Sandbox>,
}

/// No tool of that name was ever listed: a mistake of the caller's, not a failure of a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown tool {0:?}; tools/list has the names")]
pub struct UnknownTool(pub String);

impl Host {
    /// A host that serves what the registry holds.
    #[must_use]
    pub fn new(registry: Registry, sandbox: Arc<Sandbox>) -> Self {
        Self { registry, sandbox }
    }

    /// Calls a tool: find it, check the arguments, run it in an instance of its own, check the answer.
    ///
    /// # Errors
    ///
    /// [`UnknownTool`]; every other failure is an [`Outcome`].
    pub async fn call(&self, name: &str, arguments: Map<String, Value>, call: Call) -> Result<Outcome, UnknownTool> {
        let catalog = self.registry.catalog();
        let Some(tool) = catalog.get(name) else { return self.withdrawn(name, &call) };
        match tool.validate(arguments) {
            Ok(arguments) => Ok(tool.call(&self.sandbox, arguments, call).await),
            Err(failure) => Ok(not_started(failure, &call)),
        }
    }

    fn withdrawn(&self, name: &str, call: &Call) -> Result<Outcome, UnknownTool> {
        let failure = self.registry.withdrawn(name).ok_or_else(|| UnknownTool(name.to_owned()))?;
        Ok(not_started(failure, call))
    }

    /// The tools served at this moment.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.registry.catalog()
    }

    /// A number that grows whenever the list of tools changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.registry.changes()
    }

    /// What a client should know about this server: above all which plugins are not served and why.
    #[must_use]
    pub fn instructions(&self) -> String {
        self.registry.catalog().instructions()
    }

    /// The plugins.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

fn not_started(failure: Failure, call: &Call) -> Outcome {
    Outcome { result: Err(failure), receipt: Receipt::new(call.id) }
}
