//! A plugin that does nothing wrong, called 50 times a second through the same server while others attack.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    client::PATIENCE,
    session::{Answer, Reply, Session},
};

const EVERY: Duration = Duration::from_millis(20);

/// The tool that is called.
pub const TOOL: &str = "echo";

pub struct Neighbour {
    shared: Arc<Shared>,
    caller: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
    errors: Mutex<Vec<String>>,
    times: Mutex<Vec<Duration>>,
}

impl Neighbour {
    pub fn start(session: &Arc<Session>) -> Self {
        let shared: Arc<Shared> = Arc::default();
        let (session, seen) = (Arc::clone(session), Arc::clone(&shared));
        Self { shared, caller: thread::spawn(move || call_until_stopped(&session, &seen)) }
    }

    /// Calls that were answered well so far.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// What it saw go wrong since this was last asked.
    pub fn take_errors(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends it, and gives the times that its calls took, in order.
    pub fn stop(self) -> Vec<Duration> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.caller.join().expect("the neighbour does not panic");
        let mut times = std::mem::take(&mut *self.shared.times.lock().unwrap_or_else(PoisonError::into_inner));
        times.sort_unstable();
        times
    }
}

fn call_until_stopped(session: &Session, seen: &Shared) {
    let mut waiting: VecDeque<Reply> = VecDeque::new();
    let mut next = Instant::now();
    while !seen.stop.load(Ordering::Relaxed) || !waiting.is_empty() {
        if !seen.stop.load(Ordering::Relaxed) {
            waiting.push_back(session.begin_call(TOOL, &json!({"message": "hi"})));
        }
        waiting.retain(|reply| match reply.poll() {
            Some(answer) => {
                seen.take(&answer);
                false
            }
            None if reply.age() > PATIENCE => {
                seen.error(format!("no answer in {PATIENCE:?}"));
                false
            }
            None => true,
        });
        // Late calls are not made up for: 50 a second, never more.
        next = (next + EVERY).max(Instant::now());
        thread::sleep(next - Instant::now());
    }
}

impl Shared {
    fn take(&self, answer: &Answer) {
        if answer.message["result"]["structuredContent"] == json!({"message": "hi"}) {
            self.answered.fetch_add(1, Ordering::Relaxed);
            self.times.lock().unwrap_or_else(PoisonError::into_inner).push(answer.took);
        } else {
            self.error(answer.message.to_string());
        }
    }

    fn error(&self, error: String) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error);
    }
}
