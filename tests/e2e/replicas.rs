//! Three servers of one folder behind HAProxy, which people run in front of servers: what their clients see when one is killed,
//! and when all are replaced.
//!
//! In the newer era nothing is kept between two requests, so that any replica answers any of them. `REPLICAS_SECONDS` makes the
//! first test longer: `REPLICAS_SECONDS=600 cargo test --workspace --test e2e -- replicas`.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinSet, time::sleep};

use crate::{
    folder::Folder,
    http_client::{HttpClient, Prepared},
};
use balancer::{Balancer, REPLICAS};

mod balancer;

/// Clients at once.
const CLIENTS: u64 = 64;
/// Between two kills; a killed replica is started again after half of it.
const BETWEEN_KILLS: Duration = Duration::from_millis(2_000);
/// How often a client asks again after a failure, and how long it waits before.
const RETRIES: (usize, Duration) = (5, Duration::from_millis(100));

#[test]
fn a_killed_replica_fails_only_the_calls_that_it_had() {
    let seconds = env::var("REPLICAS_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(7);
    let folder = folder();
    let mut balancer = Balancer::start(&folder);
    let authority = balancer.authority();
    let (calls, kills) = under_load(&authority, async || {
        let began = Instant::now();
        let mut kills = Vec::new();
        for replica in (0..REPLICAS).cycle() {
            sleep(BETWEEN_KILLS / 2).await;
            if began.elapsed() > Duration::from_secs(seconds) {
                break;
            }
            let sent = Instant::now();
            balancer.kill(replica);
            // Its process is gone by now, and so are its sockets.
            kills.push(Kill { replica, sent, gone: Instant::now() });
            sleep(BETWEEN_KILLS / 2).await;
            balancer.start_again(replica, &folder);
        }
        kills
    });
    let failed: Vec<_> = calls.iter().flat_map(|call| &call.failed).collect();
    eprintln!("{} calls, {} kills, {} attempts failed", calls.len(), kills.len(), failed.len());
    assert!(kills.len() >= 2 && calls.len() > 100, "{} calls, {} kills", calls.len(), kills.len());
    for attempt in failed {
        let had = |kill: &Kill| {
            attempt.began < kill.gone && attempt.ended > kill.sent && attempt.replica == Some(kill.replica)
        };
        assert!(kills.iter().any(had), "{attempt:?} was not on a replica when that was killed; {kills:?}");
    }
    for call in &calls {
        assert!(call.answered, "no attempt succeeded: {:?}", call.failed);
    }
}

#[test]
fn replacing_all_replicas_one_after_the_other_fails_no_call() {
    let folder = folder();
    // What HAProxy has to see that a replica is ending, of which it wants to be told twice: ten of its checks.
    folder.write("toolcell.toml", "[http]\ndrain-delay = \"1s\"\n");
    let mut balancer = Balancer::start(&folder);
    let authority = balancer.authority();
    let (calls, codes) = under_load(&authority, async || {
        let mut codes = Vec::new();
        for replica in 0..REPLICAS {
            codes.push(balancer.terminate(replica));
            balancer.start_again(replica, &folder);
            // Until it is ready and HAProxy has seen that; the next one would be the second that is away, and not the last.
            sleep(Duration::from_millis(500)).await;
        }
        codes
    });
    eprintln!("{} calls while all replicas were replaced", calls.len());
    assert_eq!(codes, [Some(0); REPLICAS]);
    let failed: Vec<_> = calls.iter().flat_map(|call| &call.failed).collect();
    assert!(failed.is_empty() && calls.len() > 100, "{} calls, {failed:?}", calls.len());
}

#[derive(Debug)]
struct Kill {
    replica: usize,
    sent: Instant,
    gone: Instant,
}

fn folder() -> Folder {
    let folder = Folder::new(&[("echo", ""), ("sleeps", "limits.concurrency = 64")]);
    folder.lock();
    folder
}

/// One call with its retries.
struct Called {
    failed: Vec<Failed>,
    answered: bool,
}

/// An attempt that failed.
#[derive(Debug)]
#[expect(dead_code, reason = "all of it is shown where a test fails")]
struct Failed {
    began: Instant,
    ended: Instant,
    /// The replica that HAProxy had chosen.
    replica: Option<usize>,
    why: String,
}

/// Has all clients call until `meanwhile` has ended.
fn under_load<T>(authority: &str, meanwhile: impl AsyncFnOnce() -> T) -> (Vec<Called>, T) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let runtime = Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (mut client, stop) = (HttpClient::new(authority), Arc::clone(&stop));
            clients.spawn(async move {
                let mut calls = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    calls.push(call(&mut client, NUMBER.fetch_add(1, Ordering::Relaxed)).await);
                    // People and models pause, too; and these share two processors with all else that is tested.
                    sleep(Duration::from_millis(50)).await;
                }
                calls
            });
        }
        let meant = meanwhile().await;
        stop.store(true, Ordering::Relaxed);
        (clients.join_all().await.into_iter().flatten().collect(), meant)
    })
}

/// Calls until there is the answer. Every other call takes a while, so that there is always one under way.
async fn call(client: &mut HttpClient, number: u64) -> Called {
    let (call, expected) = if number.is_multiple_of(2) {
        let message = format!("call {number}");
        (Prepared::new("echo", &json!({"message": message})), json!({"message": message}).to_string())
    } else {
        (Prepared::new("sleeps", &json!({"ms": 100})), "slept 100 ms".to_owned())
    };
    let mut called = Called { failed: Vec::new(), answered: false };
    for _ in 0..RETRIES.0 {
        let began = Instant::now();
        let mut failed = |replica, why| called.failed.push(Failed { began, ended: Instant::now(), replica, why });
        match client.call(&call).await {
            Ok(response) if response.status().is_success() => {
                let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
                assert_eq!(answer["result"]["content"][0]["text"], expected, "{answer}");
                called.answered = true;
                break;
            }
            Ok(response) => failed(balancer::replica(&response), format!("{response:?}")),
            Err(error) => failed(None, error),
        }
        sleep(RETRIES.1).await;
    }
    called
}
