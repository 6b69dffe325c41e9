//! The server over stdio beside native rmcp servers of the same tool, all pinned to one processor: calls one after the
//! other, and 64 at once.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints figures, of no more digits than an `f64` has"
)]

mod common;
#[path = "stdio/native.rs"]
mod native;

use std::{env, process::Command};

use common::{
    client::{self, Client},
    compare::{Samples, time, verdict},
    folder::Folder,
    guests::{self, SMALL},
};
use native::Transport;

/// Rounds in which each server has its turn.
const ROUNDS: usize = 60;
/// Calls one after the other in a round.
const SEQUENTIAL: usize = 100;
/// Calls at once.
const IN_FLIGHT: usize = 64;
/// How often so many calls are made at once in a round.
const BURSTS: usize = 10;

const TOOLCELL: &str = "toolcell serve";
const STDIO: &str = "rmcp stdio()";
const PIPES: &str = "rmcp stdio_pipes()";

fn main() {
    match env::args().nth(1).as_deref() {
        Some("native-stdio") => native::serve(Transport::Stdio),
        Some("native-pipes") => native::serve(Transport::StdioPipes),
        _ if common::is_measuring() => compare(),
        _ => {}
    }
}

fn compare() {
    common::pin_to_one_processor();
    let folder = Folder::new([("echo", guests::echo(), "")]);
    let this = env::current_exe().expect("this program has a file");
    let mut servers = [
        Server::start(TOOLCELL, &mut folder.serve(common::program())),
        Server::start(STDIO, Command::new(&this).arg("native-stdio")),
        Server::start(PIPES, Command::new(&this).arg("native-pipes")),
    ];
    for _ in 0..ROUNDS {
        for server in &mut servers {
            server.round();
        }
    }

    println!("{:<20} {:>12} {:>10} {:>10} {:>14} {:>12}", "", "sequential", "p50", "p99", "64 in flight", "per call");
    let measured = servers.map(Server::measured);
    for Measured { name, sequential, in_flight } in &measured {
        let per_second = |nanoseconds: f64| format!("{:.0}/s", 1e9 / nanoseconds);
        let [p50, p99] = [sequential.median(), sequential.quantile(0.99)];
        let burst = in_flight.median();
        println!(
            "{name:<20} {:>12} {:>10} {:>10} {:>14} {:>12}",
            per_second(sequential.mean()),
            time(p50),
            time(p99),
            per_second(burst),
            time(burst),
        );
    }
    let [toolcell, stdio, pipes] = measured;
    ratio("sequential p50", &toolcell, &stdio, |server| server.sequential.median(), Some(1.0));
    ratio("sequential p50", &toolcell, &pipes, |server| server.sequential.median(), Some(1.8));
    ratio("sequential p99", &toolcell, &pipes, |server| server.sequential.quantile(0.99), None);
    ratio("64 in flight, per call", &toolcell, &stdio, |server| server.in_flight.median(), None);
    ratio("64 in flight, per call", &toolcell, &pipes, |server| server.in_flight.median(), Some(2.0));
}

struct Server {
    name: &'static str,
    client: Client,
    one: String,
    burst: String,
    sequential: Vec<f64>,
    in_flight: Vec<f64>,
}

struct Measured {
    name: &'static str,
    sequential: Samples,
    in_flight: Samples,
}

impl Server {
    fn start(name: &'static str, command: &mut Command) -> Self {
        let arguments = guests::arguments(SMALL);
        let one = client::call(1, "echo", &arguments);
        let burst = (0..IN_FLIGHT).map(|id| client::call(id, "echo", &arguments)).collect();
        let mut client = Client::start(command).settled();
        let answer = client.answer(&one);
        assert_eq!(answer["result"]["structuredContent"], serde_json::Value::Object(arguments), "{name}: {answer}");
        Self { name, client, one, burst, sequential: Vec::new(), in_flight: Vec::new() }
    }

    fn round(&mut self) {
        for _ in 0..SEQUENTIAL {
            self.sequential.push(self.client.exchange(self.one.as_bytes(), 1).as_nanos() as f64);
        }
        for _ in 0..BURSTS {
            let elapsed = self.client.exchange(self.burst.as_bytes(), IN_FLIGHT);
            self.in_flight.push(elapsed.as_nanos() as f64 / IN_FLIGHT as f64);
        }
    }

    fn measured(self) -> Measured {
        let [sequential, in_flight] = [self.sequential, self.in_flight].map(Samples::new);
        Measured { name: self.name, sequential, in_flight }
    }
}

fn ratio(what: &str, of: &Measured, to: &Measured, figure: fn(&Measured) -> f64, at_most: Option<f64>) {
    let ratio = figure(of) / figure(to);
    println!("RATIO {what}: {} / {} = {ratio:.2}{}", of.name, to.name, verdict(ratio, at_most));
}
