use std::{future::poll_fn, pin::pin, task::Poll};

use super::*;
use crate::source::Source;

fn user(policy: UserPolicy) -> User {
    User::with("alice", policy, OwnValues::default())
}

fn variable(name: &str) -> EnvName {
    name.parse().expect("the test writes a name")
}

fn busy<T>(answer: Result<T, Failure>) -> (Full, Duration) {
    match answer.err() {
        Some(Failure::Busy { full, retry_after }) => (full, retry_after),
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_are_counted_and_come_back_at_the_rate() {
    let rate: Rate = "60/h".parse().expect("a rate");
    let often = user(UserPolicy { rate: Some(rate.with_burst(3).expect("a burst")), ..UserPolicy::default() });
    for _ in 0..3 {
        assert_eq!(often.count_call(), Ok(()));
    }
    for _ in 0..100 {
        let (full, retry_after) = busy(often.count_call());
        assert_eq!(full, Full::Rate(often.policy.rate.expect("it has one")));
        // One comes back each minute, whoever calls in vain meanwhile.
        assert!((1..=60).contains(&retry_after.as_secs()), "{retry_after:?}");
    }
    let other = user(often.policy.clone());
    assert_eq!(other.count_call(), Ok(()), "each user is counted alone");
    let fast = user(UserPolicy { rate: "1000000/s".parse().ok(), ..UserPolicy::default() });
    assert!((0..1_000).all(|_| fast.count_call().is_ok()));
    let free = user(UserPolicy::default());
    assert!((0..1_000).all(|_| free.count_call().is_ok()));
}

#[tokio::test]
async fn a_call_waits_for_one_of_the_same_user_and_not_without_end() {
    const LONG: Duration = Duration::from_secs(120);
    let alice = user(UserPolicy { concurrency: Some(1), ..UserPolicy::default() });
    let bob = user(alice.policy.clone());
    let begin = |limit| alice.begin_call(Instant::now(), limit);
    let first = begin(LONG).await.expect("nothing is under way");
    bob.begin_call(Instant::now(), LONG).await.expect("each user is counted alone");
    assert_eq!(busy(begin(Duration::from_millis(20)).await), (Full::Calls(1), Duration::from_secs(1)));
    let mut waiting: Vec<_> = (0..UnderWay::WAITING).map(|_| Box::pin(begin(LONG))).collect();
    for call in &mut waiting {
        assert!(poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await);
    }
    let began = Instant::now();
    assert_eq!(busy(begin(LONG).await).0, Full::Calls(1));
    assert!(began.elapsed() < LONG / 4);
    // Whoever gives up leaves the queue.
    waiting.pop();
    let mut last = pin!(begin(LONG));
    assert!(poll_fn(|cx| Poll::Ready(last.as_mut().poll(cx).is_pending())).await);
    waiting.clear();
    drop(first);
    last.await.expect("it is the only one");
}

#[test]
fn a_value_of_their_own_comes_first_and_one_that_is_missing_is_not_replaced() {
    let values = [(variable("OWN"), Some("alice's".to_owned())), (variable("LOST"), None)];
    let values: OwnValues = values.into_iter().collect();
    assert_eq!(format!("{values:?}"), "{EnvName(\"LOST\"), EnvName(\"OWN\")}");
    let alice = User::with("alice", UserPolicy::default(), values);
    let seen = |name| alice.value_or(&variable(name), Some("the host's"));
    assert_eq!([seen("OWN"), seen("LOST"), seen("OTHER")], [Some("alice's"), None, Some("the host's")]);
    assert_eq!([alice.value(&variable("OWN")), alice.value(&variable("OTHER"))], [Some("alice's"), None]);
    assert!(alice.has_own([variable("OTHER"), variable("LOST")].iter()));
    assert!(!alice.has_own([variable("OTHER")].iter()));
}

#[test]
fn values_are_not_formatted() {
    let values = EnvFile::parse(&Source { file: ".env", text: "TOKEN=secret" }).expect("the line is good");
    let alice = User::new("alice", values);
    assert_eq!(alice.value(&variable("TOKEN")), Some("secret"));
    assert_eq!(format!("{alice:?}"), "User(\"alice\")");
}
