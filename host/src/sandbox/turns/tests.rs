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

fn places(number: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(number))
}

fn full(refused: &Failure) -> (&'static str, u64) {
    match refused {
        Failure::Busy { full, retry_after } => (full, retry_after.as_secs()),
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
        async move { turns.admit(&places, 1, Instant::now(), LONG).await }
    };
    let first = admit().await.expect("there is a turn");
    let mut waiting: Vec<_> = (0..WAITING_PER_TURN).map(|_| Box::pin(admit())).collect();
    for waiting in &mut waiting {
        assert!(waits(waiting.as_mut()).await);
    }
    let began = Instant::now();
    assert_eq!(full(&admit().await.expect_err("the queue is full")), (NO_TURN, 1));
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
    let admit = |limit| turns.admit(&places, 1, Instant::now(), limit);
    turns.note(Duration::from_secs(10));
    // A free turn is free, whatever others took.
    let first = admit(Duration::from_secs(5)).await.expect("there is a turn");
    let began = Instant::now();
    for limit in [5, 12, 20] {
        assert_eq!(full(&admit(Duration::from_secs(limit)).await.expect_err("it would end too late")), (NO_TURN, 20));
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
    let limit = Duration::from_secs(4);
    let _first = turns.admit(&places, 1, Instant::now(), limit).await.expect("all is free");
    let began = Instant::now();
    assert_eq!(full(&turns.admit(&places, 1, began, limit).await.expect_err("no turn")), (NO_TURN, 1));
    let for_a_turn = began.elapsed();
    let (other, began) = (Turns::new(1), Instant::now());
    assert_eq!(full(&other.admit(&places, 1, began, limit).await.expect_err("no place")), (NO_PLACE, 1));
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
        Box::pin(async move { turns.admit(&places, 1, Instant::now(), LONG).await })
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
