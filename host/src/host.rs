//! The whole of a request on one screen: [`Host::call`].

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, OnceLock},
    task::Poll,
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::{sync::watch, time::timeout};

use crate::{
    call::{Call, CallId},
    failure::{self, Failure},
    outcome::Outcome,
    plugin::{Catalog, Registry, Tool},
    receipt::Receipt,
    sandbox::Sandbox,
    text,
};

/// A folder of plugins, served.
#[derive(Debug)]
pub struct Host {
    registry: Registry,
    sandbox: Arc<Sandbox>,
    observer: OnceLock<Observer>,
}

/// Is told of each call that ended, by the name of its tool.
type Observe = dyn Fn(&str, &Outcome) + Send + Sync;

struct Observer(Box<Observe>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// No tool of that name was ever listed: a mistake of the caller's, not a failure of a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown tool {0:?}; tools/list has the names")]
pub struct UnknownTool(pub String);

impl Host {
    /// A host that serves what the registry holds.
    #[must_use]
    pub fn new(registry: Registry, sandbox: Arc<Sandbox>) -> Self {
        Self { registry, sandbox, observer: OnceLock::new() }
    }

    /// Calls a tool: find it, check the arguments, run it in an instance of its own, check the answer.
    ///
    /// # Errors
    ///
    /// [`UnknownTool`]; every other failure is an [`Outcome`].
    pub async fn call(&self, name: &str, arguments: Map<String, Value>, call: Call) -> Result<Outcome, UnknownTool> {
        let id = call.id;
        let catalog = self.registry.catalog();
        let outcome = match catalog.get(name) {
            Some(tool) => call_tool(&self.sandbox, tool, arguments, call).await,
            None => self.withdrawn(name, id)?,
        };
        if let Some(Observer(observe)) = self.observer.get() {
            observe(name, &outcome);
        }
        Ok(outcome)
    }

    fn withdrawn(&self, name: &str, call: CallId) -> Result<Outcome, UnknownTool> {
        let failure = self.registry.withdrawn(name).ok_or_else(|| UnknownTool(name.to_owned()))?;
        Ok(without_answer(failure, call))
    }

    /// Has every call that ends shown to `observe`, which the caller waits for. The first observer stays the only one.
    pub fn on_outcome(&self, observe: impl Fn(&str, &Outcome) + Send + Sync + 'static) {
        let _ = self.observer.set(Observer(Box::new(observe)));
    }

    /// Waits until the plugins that were there at the start are loaded, for so long at most.
    pub async fn started(&self, most: Duration) {
        let _ = timeout(most, self.registry.started().wait_for(|started| *started)).await;
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

/// From arguments to an outcome.
pub(crate) async fn call_tool(
    sandbox: &Arc<Sandbox>,
    tool: &Tool,
    arguments: Map<String, Value>,
    call: Call,
) -> Outcome {
    let id = call.id;
    let answer = async {
        match tool.validate(arguments) {
            Ok(arguments) => tool.call(sandbox, arguments, call).await,
            Err(failure) => without_answer(failure, id),
        }
    };
    let outcome = or_unexpected(answer, id).await;
    log(tool, &outcome);
    outcome
}

/// The outcome, also where the host itself panics on the way to it: the client waits for an answer.
async fn or_unexpected(answer: impl Future<Output = Outcome>, call: CallId) -> Outcome {
    let mut answer = pin!(answer);
    std::future::poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx)))
            .unwrap_or_else(|_| Poll::Ready(without_answer(failure::host_panic(call), call)))
    })
    .await
}

/// What the operator finds under the call's id, which failures name. What a plugin prints is shown only where it failed, or
/// to those who want to see everything.
fn log(tool: &Tool, Outcome { result, receipt }: &Outcome) {
    let (plugin, name, call) = (tool.plugin(), tool.name(), receipt.call);
    match result {
        Ok(_) => tracing::debug!(plugin, tool = name, %call, printed = printed(receipt), "answered"),
        Err(failure) => tracing::info!(
            plugin,
            tool = name,
            %call,
            code = failure.code(),
            printed = printed(receipt),
            "{}",
            text::one_line(&failure.report(name, receipt).message)
        ),
    }
}

/// As a field of the log, which is quoted and escaped there.
fn printed(receipt: &Receipt) -> Option<&str> {
    (!receipt.stderr.is_empty()).then_some(&receipt.stderr)
}

fn without_answer(failure: Failure, call: CallId) -> Outcome {
    Outcome { result: Err(failure), receipt: Receipt::new(call) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_is_answered() {
        let call = CallId::next();
        let bug = async {
            tokio::task::yield_now().await;
            panic!("a bug")
        };
        let outcome = or_unexpected(bug, call).await;
        let failure = outcome.result.expect_err("it panicked");
        assert_eq!(failure.code(), failure::Code::Unexpected.as_str());
        let text = failure.report("echo", &outcome.receipt).text();
        insta::assert_snapshot!("unexpected", text.replace(&call.to_string(), "CALL"));
    }
}
