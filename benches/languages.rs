//! The templates' tool in every language, each served over stdio, beside a native server in Python: what a component takes on disk, until
//! its first answer and for each call. All are pinned to one processor.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints figures, of no more digits than an `f64` has"
)]

mod common;
#[allow(dead_code, unreachable_pub, reason = "it is shared with tests that use more of it")]
#[path = "../tests/support/peers.rs"]
mod peers;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Map, json};
use tempfile::TempDir;

use common::{
    client::{self, Client},
    compare::{Samples, time, verdict},
    folder::Folder,
};

/// Rounds in which each server has its turn.
const ROUNDS: usize = 30;
/// Calls one after the other in a round.
const CALLS: usize = 20;

/// Languages as `toolcell new` knows them, with what a call may take at most beside the native server.
const LANGUAGES: [(&str, Option<f64>); 6] = [
    ("rust", None),
    ("c", None),
    ("go", None),
    ("javascript", Some(1.6)),
    ("typescript", Some(1.6)),
    ("python", Some(4.0)),
];

fn main() {
    if !common::is_measuring() {
        return;
    }
    let built: Vec<_> = LANGUAGES.iter().map(|(language, _)| Built::new(language)).collect();
    common::pin_to_one_processor();
    let folders: Vec<_> = built.iter().map(Built::folder).collect();
    let native = native();
    let mut servers = vec![Server::start("native", "greet", native)];
    println!("{:<12} {:>12} {:>14} {:>14}", "", "component", "first start", "next start");
    for ((built, folder), (language, _)) in built.iter().zip(&folders).zip(LANGUAGES) {
        let serve = || folder.serve(common::program());
        let (first, tool) = until_listed(serve());
        let (next, _) = until_listed(serve());
        println!(
            "{language:<12} {:>8} KiB {:>11} ms {:>11} ms",
            built.size() >> 10,
            first.as_millis(),
            next.as_millis()
        );
        servers.push(Server::start(language, &tool, serve()));
    }
    for _ in 0..ROUNDS {
        for server in &mut servers {
            server.round();
        }
    }
    let samples: Vec<_> = servers.into_iter().map(|server| (server.name, Samples::new(server.times))).collect();
    println!("\n{:<12} {:>10} {:>10}", "", "p50", "p99");
    for (name, samples) in &samples {
        println!("{name:<12} {:>10} {:>10}", time(samples.median()), time(samples.quantile(0.99)));
    }
    let native = samples[0].1.median();
    for ((language, at_most), (_, samples)) in LANGUAGES.iter().zip(&samples[1..]) {
        let ratio = samples.median() / native;
        println!(
            "RATIO a call of a fresh instance in {language} / the Python SDK's own server = {ratio:.2}{}",
            verdict(ratio, *at_most)
        );
    }
}

/// The same tool as people write it with the Python SDK.
fn native() -> Command {
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/languages/server.py"));
    python.env("PYTHONPATH", peers::python_packages());
    python
}

/// A plugin that `toolcell new` made and `toolcell build` built.
struct Built {
    checkout: TempDir,
}

impl Built {
    fn new(language: &str) -> Self {
        let checkout = tempfile::tempdir().expect("a folder can be made");
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
        symlink(sdk.canonicalize().expect("the SDK is there"), checkout.path().join("guest-sdk")).expect("it is ours");
        for arguments in [&["new", "greet", "--lang", language][..], &["build", "greet"]] {
            let mut toolcell = Command::new(common::program());
            toolcell.args(arguments).current_dir(checkout.path());
            toolcell.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-plugin"));
            assert!(toolcell.status().expect("it runs").success(), "{language}: {arguments:?} failed");
        }
        Self { checkout }
    }

    fn component(&self) -> PathBuf {
        self.checkout.path().join("plugins/greet/greet.wasm")
    }

    fn size(&self) -> u64 {
        fs::metadata(self.component()).expect("it is built").len()
    }

    fn folder(&self) -> Folder {
        let manifest = fs::read_to_string(self.checkout.path().join("plugins/greet/plugin.toml")).expect("it was made");
        let (_, rest) = manifest.split_once("component = \"greet.wasm\"\n").expect("a template names its component");
        Folder::new([("greet", self.component().as_path(), rest)])
    }
}

/// How long a server takes from its start until it has listed its one tool, and the tool's name.
fn until_listed(mut command: Command) -> (Duration, String) {
    let began = Instant::now();
    let mut client = Client::start(&mut command);
    let listed = client.until_listed(1);
    (began.elapsed(), listed["result"]["tools"][0]["name"].as_str().expect("a tool has a name").to_owned())
}

struct Server {
    name: &'static str,
    client: Client,
    call: String,
    times: Vec<f64>,
}

impl Server {
    fn start(name: &'static str, tool: &str, mut command: Command) -> Self {
        let call = client::call(1, tool, &Map::from_iter([("name".to_owned(), json!("Ada"))]));
        let mut client = Client::start(&mut command).settled();
        let answered = client.answer(&call);
        assert_eq!(answered["result"]["structuredContent"]["text"], "Hello, Ada!", "{name}: {answered}");
        Self { name, client, call, times: Vec::new() }
    }

    fn round(&mut self) {
        for _ in 0..CALLS {
            self.times.push(self.client.exchange(self.call.as_bytes(), 1).as_nanos() as f64);
        }
    }
}
