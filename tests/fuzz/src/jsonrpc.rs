//! Any bytes at the server's input: every line that comes out is one JSON-RPC message, and a `ping` after them is answered.

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{runtime::Runtime, time::timeout};
use tokio_util::sync::CancellationToken;
use toolcell::{
    host::Host,
    mcp::{Stdio, serve_stdio},
    plugin::{Environment, Registry, Sources, acceptance::State, inspect_component, lock::LockFile},
    policy::{Capabilities, Entry, PluginName, Policy},
    sandbox::{Sandbox, Settings},
};

use crate::component::TINY;

/// Far longer than an answer takes; reached only when none comes.
const HANGS: Duration = Duration::from_secs(60);

/// Serves a client that sends the input, then a `ping`, then nothing more.
///
/// # Panics
///
/// When something comes out that is no message, or no answer does.
pub fn run(input: &[u8]) {
    let (runtime, host) = served();
    let (server_input, mut to_server) = io::pipe().expect("a pipe");
    let (from_server, server_output) = io::pipe().expect("a pipe");
    let id = ping_id(input);
    let ping = format!("\n{}\n", json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
    let serving = runtime.spawn(async move {
        let stdio = Stdio::new(server_input.into(), server_output.into());
        serve_stdio(Arc::clone(host), stdio, &CancellationToken::new()).await
    });
    let is_answered = thread::scope(|scope| {
        let read = scope.spawn(|| read(BufReader::new(from_server), &id));
        // The server may have left already when its input ends in the middle of nothing.
        let _ = to_server.write_all(input).and_then(|()| to_server.write_all(ping.as_bytes()));
        drop(to_server);
        read.join().expect("every line is a message")
    });
    assert!(is_answered, "no answer to the ping after {:?}", String::from_utf8_lossy(input));
    let ended = runtime.block_on(async { timeout(HANGS, serving).await }).expect("the server ends with its input");
    ended.expect("no panic").expect("pipes can be served");
}

/// Reads to the end; whether the request of this id was answered.
fn read(lines: impl BufRead, id: &str) -> bool {
    let mut is_answered = false;
    for line in lines.lines() {
        let line = line.expect("output is UTF-8");
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        let has = |key: &str| message.get(key).is_some();
        let kinds = [has("method"), has("result"), has("error")];
        assert_eq!(kinds.into_iter().filter(|kind| *kind).count(), 1, "neither one thing nor the other: {line}");
        assert!(!has("result") || has("id"), "an answer to nothing: {line}");
        if message["id"] == id {
            assert!(has("result"), "{line}");
            is_answered = true;
        }
    }
    is_answered
}

/// An id that is nowhere in the input, so that nothing in it can cancel the `ping` or answer to its name.
fn ping_id(input: &[u8]) -> String {
    let taken = |id: &str| input.windows(id.len()).any(|window| window == id.as_bytes());
    (0..=input.len())
        .map(|n| format!("ping-{n}"))
        .find(|id| !taken(id))
        .expect("an input of n bytes holds fewer than n ids")
}

/// A host that serves the smallest plugin.
fn served() -> &'static (Runtime, Arc<Host>) {
    static SERVED: OnceLock<(Runtime, Arc<Host>)> = OnceLock::new();
    SERVED.get_or_init(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let host = runtime.block_on(host());
        (runtime, Arc::new(host))
    })
}

async fn host() -> Host {
    let folder = TempDir::new().expect("a temporary folder");
    let (plugins, state) = (folder.path().join("plugins"), folder.path().join("state"));
    fs::create_dir(&plugins).expect("the folder is writable");
    fs::write(plugins.join("tiny.wasm"), TINY).expect("the folder is writable");
    let sandbox = Arc::new(Sandbox::new(Settings { slots: 64, ..Settings::default() }).expect("a sandbox"));
    let name: PluginName = "tiny".parse().expect("a name");
    let loaded = inspect_component(&sandbox, TINY, &name).await.expect("the tiny plugin loads").loaded;
    let nothing = Capabilities::default();
    let entries = [(name, Entry::new(&nothing, nothing.clone(), loaded.tools, loaded.component))].into();
    LockFile::write(&plugins.join("toolcell.lock"), &entries).expect("the folder is writable");
    let sources = Sources {
        folder: plugins,
        policy: Policy::default(),
        state: State::at(&state).expect("the folder is writable"),
        environment: Environment::default(),
        locked: true,
    };
    let registry = Registry::open(sources, Arc::clone(&sandbox)).await.expect("the folder can be read");
    assert!(registry.catalog().get("tiny").is_some(), "the tiny plugin is served");
    Host::new(registry, sandbox)
}
