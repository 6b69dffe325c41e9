use std::{
    fs,
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
};

use tokio::{task::JoinSet, time::interval};

use super::*;
use crate::{
    call::Call,
    policy::{Digest, Limits, PartialLimits},
    sandbox::{Program, Sandbox, Settings, Work},
    user::User,
};

const LONG: Duration = Duration::from_secs(60);

async fn program(sandbox: &Sandbox, file: &str) -> Program {
    let wasm = fs::read(file).expect("the guest is built");
    sandbox.load(&wasm, &Digest::of(&wasm)).await.expect("it loads")
}

fn work(plugin: &str, concurrency: u32, deadline: Duration) -> Work {
    let limits = PartialLimits { concurrency: Some(concurrency), deadline: Some(deadline), memory: None };
    Work {
        turns: Arc::new(Turns::new(concurrency)),
        ..Work::with_nothing(plugin, "sleeps", Limits::default().with(&limits))
    }
}

/// One plugin that calls come to, and what came of them.
#[derive(Clone)]
struct Plugin {
    sandbox: Arc<Sandbox>,
    program: Program,
    work: Work,
}

#[derive(Debug, Default)]
struct Ends {
    answered: usize,
    busy: usize,
    others: Vec<Failure>,
    per_second: f64,
}

impl Plugin {
    /// Calls at even distances, whatever becomes of those before.
    async fn under_load(self, calls: u32, every: Duration) -> Ends {
        let began = Instant::now();
        let (mut clock, mut running) = (interval(every), JoinSet::new());
        for _ in 0..calls {
            clock.tick().await;
            let Self { sandbox, program, work } = self.clone();
            running.spawn(
                async move { sandbox.call(&program, &work, r#"{"ms":50}"#.to_owned(), Call::detached()).await.0 },
            );
        }
        let mut ends = Ends::default();
        for end in running.join_all().await {
            match end {
                Ok(_) => ends.answered += 1,
                Err(Failure::Busy { .. }) => ends.busy += 1,
                Err(other) => ends.others.push(other),
            }
        }
        ends.per_second = f64::from(u32::try_from(ends.answered).expect("few")) / began.elapsed().as_secs_f64();
        ends
    }
}

/// Eight places and calls of 50 ms: 160 calls a second are what can be carried.
#[tokio::test(flavor = "multi_thread")]
async fn overload_is_refused_and_what_is_begun_is_finished() {
    let sandbox = Arc::new(Sandbox::new(Settings { slots: 8, ..Settings::default() }).expect("a sandbox starts"));
    let program = program(&sandbox, toolcell_test_guests::SLEEPS).await;
    let plugin = |name: &str, concurrency| Plugin {
        sandbox: Arc::clone(&sandbox),
        program: program.clone(),
        work: work(name, concurrency, Duration::from_secs(10)),
    };
    let (crowded, neighbour) = (plugin("crowded", 8), plugin("neighbour", 2));
    let once = crowded.clone().under_load(320, Duration::from_micros(6_250)).await;
    let load = crowded.under_load(4_800, Duration::from_micros(625));
    let (tenfold, beside) = tokio::join!(load, neighbour.under_load(15, Duration::from_millis(200)));
    println!(
        "at the load that can be carried: {} answered, {} busy, {:.0} a second; at ten times that: {} answered, {} busy, \
         {:.0} a second; a neighbour then: {} answered, {} busy",
        once.answered,
        once.busy,
        once.per_second,
        tenfold.answered,
        tenfold.busy,
        tenfold.per_second,
        beside.answered,
        beside.busy
    );
    assert!(once.others.is_empty() && tenfold.others.is_empty(), "{once:?} {tenfold:?}");
    assert_eq!((beside.answered, beside.busy), (15, 0), "{beside:?}");
    assert!(tenfold.busy > 0);
    // A machine with other work to do makes both worse.
    assert!(tenfold.per_second > 0.5 * once.per_second, "{once:?} {tenfold:?}");
}

fn name(user: &str) -> Arc<str> {
    user.into()
}

fn arrival(user: &Arc<str>, limit: Duration) -> Arrival<'_> {
    Arrival { user, at: Instant::now(), limit }
}

fn places(number: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(number))
}

fn full(refused: &Failure) -> (Full, u64) {
    match refused {
        Failure::Busy { full, retry_after } => (*full, retry_after.as_secs()),
        other => panic!("{other:?}"),
    }
}

async fn waits<F: Future>(mut call: Pin<&mut F>) -> bool {
    poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await
}

#[tokio::test]
async fn the_queue_for_turns_is_bounded() {
    let (turns, places) = (Arc::new(Turns::new(1)), places(8));
    let admit = || {
        let (turns, places) = (Arc::clone(&turns), Arc::clone(&places));
        async move { turns.admit(&places, 1, arrival(User::local().shared_name(), LONG)).await }
    };
    let first = admit().await.expect("there is a turn");
    let mut waiting: Vec<_> = (0..WAITING_PER_TURN).map(|_| Box::pin(admit())).collect();
    for waiting in &mut waiting {
        assert!(waits(waiting.as_mut()).await);
    }
    let began = Instant::now();
    assert_eq!(full(&admit().await.expect_err("the queue is full")), (Full::Plugin, 1));
    assert!(began.elapsed() < LONG / 3, "it waited for {:?}", began.elapsed());
    // Whoever gives up leaves the queue.
    waiting.pop();
    let mut next = pin!(admit());
    assert!(waits(next.as_mut()).await);
    waiting.clear();
    drop(first);
    next.await.expect("it is its turn");
}

#[tokio::test]
async fn a_wait_without_hope_is_refused_at_once() {
    let (turns, places) = (Turns::new(1), places(8));
    let user = name("local");
    let admit = |limit| turns.admit(&places, 1, arrival(&user, limit));
    turns.note(Duration::from_secs(10));
    // A free turn is free, whatever others took.
    let first = admit(Duration::from_secs(5)).await.expect("there is a turn");
    let began = Instant::now();
    for limit in [5, 12, 20] {
        assert_eq!(
            full(&admit(Duration::from_secs(limit)).await.expect_err("it would end too late")),
            (Full::Plugin, 10)
        );
    }
    println!("three refusals took {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(4));
    let mut patient = pin!(admit(LONG));
    assert!(waits(patient.as_mut()).await);
    drop(first);
    patient.await.expect("it is its turn");
}

#[tokio::test]
async fn a_call_does_not_start_in_the_second_half_of_its_time() {
    let (turns, places) = (Turns::new(1), places(1));
    let (limit, user) = (Duration::from_secs(4), name("local"));
    let _first = turns.admit(&places, 1, arrival(&user, limit)).await.expect("all is free");
    let began = Instant::now();
    assert_eq!(full(&turns.admit(&places, 1, arrival(&user, limit)).await.expect_err("no turn")), (Full::Plugin, 1));
    let for_a_turn = began.elapsed();
    let (other, began) = (Turns::new(1), Instant::now());
    assert_eq!(full(&other.admit(&places, 1, arrival(&user, limit)).await.expect_err("no place")), (NO_PLACE, 1));
    println!("given up after {for_a_turn:?} without a turn and {:?} without a place, of {limit:?}", began.elapsed());
    for waited in [for_a_turn, began.elapsed()] {
        assert!((limit / 2..limit).contains(&waited), "{waited:?}");
    }
}

#[tokio::test]
async fn a_call_waits_for_a_place_behind_one_of_each_other_plugin() {
    let (crowd, neighbour, places) = (Arc::new(Turns::new(10)), Arc::new(Turns::new(10)), places(1));
    let admit = |turns: &Arc<Turns>| {
        let (turns, places) = (Arc::clone(turns), Arc::clone(&places));
        Box::pin(async move { turns.admit(&places, 1, arrival(User::local().shared_name(), LONG)).await })
    };
    let first = admit(&crowd).await.expect("all is free");
    let mut crowded: Vec<_> = (0..9).map(|_| admit(&crowd)).collect();
    for waiting in &mut crowded {
        assert!(waits(waiting.as_mut()).await);
    }
    let mut beside = admit(&neighbour);
    assert!(waits(beside.as_mut()).await);
    drop(first);
    let second = crowded.remove(0).await.expect("it came first");
    assert!(waits(crowded[0].as_mut()).await);
    drop(second);
    beside.await.expect("only one was before it");
}

/// A user with a hundred calls waiting, and others who come after all of these.
#[tokio::test]
async fn users_take_turns_and_nobody_waits_behind_all_of_anothers_calls() {
    let (turns, places) = (Arc::new(Turns::new(1)), places(8));
    let (order, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
    let mut calls = JoinSet::new();
    let mut begin = |user: &'static str| {
        let (turns, places, order, ended) =
            (Arc::clone(&turns), Arc::clone(&places), Arc::clone(&order), Arc::clone(&ended));
        calls.spawn(async move {
            let user_name = name(user);
            let _admission = turns.admit(&places, 1, arrival(&user_name, LONG)).await.expect("it waits");
            order.lock().expect("nothing panics with the lock").push(user);
            ended.acquire().await.expect("it is open").forget();
        });
    };
    for user in ["greedy"; 10].into_iter().chain(["alice", "bob", "alice"]) {
        begin(user);
        tokio::task::yield_now().await;
    }
    ended.add_permits(13);
    calls.join_all().await;
    let order = order.lock().expect("nothing panics with the lock");
    // The first runs, the second stands in the queue already, and from there on they take turns.
    let expected = ["greedy", "greedy", "alice", "bob", "greedy", "alice", "greedy"];
    assert_eq!(order[..7], expected);
    assert!(turns.queues().is_empty(), "nobody waits any more");
}

#[tokio::test]
async fn a_user_who_fills_their_queue_leaves_room_for_others() {
    let (turns, places) = (Arc::new(Turns::new(1)), places(8));
    let admit = |user: &'static str| {
        let (turns, places) = (Arc::clone(&turns), Arc::clone(&places));
        Box::pin(async move { turns.admit(&places, 1, arrival(&name(user), LONG)).await })
    };
    let first = admit("greedy").await.expect("there is a turn");
    let mut waiting: Vec<_> = (0..WAITING_PER_TURN).map(|_| admit("greedy")).collect();
    for waiting in &mut waiting {
        assert!(waits(waiting.as_mut()).await);
    }
    assert_eq!(full(&admit("greedy").await.expect_err("the queue is full")).0, Full::Plugin);
    let mut alice = admit("alice");
    assert!(waits(alice.as_mut()).await);
    // What alice is told to expect, if it comes to that, is two calls of ten seconds and not sixteen.
    turns.note(Duration::from_secs(10));
    let ahead = |user| ahead(&turns.queues(), &name(user));
    assert_eq!((ahead("bob"), ahead("greedy")), (2, WAITING_PER_TURN + 1));
    drop(first);
    drop(waiting.remove(0).await.expect("it stood in the queue"));
    alice.await.expect("it is her turn");
}
