//! The server over HTTP beside a native rmcp server of the same tool, all pinned to one processor: calls of the newer era by 1, 16
//! and 256 clients, each over a connection that it keeps.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints figures, of no more digits than an `f64` has"
)]

mod common;
#[path = "../tests/support/http_client.rs"]
#[allow(unreachable_pub, reason = "it is shared with tests")]
mod http_client;
#[path = "http/native.rs"]
mod native;

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{runtime::Builder, task::JoinSet};

use common::{
    compare::{Samples, time, verdict},
    folder::Folder,
    guests::{self, SMALL},
    process,
};
use http_client::{HttpClient, Prepared};

/// Rounds in which each server has its turn.
const ROUNDS: usize = 20;
/// Clients at once, and calls of each in a round.
const CLIENTS: [(usize, usize); 3] = [(1, 400), (16, 100), (256, 10)];
/// The most that a call may take of what one of the native server takes.
const AIM: f64 = 1.3;

const TOOLCELL: &str = "toolcell serve --http";
const NATIVE: &str = "rmcp in axum";

fn main() {
    match env::args().nth(1).as_deref() {
        Some("native-http") => native::serve(),
        _ if common::is_measuring() => compare(),
        _ => {}
    }
}

fn compare() {
    common::pin_to_one_processor();
    let concurrency = format!("[limits]\nconcurrency = {}\n", CLIENTS[2].0);
    let folder = Folder::new([("echo", guests::echo(), concurrency.as_str())]);
    let this = env::current_exe().expect("this program has a file");
    let mut toolcell = folder.serve(common::program());
    // The address is in the log.
    toolcell.args(["--http", "127.0.0.1:0"]).env("TOOLCELL_LOG", "toolcell=info");
    let servers =
        [Server::start(TOOLCELL, &mut toolcell), Server::start(NATIVE, Command::new(&this).arg("native-http"))];

    println!("{:<24} {:>8} {:>12} {:>10} {:>10} {:>18}", "", "clients", "calls", "p50", "p99", "server's CPU/call");
    for (clients, calls) in CLIENTS {
        let mut measured = servers.each_ref().map(|_| Measured::default());
        for _ in 0..ROUNDS {
            for (server, measured) in servers.iter().zip(&mut measured) {
                server.round(clients, calls, measured);
            }
        }
        let [toolcell, native] = measured.map(Measured::figures);
        for (name, figures) in [(TOOLCELL, &toolcell), (NATIVE, &native)] {
            let Figures { per_call, p50, p99, processor } = *figures;
            println!(
                "{name:<24} {clients:>8} {:>10.0}/s {:>10} {:>10} {:>18}",
                1e9 / per_call,
                time(p50),
                time(p99),
                time(processor)
            );
        }
        let ratios: [Ratio; 3] = [
            ("time per call", |figures| figures.per_call, Some(AIM)),
            ("p99", |figures| figures.p99, None),
            ("server's CPU per call", |figures| figures.processor, None),
        ];
        for (what, figure, at_most) in ratios {
            let ratio = figure(&toolcell) / figure(&native);
            println!("RATIO {what}, {clients} clients: {TOOLCELL} / {NATIVE} = {ratio:.2}{}", verdict(ratio, at_most));
        }
    }
}

/// What is compared: its name, how much of it there is, and how many times the native server's it may be.
type Ratio = (&'static str, fn(&Figures) -> f64, Option<f64>);

/// A server that was started.
struct Server {
    child: Child,
    authority: String,
    call: Prepared,
}

impl Server {
    /// Starts a server, which says in a line of its standard output or error where it listens, and makes a first call.
    fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let authority = loop {
            let line = lines.next().and_then(Result::ok).expect("the server says where it listens");
            if let Some((_, url)) = line.split_once("http://") {
                break url.trim_end().trim_end_matches("/mcp").to_owned();
            }
        };
        // What it says from now on is read, and of no interest.
        std::thread::spawn(move || lines.for_each(drop));
        let arguments = Value::Object(guests::arguments(SMALL));
        let server = Self { child, authority, call: Prepared::new("echo", &arguments) };
        let answer = server.first_call();
        assert_eq!(answer["result"]["structuredContent"], arguments, "{name}: {answer}");
        server
    }

    fn first_call(&self) -> Value {
        runtime().block_on(async {
            let response = HttpClient::new(&self.authority).call(&self.call).await.expect("the server answers");
            serde_json::from_slice(response.body()).expect("the answer is JSON, and no stream of events")
        })
    }

    /// Has so many clients make so many calls each.
    fn round(&self, clients: usize, calls: usize, measured: &mut Measured) {
        let busy = process::processor_time(self.child.id());
        runtime().block_on(async {
            let mut connected = JoinSet::new();
            for _ in 0..clients {
                let (mut client, call) = (HttpClient::new(&self.authority), self.call.clone());
                connected.spawn(async move {
                    client.call(&call).await.expect("the server answers");
                    client
                });
            }
            let connected = connected.join_all().await;
            let mut calling = JoinSet::new();
            let began = Instant::now();
            for mut client in connected {
                let call = self.call.clone();
                calling.spawn(async move {
                    let mut took = Vec::with_capacity(calls);
                    for _ in 0..calls {
                        let began = Instant::now();
                        let response = client.call(&call).await.expect("the server answers");
                        assert!(response.status().is_success(), "{response:?}");
                        took.push(began.elapsed().as_nanos() as f64);
                    }
                    took
                });
            }
            measured.latencies.extend(calling.join_all().await.into_iter().flatten());
            measured.per_call.push(began.elapsed().as_nanos() as f64 / (clients * calls) as f64);
        });
        measured.calls += clients * (calls + 1);
        measured.processor += process::processor_time(self.child.id()).saturating_sub(busy);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the rounds of one server gave; times are in nanoseconds.
#[derive(Default)]
struct Measured {
    /// Of each call, from its beginning to its answer.
    latencies: Vec<f64>,
    /// Of each round, the time divided by the calls in it.
    per_call: Vec<f64>,
    /// All calls, also those that only opened connections, and the server's processor time for them.
    calls: usize,
    processor: Duration,
}

struct Figures {
    per_call: f64,
    p50: f64,
    p99: f64,
    processor: f64,
}

impl Measured {
    fn figures(self) -> Figures {
        let [latencies, per_call] = [self.latencies, self.per_call].map(Samples::new);
        let [p50, p99] = [0.5, 0.99].map(|q| latencies.quantile(q));
        let processor = self.processor.as_nanos() as f64 / self.calls as f64;
        Figures { per_call: per_call.median(), p50, p99, processor }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}
