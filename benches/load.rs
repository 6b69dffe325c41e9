//! What it costs to load a plugin: compiled, from the code cache, and by a server from its start to its first answer.
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
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use toolcell::{
    plugin::Registry,
    sandbox::{CodeCache, Sandbox, Settings},
};

use common::{
    client::Client,
    compare::{Case, Comparison, Samples, show, time, verdict},
    folder::Folder,
    guests,
};

/// How often a server is started.
const STARTS: usize = 20;

/// Tools of the plugin.
const TOOLS: usize = 3;

const COLD: &str = "compiled";
const CACHED: &str = "from the cache";

fn main() {
    if !common::is_measuring() {
        return;
    }
    let mut criterion = common::criterion().sample_size(10);
    let runtime = Runtime::new().expect("a runtime starts");
    let one = Folder::new([("echo", guests::echo(), "")]);
    let (cache, _files) = code_cache();
    let mut cases = [loaded(COLD, &runtime, &one, None), loaded(CACHED, &runtime, &one, Some(cache))];
    show(&mut criterion, "load a plugin", &mut cases);
    let compared = Comparison::of(&mut cases, 10, 1);
    compared.ratio(CACHED, COLD, None);
    criterion.final_summary();

    starts("one plugin", TOOLS, &one, 50.0);
    let names: Vec<_> = (0..50).map(|number| format!("echo{number}")).collect();
    let manifests: Vec<_> = (0..50).map(|number| format!("[tools]\nprefix = \"p{number}_\"\n")).collect();
    let plugins = names.iter().zip(&manifests).map(|(name, manifest)| (&**name, guests::echo(), &**manifest));
    starts("50 plugins", 50 * TOOLS, &Folder::new(plugins), 300.0);
}

fn code_cache() -> (CodeCache, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    (CodeCache::open(&folder.path().join("code"), [7; 32]).expect("the folder is private"), folder)
}

/// Opening a registry: reading, checking, loading, listing the tools, granting.
fn loaded<'a>(name: &'static str, runtime: &'a Runtime, folder: &'a Folder, code_cache: Option<CodeCache>) -> Case<'a> {
    let sandbox = Arc::new(Sandbox::new(Settings { code_cache, ..Settings::default() }).expect("a sandbox starts"));
    Case::new(name, move |times| {
        for _ in 0..times {
            let registry = runtime.block_on(Registry::open(folder.sources(), Arc::clone(&sandbox)));
            assert_eq!(registry.expect("the folder can be read").catalog().unserved.len(), 0);
        }
    })
}

/// Starts `toolcell serve` again and again, with the code in its cache, and waits for the list of tools.
fn starts(name: &str, tools: usize, folder: &Folder, at_most_ms: f64) {
    let start = || {
        let began = Instant::now();
        let mut client = Client::start(&mut folder.serve(common::program()));
        client.until_listed(tools);
        began.elapsed()
    };
    let first: Duration = start();
    let samples = Samples::new((0..STARTS).map(|_| start().as_nanos() as f64).collect());
    println!(
        "START {name}: from process start to the list of tools {}{}; fastest {}, with an empty cache {}",
        time(samples.median()),
        verdict(samples.median() / 1e6, Some(at_most_ms)).replace(')', " ms)"),
        time(samples.min()),
        time(first.as_nanos() as f64),
    );
}
