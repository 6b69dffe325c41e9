//! The one server that is attacked, with its neighbour, and the servers that attack from behind.

use std::{sync::Arc, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    caches,
    components::ByHand,
    databases,
    endless::Endless,
    folder::{Folder, component},
    folders, guests,
    neighbour::{self, Neighbour},
    oracle::{Attack, Case, Seen},
    postgres_server::Postgres,
    process::Holds,
    session::{Reply, Session},
    upstream::Upstream,
    upstreams::{self, Seized},
};

pub struct Scene {
    pub folder: Folder,
    pub endless: Endless,
    pub session: Arc<Session>,
    pub neighbour: Neighbour,
    /// What the server held before the first case.
    pub before: Holds,
    /// Answers as badly as it is asked to.
    pub upstream: Upstream,
    pub seized: Arc<Seized>,
    /// Nobody was granted this one, save by a wildcard, which grants no special address.
    pub off_limits: Upstream,
    /// The `https` URL of a server that says nothing, also not in the TLS handshake.
    pub mute_tls: String,
    /// The database that one plugin may ask.
    _postgres: Postgres,
}

/// Enough for a call that answers, on a loaded machine too.
const LONG: Duration = Duration::from_secs(20);
/// For a call that does not end by itself.
const SHORT: Duration = Duration::from_millis(400);

/// Plugins whose calls do not end by themselves.
const ENDLESS: [&str; 4] = ["sleeps", "spin", "spins", "waits"];
/// The plugins that may send requests.
const REQUESTING: [&str; 2] = ["fetches", "wasihttp"];
/// The guests of `tests/guests` that are served from the start, each as a plugin of its name.
const SERVED: [&str; 20] = [
    "big",
    "echo",
    "envdump",
    "exits",
    "floods",
    "greedy",
    "grow",
    "liar",
    "logs",
    "panics",
    "prints",
    "progresses",
    "prowls",
    "sleeps",
    "sockets",
    "spin",
    "stack",
    "toolerror",
    "waits",
    "counter",
];

impl Scene {
    pub fn open(cases: &[&Case]) -> Self {
        let folder = Folder::new(&[]);
        for guest in SERVED {
            let memory = if guest == "grow" { "limits.memory = \"64MiB\"" } else { "" };
            folder.add(guest, &format!("{}\n{memory}", manifest(guest)));
        }
        let (upstream, seized) = upstreams::start();
        let mute_tls = format!("https://127.0.0.1:{}", upstreams::mute().port);
        let asked = format!("capabilities.network = [{:?}, {mute_tls:?}]", upstream.url(""));
        for guest in REQUESTING {
            folder.add(guest, &format!("{}\n{asked}", manifest(guest)));
        }
        let off_limits = upstreams::counting();
        // The same guests cut short, or with any server that is not special.
        folder.add_as("spins", "floods", &format!("{}\ntools.prefix = \"endless-\"", manifest("spins")));
        folder.add_as("hurried", "fetches", &format!("limits.deadline = \"1s\"\n{asked}\ntools.prefix = \"hurried-\""));
        let any =
            format!("capabilities.network = [\"http://*\", \"http://*:{}\"]\ntools.prefix = \"any-\"", off_limits.port);
        folder.add_as("any", "fetches", &format!("{}\n{any}", manifest("any")));
        caches::add(&folder);
        folders::add(&folder);
        let postgres = Postgres::start();
        folder.add("queries", &format!("{}\n{}", manifest("queries"), databases::ASKS));
        for (file, text) in databases::configuration(&postgres) {
            folder.write(file, &text);
        }
        for (name, parts) in guests::by_hand() {
            add_by_hand(&folder, name, &parts, "");
        }
        folder.lock().edit_lock(|_, entries| {
            let any = entries.iter_mut().find(|(name, _)| name.as_str() == "any").expect("it was added");
            any.1.granted.network.append(&mut any.1.declined.network);
        });
        let session = Arc::new(Session::new(folder.serve_with(&["--locked", "--env-file", ".env"])));
        let tools = session.tools().expect("the server lists its tools");
        let missing = guests::by_hand().into_iter().find(|(name, _)| !tools.iter().any(|tool| tool == name));
        if let Some((name, _)) = missing {
            panic!("{name}: {:?}", session.wait_for_log(0, &[name]));
        }
        let neighbour = Neighbour::start(&session);
        databases::warm_up(&session);
        warm_up(&session, &mute_tls);
        let before = Holds::now(session.process()).expect("the server runs");
        Self {
            endless: Endless::begin(cases),
            folder,
            session,
            neighbour,
            before,
            upstream,
            seized,
            off_limits,
            mute_tls,
            _postgres: postgres,
        }
    }
}

/// What is made once, when it is first needed, or stays with a slot of the pool.
fn warm_up(session: &Session, mute_tls: &str) {
    let echoes = |_| session.begin_call(neighbour::TOOL, &json!({"message": "hi"}));
    let mut calls: Vec<Reply> = (0..64).map(echoes).collect();
    calls.push(session.begin_call("hurried-fetches", &json!({"url": mute_tls})));
    calls.push(session.begin_call("big", &json!({"bytes": 4_000_000})));
    for call in calls {
        call.wait().expect("the server answers");
    }
    // Threads for one thing only end when nothing more comes for them.
    thread::sleep(Duration::from_secs(2));
}

/// The deadline of a plugin, by its own name or its tool's, as its manifest has it.
pub fn manifest(plugin: &str) -> String {
    format!("limits.deadline = \"{}ms\"", deadline(plugin).as_millis())
}

/// The deadline that the calls of a plugin have.
pub fn deadline(plugin: &str) -> Duration {
    if ENDLESS.contains(&plugin) || plugin.starts_with("endless-") {
        SHORT
    } else if plugin.starts_with("hurried-") {
        Duration::from_secs(1)
    } else {
        LONG
    }
}

/// Adds a plugin whose component is made by hand, and whose tool has its name.
pub fn add_by_hand(folder: &Folder, name: &str, parts: &ByHand, more: &str) {
    folder.add_component(name, &format!("{}\n{more}", manifest(name)), &parts.component(name));
}

/// One call of a tool.
pub fn call(tool: &'static str, arguments: Value) -> Attack {
    calls(1, tool, arguments)
}

/// Calls of a tool at the same time.
pub fn calls(count: usize, tool: &'static str, arguments: Value) -> Attack {
    Box::new(move |scene| {
        let replies: Vec<_> = (0..count).map(|_| scene.session.begin_call(tool, &arguments)).collect();
        Ok(Seen::Calls(replies.into_iter().map(Reply::wait).collect::<Result<_, _>>()?, deadline(tool)))
    })
}

/// The bytes of a guest of `tests/guests`.
pub fn guest(name: &str) -> Vec<u8> {
    component(name)
}
