//! Takes down what spans are made of when a call has ended.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    export::{Counts, Export},
    spans::Finished,
};
use crate::{
    observe::{ObservedCall, Observer},
    outcome::Outcome,
};

/// Hands calls that have ended over to the task that sends their spans.
#[derive(Debug)]
pub(super) struct Traces {
    queue: mpsc::Sender<Finished>,
    counts: Arc<Counts>,
    users: bool,
}

impl Traces {
    /// The spans name the user only where `users` says so.
    pub(super) fn new(export: &Export, users: bool) -> Self {
        Self { queue: export.queue(), counts: export.counts(), users }
    }
}

impl Observer for Traces {
    fn ended(&self, call: &Arc<ObservedCall>, outcome: &Outcome) {
        let Some(trace) = call.trace.as_ref().filter(|trace| trace.own.is_sampled()) else { return };
        let finished = Finished::new(call, trace, outcome, self.users);
        if let Err(mpsc::error::TrySendError::Full(refused) | mpsc::error::TrySendError::Closed(refused)) =
            self.queue.try_send(finished)
        {
            self.counts.count_dropped(refused.number_of_spans());
        }
    }
}
