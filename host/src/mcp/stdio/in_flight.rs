//! The requests that are not answered yet. rmcp keeps one handler for each id and drops what the others answer, so a client
//! that uses an id twice would wait for ever; here the second one is found before rmcp sees it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::model::RequestId;
use tokio::sync::OwnedSemaphorePermit;

/// The ids of the requests that are not answered yet.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<RequestId, State>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its handler runs.
    Handled,
    /// Its handler has ended, and the answer is on its way.
    Ended,
    /// The client wants no answer any more, and rmcp sends none.
    Cancelled,
}

/// What a request holds until its handler has ended.
#[derive(Debug)]
pub(super) struct Held {
    id: RequestId,
    in_flight: InFlight,
    _permit: Option<OwnedSemaphorePermit>,
}

impl InFlight {
    /// Notes a request; `None` if one of the same id is not answered yet.
    pub(super) fn admit(&self, id: &RequestId) -> Option<()> {
        let mut ids = self.lock();
        if ids.contains_key(id) {
            return None;
        }
        ids.insert(id.clone(), State::Handled);
        Some(())
    }

    /// What the request of this id is to hold.
    pub(super) fn held(&self, id: RequestId, permit: Option<OwnedSemaphorePermit>) -> Held {
        Held { id, in_flight: self.clone(), _permit: permit }
    }

    /// Notes that the request was answered.
    pub(super) fn answered(&self, id: &RequestId) {
        self.lock().remove(id);
    }

    /// Notes that the client has cancelled the request.
    pub(super) fn cancelled(&self, id: &RequestId) {
        let mut ids = self.lock();
        match ids.get_mut(id) {
            Some(state @ State::Handled) => *state = State::Cancelled,
            Some(State::Ended) => drop(ids.remove(id)),
            Some(State::Cancelled) | None => {}
        }
    }

    fn ended(&self, id: &RequestId) {
        let mut ids = self.lock();
        match ids.get_mut(id) {
            Some(state @ State::Handled) => *state = State::Ended,
            Some(State::Cancelled) => drop(ids.remove(id)),
            Some(State::Ended) | None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.in_flight.ended(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: RequestId = RequestId::Number(1);

    #[test]
    fn an_id_is_free_again_once_it_is_answered() {
        let ids = InFlight::default();
        assert!(ids.admit(&ID).is_some());
        assert!(ids.admit(&ID).is_none());
        drop(ids.held(ID, None));
        assert!(ids.admit(&ID).is_none(), "its answer is still on its way");
        ids.answered(&ID);
        assert!(ids.admit(&ID).is_some());
    }

    #[test]
    fn an_id_is_free_again_once_its_cancelled_handler_has_ended() {
        let ids = InFlight::default();
        ids.admit(&ID).expect("it is free");
        let held = ids.held(ID, None);
        ids.cancelled(&ID);
        assert!(ids.admit(&ID).is_none(), "its handler still runs");
        drop(held);
        assert!(ids.admit(&ID).is_some());
        // Too late: the handler has ended, and rmcp drops its answer.
        drop(ids.held(ID, None));
        ids.cancelled(&ID);
        assert!(ids.admit(&ID).is_some());
    }
}
