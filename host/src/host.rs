//! The whole of a request on one screen: [`Host::call`].

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::{sync::watch, time::timeout};

use crate::{
    call::{Call, CallId},
    failure::{self, Failure},
    observe::{Observer, Observers, Refusal},
    outcome::Outcome,
    plugin::{Catalog, Registry, Tool},
    receipt::Receipt,
    sandbox::Sandbox,
    text,
    trace_context::{CallTrace, Carried, Sampling},
    user::User,
    users::Users,
};

/// A folder of plugins, served.
#[derive(Debug)]
pub struct Host {
    registry: Registry,
    sandbox: Arc<Sandbox>,
    users: Users,
    observers: Observers,
    /// Whose traces are kept; none are where nobody said so.
    sampling: OnceLock<Sampling>,
    /// Calls of names that were never listed.
    unknown: AtomicU64,
}

/// No tool of that name was ever listed: a mistake of the caller's, not a failure of a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown tool {0:?}; tools/list has the names")]
pub struct UnknownTool(pub String);

impl Host {
    /// A host that serves what the registry holds.
    #[must_use]
    pub fn new(registry: Registry, sandbox: Arc<Sandbox>) -> Self {
        let (users, observers) = (Users::default(), Observers::default());
        Self { registry, sandbox, users, observers, sampling: OnceLock::new(), unknown: AtomicU64::new(0) }
    }

    /// The same host for these users.
    #[must_use]
    pub fn with_users(self, users: Users) -> Self {
        Self { users, ..self }
    }

    /// Calls a tool: find it among those that the user may call, count the call, check the arguments, run it in an instance of
    /// its own, check the answer.
    ///
    /// # Errors
    ///
    /// [`UnknownTool`], also for a tool that the user may not call; every other failure is an [`Outcome`].
    pub async fn call(&self, name: &str, arguments: Map<String, Value>, call: Call) -> Result<Outcome, UnknownTool> {
        let catalog = self.registry.catalog();
        let user = Arc::clone(&call.user);
        let tool = catalog.of(&user).get(name);
        let arguments = Arc::new(Value::Object(arguments));
        let watch = self.observers.watch(name, catalog.get(name), &arguments, &call);
        let tool = match tool {
            Some(tool) => Ok(tool),
            None => Err(self.registry.withdrawn(name, &user).ok_or_else(|| {
                watch.unknown();
                self.unknown.fetch_add(1, Ordering::Relaxed);
                UnknownTool(name.to_owned())
            })?),
        };
        let watched = watch.arrived();
        let id = call.id;
        let outcome = match tool.and_then(|tool| watched.permit(tool)) {
            Ok(tool) => call_tool(&self.sandbox, tool, &arguments, call).await,
            Err(failure) => without_answer(failure, id),
        };
        watched.ended(&outcome);
        Ok(outcome)
    }

    /// Has every call from now on shown to `observer`, too.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.observers.add(observer);
    }

    /// Logs that somebody was refused, and tells the observers.
    pub fn refused(&self, refusal: &Refusal) {
        let Refusal { code, address, user, what, .. } = refusal;
        let address = address.map_or_else(|| "unix".to_owned(), |address| address.to_string());
        tracing::info!(code, address, user, "refused: {}", text::one_line(what));
        self.observers.refused(refusal);
    }

    /// Has traces of calls kept from now on. Only the first word on it counts.
    pub fn keep_traces(&self, sampling: Sampling) {
        let _ = self.sampling.set(sampling);
    }

    /// The trace of a call that is about to be made, from what its request carries; `None` where no traces are kept.
    pub fn begin_trace(&self, tool: &str, carried: impl FnOnce() -> Carried) -> Option<Arc<CallTrace>> {
        Some(Arc::new(self.sampling.get()?.begin(tool, carried())))
    }

    /// Calls so far of names that were never listed, whoever made them.
    #[must_use]
    pub fn unknown_calls(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    /// Whether the plugins that were there at the start are loaded, or known not to be served.
    #[must_use]
    pub fn is_started(&self) -> bool {
        *self.registry.started().borrow()
    }

    /// Waits until the user may call this tool or the start is over, for so long at most.
    pub async fn found(&self, tool: &str, user: &User, most: Duration) {
        let (mut started, mut changes) = (self.registry.started(), self.changes());
        let found = async {
            while !*started.borrow_and_update() && self.catalog().of(user).get(tool).is_none() {
                tokio::select! {
                    Ok(()) = started.changed() => {}
                    Ok(()) = changes.changed() => {}
                    else => return,
                }
            }
        };
        let _ = timeout(most, found).await;
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

    /// What this user's client should know about this server: above all which plugins are not served and why.
    #[must_use]
    pub fn instructions(&self, user: &User) -> String {
        self.registry.catalog().of(user).instructions()
    }

    /// The users that come over HTTP.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// What the calls run in.
    #[must_use]
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// The plugins.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// From arguments to an outcome.
pub(crate) async fn call_tool(sandbox: &Arc<Sandbox>, tool: &Tool, arguments: &Value, call: Call) -> Outcome {
    let id = call.id;
    let answer = async {
        match call.user.count_call().and_then(|()| tool.validate(arguments)) {
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
