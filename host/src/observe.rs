//! What is told of calls to those who only watch: the live view of `toolcell dev`, and whatever else counts, records or draws
//! them.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    call::{Call, CallId},
    failure::Failure,
    outcome::Outcome,
    plugin::Tool,
    receipt::Receipt,
    trace_context::CallTrace,
    user::User,
};

/// Watches calls. Everything here runs where the call does, which waits for it: what takes time goes elsewhere.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A call has come.
    fn arrived(&self, _call: &Arc<ObservedCall>) {}

    /// A call has ended. Every call that arrived ends once, also one that the client gave up.
    fn ended(&self, _call: &Arc<ObservedCall>, _outcome: &Outcome) {}

    /// Somebody was refused before there was a call.
    fn refused(&self, _refusal: &Refusal) {}

    /// A tool was called that this user has never been shown: there is no call, and the client gets an error of the protocol.
    fn unknown(&self, _call: &Arc<ObservedCall>) {}

    /// Why no call may run at this moment: what has to be told of calls and cannot be. The call fails with it.
    fn objection(&self) -> Option<Failure> {
        None
    }
}

/// What is known of a call before its end.
#[derive(Debug)]
pub struct ObservedCall {
    /// Names the call.
    pub id: CallId,
    /// Who called.
    pub user: Arc<User>,
    /// The name that was called.
    pub name: String,
    /// The tool of that name; `None` where there is none, or none any more.
    pub tool: Option<Arc<Tool>>,
    /// The arguments, before they were checked.
    pub arguments: Arc<Value>,
    /// When it came.
    pub arrived: SystemTime,
    /// Its trace, where traces are kept.
    pub trace: Option<Arc<CallTrace>>,
    /// Ends the call.
    pub cancel: CancellationToken,
}

/// A request that was refused because of who sent it. No token or secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why, in one word that stays the same: `unknown-token`, `forged-gateway`.
    pub code: &'static str,
    /// Where it came from; `None` for a unix socket.
    pub address: Option<IpAddr>,
    /// The user, where the request named one: who it is only claimed to be, unless the code says that their proof was good once
    /// or allowed less.
    pub user: Option<String>,
    /// What was refused and why, for the operator.
    pub what: String,
    /// When.
    pub at: SystemTime,
}

/// Those who watch. Where nobody does, a call costs nothing more.
#[derive(Debug, Default)]
pub(crate) struct Observers(ArcSwap<Vec<Arc<dyn Observer>>>);

impl Observers {
    /// Has every call from now on shown to `observer`, too.
    #[expect(clippy::needless_pass_by_value, reason = "it is kept, and every try to add it needs one")]
    pub(crate) fn add(&self, observer: Arc<dyn Observer>) {
        self.0.rcu(|before| before.iter().cloned().chain([Arc::clone(&observer)]).collect::<Vec<_>>());
    }

    /// Tells of somebody who was refused.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.0.load().iter().for_each(|observer| observer.refused(refusal));
    }

    /// What a call's observers are to be told of it.
    pub(crate) fn watch(&self, name: &str, tool: Option<&Arc<Tool>>, arguments: &Arc<Value>, call: &Call) -> Watch {
        let observers = self.0.load_full();
        if observers.is_empty() {
            return Watch(None);
        }
        let call = Arc::new(ObservedCall {
            id: call.id,
            user: Arc::clone(&call.user),
            name: name.to_owned(),
            tool: tool.cloned(),
            arguments: Arc::clone(arguments),
            arrived: SystemTime::now(),
            trace: call.trace.clone(),
            cancel: call.cancel.clone(),
        });
        Watch(Some(Observed { observers, call, came: Instant::now() }))
    }
}

/// A call of which nobody was told yet; none where nobody watches.
pub(crate) struct Watch(Option<Observed>);

/// A call that observers were told of. They are told of its end whatever becomes of it.
pub(crate) struct Watched(Option<Observed>);

struct Observed {
    observers: Arc<Vec<Arc<dyn Observer>>>,
    call: Arc<ObservedCall>,
    came: Instant,
}

impl Watch {
    pub(crate) fn arrived(self) -> Watched {
        if let Some(Observed { observers, call, .. }) = &self.0 {
            observers.iter().for_each(|observer| observer.arrived(call));
        }
        Watched(self.0)
    }

    pub(crate) fn unknown(&self) {
        if let Some(Observed { observers, call, .. }) = &self.0 {
            observers.iter().for_each(|observer| observer.unknown(call));
        }
    }
}

impl Watched {
    /// The tool, unless an observer objects.
    pub(crate) fn permit<T>(&self, tool: T) -> Result<T, Failure> {
        let mut observers = self.0.iter().flat_map(|observed| observed.observers.iter());
        observers.find_map(|observer| observer.objection()).map_or(Ok(tool), Err)
    }

    pub(crate) fn ended(mut self, outcome: &Outcome) {
        if let Some(Observed { observers, call, .. }) = self.0.take() {
            observers.iter().for_each(|observer| observer.ended(&call, outcome));
        }
    }
}

/// A transport may drop a call whose client has gone.
impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(Observed { observers, call, came }) = self.0.take() {
            let receipt = Receipt { elapsed: came.elapsed(), ..Receipt::new(call.id) };
            let outcome = Outcome { result: Err(Failure::Cancelled), receipt };
            observers.iter().for_each(|observer| observer.ended(&call, &outcome));
        }
    }
}
