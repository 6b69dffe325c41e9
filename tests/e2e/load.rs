//! The server while guests take all that they get: it answers, and every call ends.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{client::Client, folder::Folder};

/// Twice as many as there are processors, so that no thread of the guests is free.
fn spinners() -> usize {
    2 * std::thread::available_parallelism().map_or(2, Into::into)
}

#[test]
pub fn pings_are_answered_while_guests_spin() {
    let folder = Folder::new(&[("spin", "limits.deadline = \"6s\"")]);
    let mut client = folder.lock().serve();
    // Twice: the first calls start where clients are served, and only when they have overrun do the next ones not.
    for _ in 0..2 {
        let calls: Vec<_> = (0..spinners()).map(|_| client.begin_call("spin", json!({}))).collect();
        let mut took: Vec<_> = (0..400).map(|_| timed_ping(&mut client)).collect();
        took.sort();
        let (median, p99, most) = (took[200], took[396], took[399]);
        eprintln!("ping while {} guests spin: median {median:?}, p99 {p99:?}, most {most:?}", calls.len());
        // A server that the guests hold up answers after their deadline.
        assert!(p99 < Duration::from_secs(2), "{took:?}");
        for id in calls {
            let answer = client.end(id);
            assert_eq!(answer["result"]["_meta"]["toolcell/error"]["code"], "deadline", "{answer}");
            assert!(answer["result"]["content"][0]["text"].to_string().contains("its deadline of 6s"), "{answer}");
        }
    }
    ends_well(client);
}

fn timed_ping(client: &mut Client) -> Duration {
    std::thread::sleep(Duration::from_millis(5));
    let began = Instant::now();
    client.ping();
    began.elapsed()
}

#[test]
fn the_end_of_input_ends_the_server_even_with_calls_under_way() {
    let folder = Folder::new(&[("spin", ""), ("sleeps", "")]);
    let mut client = folder.lock().serve();
    for _ in 0..spinners() {
        client.begin_call("spin", json!({}));
        client.begin_call("sleeps", json!({"ms": 60_000}));
    }
    client.ping();
    ends_well(client);
}

/// The calls' own deadline is 30 s.
fn ends_well(client: Client) {
    let began = Instant::now();
    assert_eq!(client.close().code(), Some(0));
    eprintln!("ended {:?} after its input", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_call_that_waited_for_its_turn_still_ends_at_its_deadline() {
    let folder = Folder::new(&[("sleeps", "[limits]\nconcurrency = 1\ndeadline = \"10s\"")]);
    let mut client = folder.lock().serve();
    let first = client.begin_call("sleeps", json!({"ms": 2_000}));
    // Requests are handled at the same time, and this one has to come second: after half of its time it would be too late.
    std::thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    let second = client.begin_call("sleeps", json!({"ms": 60_000}));
    assert_eq!(client.end(first)["result"]["content"][0]["text"], "slept 2000 ms");
    let answer = client.end(second);
    eprintln!("ended {:?} after it came, with a deadline of 10 s", began.elapsed());
    assert_eq!(answer["result"]["_meta"]["toolcell/error"]["code"], "deadline", "{answer}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
pub fn progress_is_sent_while_the_call_runs() {
    let folder = Folder::new(&[("progresses", "")]);
    let mut client = folder.lock().serve();
    let params = json!({"name": "progresses", "arguments": {}, "_meta": {"progressToken": "p"}});
    let answer = client.request("tools/call", params);
    assert_eq!(answer["result"]["content"][0]["text"], "reported", "{answer}");
    assert_eq!(progress(&client), [0.0, 50.0, 100.0]);
}

#[test]
fn a_flood_of_progress_holds_up_nobody_and_only_grows() {
    let folder = Folder::new(&[("progresses", "")]);
    let mut client = folder.lock().serve();
    for _ in 0..3 {
        let params = json!({"name": "progresses", "arguments": {"flood": true}, "_meta": {"progressToken": "p"}});
        let id = client.begin("tools/call", params);
        client.ping();
        let answer = client.end(id);
        assert_eq!(answer["result"]["content"][0]["text"], "reported", "{answer}");
        let done = progress(&client);
        assert!(done.is_sorted_by(|a, b| a < b), "{done:?}");
        assert_eq!(done.last(), Some(&99_999.0), "the last report is sent before the answer");
        // A notification every 20 ms at most, of 100,000 reports.
        assert!(done.len() < 10_000, "{} notifications", done.len());
        client.notifications.clear();
    }
}

fn progress(client: &Client) -> Vec<f64> {
    let reports = client.notifications.iter().filter(|message| message["method"] == "notifications/progress");
    reports.map(|message| message["params"]["progress"].as_f64().expect("a number")).collect()
}
