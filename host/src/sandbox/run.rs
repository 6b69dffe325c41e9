//! The life of one call: slots, store, instance, the race of its work against deadline and cancellation, and the evidence
//! that the store leaves.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use wasmtime::{Store, UpdateDeadline};

use super::{
    Program, RawOutput, Sandbox, ToolSpec,
    files::Files,
    http::{CallCredentials, Egress},
    limits::Limiter,
    postgres::Questions,
    program::{Form, LoadError},
    redaction,
    state::{CallState, MAX_HANDLES, Parts},
    task::{CallFunction, CallTool, ListTools, Task},
    trap,
    turns::{Admission, Arrival},
    work::Work,
};
use crate::{
    call::{Call, CallId},
    failure::{self, Failure, WaitingFor},
    receipt::{Exchange, ExchangeEnd, Phases, Receipt, Unreachable},
    user::Begun,
};

/// Bytes that one call between guest and host may carry.
const HOSTCALL_FUEL: usize = 16 << 20;

/// How the work of a call ended.
enum End<T> {
    Done(wasmtime::Result<T>),
    Deadline,
    Cancelled,
}

impl Sandbox {
    /// Runs one call of a tool in an instance of its own. `arguments` is JSON text that satisfies the input schema.
    ///
    /// Ends by the grant's deadline, or when `call.cancel` is cancelled; dropping the future cancels too.
    pub(crate) async fn call(
        self: &Arc<Self>,
        program: &Program,
        work: &Work,
        arguments: String,
        call: Call,
    ) -> (Result<RawOutput, Failure>, Receipt) {
        let (tool, limit) = (Arc::clone(&work.tool), work.grant.limits().result);
        let (answer, receipt) = match &program.form {
            Form::Contract(pre) => {
                let task = CallTool { pre: Arc::clone(pre), name: tool, arguments };
                self.run(program, work, task, call).await
            }
            Form::Plain(functions) => {
                let task = CallFunction { functions: Arc::clone(functions), tool, arguments, limit };
                self.run(program, work, task, call).await
            }
        };
        let result = match answer {
            Ok(answer) => answer.and_then(|output| check_size(output, limit)),
            Err(failure) => Err(failure),
        };
        (result, receipt)
    }

    /// The tools of a program, listed with nothing granted and the limits of `grant`.
    ///
    /// # Errors
    ///
    /// [`LoadError::ListTools`], when the guest does not answer.
    pub(crate) async fn list_tools(
        self: &Arc<Self>,
        program: &Program,
        work: &Work,
    ) -> Result<Vec<ToolSpec>, LoadError> {
        let pre = match &program.form {
            Form::Contract(pre) => Arc::clone(pre),
            Form::Plain(functions) => return Ok(functions.specs()),
        };
        let (answer, receipt) = self.run(program, work, ListTools(pre), Call::detached()).await;
        answer.map_err(|failure| LoadError::ListTools(failure, Box::new(receipt)))
    }

    async fn run<T: Task>(
        self: &Arc<Self>,
        program: &Program,
        work: &Work,
        task: T,
        call: Call,
    ) -> (Result<T::Answer, Failure>, Receipt) {
        let (id, cancel) = (call.id, call.cancel.clone());
        let starts_inline = !work.pace.is_slow();
        let work = call.replay.as_ref().map_or_else(|| work.of(&call.user), |replay| work.replaying(replay));
        let cell = Cell { sandbox: Arc::clone(self), program: program.clone(), work, arrival: Instant::now() };
        let mut running = Box::pin(cell.run(task, call));
        if starts_inline {
            // Most calls end within this poll, and so cost no hop between threads and no timer.
            let _guests = self.guests.handle().enter();
            let mut nobody = Context::from_waker(Waker::noop());
            match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(&mut nobody))) {
                Ok(Poll::Ready(end)) => return end,
                Ok(Poll::Pending) => {}
                Err(_) => return (Err(failure::host_panic(id)), Receipt::new(id)),
            }
        }
        let handle = self.guests.handle().spawn(running);
        // Dropping a JoinHandle cancels nothing; the task that owns the store watches the token.
        let cancel_if_dropped = cancel.drop_guard();
        let end = handle.await.unwrap_or_else(|_| (Err(failure::host_panic(id)), Receipt::new(id)));
        cancel_if_dropped.disarm();
        end
    }
}

/// One call on its way.
struct Cell {
    sandbox: Arc<Sandbox>,
    program: Program,
    work: Work,
    arrival: Instant,
}

impl Cell {
    async fn run<T: Task>(self, task: T, call: Call) -> (Result<T::Answer, Failure>, Receipt) {
        let granted = self.work.grant.limits().deadline;
        let own = call.replay.as_ref().and_then(|replay| replay.call_deadline());
        let deadline = self.arrival + own.map_or(granted, |own| own.min(granted));
        let id = call.id;
        let (_begun, admission) = match self.admission(&call).await {
            Ok(admitted) => admitted,
            Err(failure) => {
                let elapsed = self.arrival.elapsed();
                let phases = Phases { queued: elapsed, ..Phases::default() };
                return (Err(failure), Receipt { elapsed, phases, ..Receipt::new(id) });
            }
        };
        let _ticking = self.sandbox.ticker.ticking();
        let mut store = self.store(deadline, call);
        let mut computing = Duration::ZERO;
        let end = self.race(&mut store, task, deadline, &mut computing).await;
        let receipt = self.receipt(&store, id, computing, admission.queued);
        let answer = match end {
            End::Done(Ok(answer)) => Ok(answer),
            End::Done(Err(_)) if store.data().cancel.is_cancelled() => Err(Failure::Cancelled),
            End::Done(Err(_)) if Instant::now() >= deadline => Err(self.deadline_failure(&receipt)),
            End::Done(Err(error)) => {
                let lines = if trap::has_frames(&error) { Some(self.program.lines.read().await) } else { None };
                Err(trap::failure(&error, store.data(), &receipt, lines))
            }
            End::Deadline => Err(self.deadline_failure(&receipt)),
            End::Cancelled => Err(Failure::Cancelled),
        };
        // What the deadline or the client ended says nothing about how long the others will take.
        if !matches!(answer, Err(Failure::Deadline { .. } | Failure::Cancelled)) {
            self.work.turns.note(receipt.elapsed.saturating_sub(admission.since.duration_since(self.arrival)));
        }
        (answer, receipt)
    }

    /// First as one of the user's calls, then as one of the plugin's: a user who may not begin another call keeps nobody else
    /// from a turn.
    async fn admission(&self, call: &Call) -> Result<(Begun, Admission), Failure> {
        let limit = self.work.grant.limits().deadline;
        let admission = async {
            let begun = call.user.begin_call(self.arrival, limit).await?;
            let arrival = Arrival { user: call.user.shared_name(), at: self.arrival, limit };
            let admission = self.work.turns.admit(&self.sandbox.places, self.program.slots, arrival).await?;
            Ok((begun, admission))
        };
        tokio::select! {
            biased;
            admission = admission => admission,
            () = call.cancel.cancelled() => Err(Failure::Cancelled),
        }
    }

    /// A fresh store with every limit armed.
    fn store(&self, deadline: Instant, call: Call) -> Store<CallState> {
        let state = CallState::new(Parts {
            id: call.id,
            plugin: Arc::clone(&self.work.plugin),
            tool: Arc::clone(&self.work.tool),
            env: Arc::clone(&self.work.env),
            egress: Egress::new(
                self.sandbox.network.clone(),
                self.work.connections.clone(),
                Arc::clone(&self.work.grant),
                deadline,
            )
            .replaying(call.replay.clone())
            .with_credentials(self.credentials(&call))
            .traced(call.trace),
            cache: self.work.cache.as_ref().map(|cache| cache.of(&call.user)).map_err(Arc::clone),
            user: call.user,
            questions: Questions::new(self.sandbox.databases.clone(), Arc::clone(&self.work.grant), deadline),
            files: Files::new(
                Arc::clone(&self.sandbox.files),
                Arc::clone(&self.work.grant),
                Arc::clone(&self.work.folders),
            ),
            limiter: Limiter::new(self.work.grant.limits().memory, Arc::clone(&self.sandbox.budget)),
            progress: call.progress,
            deadline,
            cancel: call.cancel,
            replay: call.replay,
        });
        let mut store = Store::new(&self.sandbox.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        store.set_max_component_handles(MAX_HANDLES);
        store.set_epoch_deadline(1);
        let pace = Arc::clone(&self.work.pace);
        store.epoch_deadline_callback(move |store| {
            // A timer fires only when its runtime gets to it; a loop gets here in any case.
            let state = store.data();
            if state.cancel.is_cancelled() || Instant::now() >= state.deadline {
                return Ok(UpdateDeadline::Interrupt);
            }
            pace.note(true);
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    /// What the host adds to the call's requests. What a replay answers needs none.
    fn credentials(&self, call: &Call) -> CallCredentials {
        match call.replay {
            Some(_) => CallCredentials::default(),
            None => self.sandbox.credentials.of_call(&self.work.plugin, &self.work.grant, &call.user),
        }
    }

    /// Runs the task in a new instance until it ends, its deadline comes or it is cancelled.
    async fn race<T: Task>(
        &self,
        store: &mut Store<CallState>,
        task: T,
        deadline: Instant,
        computing: &mut Duration,
    ) -> End<T::Answer> {
        let cancel = store.data().cancel.clone();
        let mut work = pin!(task.run(store));
        let mut timer = pin!(None::<tokio::time::Sleep>);
        let mut cancelled = pin!(cancel.cancelled());
        let mut is_first = true;
        std::future::poll_fn(|cx| {
            let began = Instant::now();
            let polled = work.as_mut().poll(cx);
            let polled_for = began.elapsed();
            *computing += polled_for;
            if let Poll::Ready(end) = polled {
                if is_first && polled_for < super::engine::TICK {
                    self.work.pace.note(false);
                }
                return Poll::Ready(End::Done(end));
            }
            is_first = false;
            // Polled where the call arrived, by nobody who could be woken: most calls end before they need a timer, and
            // one that does not is polled again on the guests' threads.
            if cx.waker().will_wake(Waker::noop()) {
                return Poll::Pending;
            }
            if timer.is_none() {
                timer.set(Some(tokio::time::sleep_until(deadline.into())));
            }
            if timer.as_mut().as_pin_mut().is_some_and(|timer| timer.poll(cx).is_ready()) {
                return Poll::Ready(End::Deadline);
            }
            cancelled.as_mut().poll(cx).map(|()| End::Cancelled)
        })
        .await
    }

    fn receipt(&self, store: &Store<CallState>, id: CallId, computing: Duration, queued: Duration) -> Receipt {
        let state = store.data();
        let trace = state.egress.take_trace();
        let mut denials = trace.denials().to_vec();
        if let Some(redactor) = state.egress.redactor() {
            for denial in &mut denials {
                redaction::denial(redactor, denial);
            }
        }
        let elapsed = self.arrival.elapsed();
        // A call whose instance was never made was about to make it when it ended.
        let made = state.instantiated.map_or(elapsed, |made| made.saturating_duration_since(self.arrival));
        let phases = Phases {
            queued,
            instantiating: made.saturating_sub(queued),
            guest: elapsed.saturating_sub(made),
            reading: Duration::ZERO,
        };
        Receipt {
            call: id,
            elapsed,
            computing,
            phases,
            memory_peak: state.limiter.peak(),
            exchanges: trace.exchanges(self.arrival.into()),
            cache: state.cache_use.clone(),
            queries: state.questions.take_trace(self.arrival),
            files: state.files.used(),
            denials,
            unset_variables: self.work.unset.to_vec(),
            stderr: state.printed(),
            answered: 0,
        }
    }

    fn deadline_failure(&self, receipt: &Receipt) -> Failure {
        // A request has the call's deadline, too, and may have been given up a moment before the call was.
        let waited = |exchange: &&Exchange| {
            matches!(exchange.end, ExchangeEnd::Pending(_) | ExchangeEnd::Failed(Unreachable::Timeout { .. }))
        };
        let server = receipt.exchanges.iter().rfind(waited).map(|exchange| WaitingFor::Server(exchange.server.clone()));
        // Which of a server and a database came last is not known; a database is asked last more often than not.
        let query = receipt.queries.last().filter(|query| query.is_waiting());
        let database = query.map(|query| WaitingFor::Database(query.database.clone()));
        Failure::Deadline { limit: self.work.grant.limits().deadline, waiting_for: database.or(server) }
    }
}

fn check_size(output: RawOutput, limit: u64) -> Result<RawOutput, Failure> {
    let size = output.size();
    if size > limit { Err(Failure::ResultTooLarge { size, limit }) } else { Ok(output) }
}
