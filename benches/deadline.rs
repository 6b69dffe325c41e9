//! How long after its deadline a call that never ends is answered, alone and among 64, and how soon a `ping` is meanwhile.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints figures, of no more digits than an `f64` has"
)]

mod common;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use common::{
    client::{self, Client},
    compare::{Samples, time, verdict},
    folder::Folder,
};

/// What each call is given.
const DEADLINE: Duration = Duration::from_millis(100);
/// Calls one after the other.
const ALONE: usize = 100;
/// Calls at once.
const TOGETHER: usize = 64;
/// How often so many calls are made at once.
const ROUNDS: usize = 20;
/// Between the answer to a `ping` and the next one.
const PAUSE: Duration = Duration::from_millis(1);

fn main() {
    if !common::is_measuring() {
        return;
    }
    let manifest = format!("[limits]\ndeadline = \"{}ms\"\nconcurrency = {TOGETHER}\n", DEADLINE.as_millis());
    let folder = Folder::new([("spin", Path::new(toolcell_test_guests::SPIN), manifest.as_str())]);
    let mut client = Client::start(&mut folder.serve(common::program())).settled();

    let (mut late, mut pings) = (Vec::new(), Vec::new());
    for _ in 0..ALONE {
        round(&mut client, 1, &mut late, &mut pings);
    }
    show("one call that spins", late, 25.0, pings);
    let (mut late, mut pings) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        round(&mut client, TOGETHER, &mut late, &mut pings);
    }
    show(&format!("{TOGETHER} calls that spin"), late, 250.0, pings);
}

/// Calls so many times at once, and pings until all have ended. Takes what is later than the deadline, and what each `ping`
/// took, in nanoseconds.
fn round(client: &mut Client, calls: usize, late: &mut Vec<f64>, pings: &mut Vec<f64>) {
    let requests: String = (0..calls).map(|id| client::call(id, "spin", &Map::new())).collect();
    let ping = client::request(calls, "ping", &json!({}));
    let began = Instant::now();
    client.send(requests.as_bytes());
    let mut running = calls;
    while running > 0 {
        let pinged = Instant::now();
        client.send(ping.as_bytes());
        loop {
            let answer: Value = serde_json::from_slice(&client.next_line()).expect("an answer is JSON");
            if answer["id"] == calls {
                pings.push(pinged.elapsed().as_nanos() as f64);
                break;
            }
            assert_eq!(answer["result"]["_meta"]["toolcell/error"]["code"], "deadline", "{answer}");
            late.push(began.elapsed().saturating_sub(DEADLINE).as_nanos() as f64);
            running -= 1;
        }
        std::thread::sleep(PAUSE);
    }
}

fn show(what: &str, late: Vec<f64>, at_most: f64, pings: Vec<f64>) {
    let (late, pings) = (Samples::new(late), Samples::new(pings));
    for (figure, samples, at_most) in [("late past the deadline", &late, at_most), ("ping", &pings, 50.0)] {
        let (p50, p99) = (samples.median(), samples.quantile(0.99));
        println!("{what}: {figure}: p50 {}, p99 {}{} ms", time(p50), time(p99), verdict(p99 / 1e6, Some(at_most)));
    }
}
