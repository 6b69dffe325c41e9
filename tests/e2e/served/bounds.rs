//! Clients that take more than there is for each.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::tls;
use crate::{
    folder::Folder,
    server::{Http, POST, Served, initialize},
    soak::run::process,
};

/// As many as the limit of open files, which shells set to a thousand, lets this process have besides its own.
const SLOW: usize = 1_000;

#[test]
fn a_thousand_slow_clients_hold_up_nobody() {
    more_descriptors();
    let folder = Folder::new(&[("echo", "")]);
    let server = Served::start(folder.lock());
    let mut quick = server.connect();
    assert_eq!(quick.get("/healthz").status, 200);
    // And one that says nothing where TLS begins.
    let encrypted = Folder::new(&[("echo", "")]);
    encrypted.write("toolcell.toml", tls::TLS);
    tls::write(&encrypted, &tls::certificate());
    let encrypted = Served::start(encrypted.lock());
    let mut mute = encrypted.connect();
    let began = Instant::now();
    let mut slow: Vec<_> = (0..SLOW).map(|_| TcpStream::connect(server.address).expect("it listens")).collect();
    let mut took = Vec::new();
    for letter in b"POST /mcp HTTP/1.1".iter().cycle() {
        // Those that have had their time are closed.
        slow.retain_mut(|client| client.write_all(&[*letter]).is_ok());
        for reused in [true, false] {
            let began = Instant::now();
            let reply = if reused { quick.get("/healthz") } else { server.connect().get("/healthz") };
            assert_eq!(reply.status, 200, "{reply:?}");
            took.push(began.elapsed());
        }
        if slow.is_empty() || began.elapsed() > Duration::from_secs(40) {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    took.sort();
    let (median, p99, most) = (took[took.len() / 2], took[took.len() * 99 / 100], took[took.len() - 1]);
    let held = began.elapsed();
    eprintln!("/healthz beside {SLOW} slow clients: median {median:?}, p99 {p99:?}, most {most:?}; held for {held:?}");
    // The aim is 50 ms for each; tests run beside each other.
    assert!(median < Duration::from_millis(50), "{took:?}");
    assert_eq!(slow.len(), 0, "they have 10 s for a head");
    assert!(held >= Duration::from_secs(9), "{held:?}");
    assert!(mute.is_closed());
    assert_eq!(server.connect().call("echo", json!({"message": "hi"})).status, 200);
}

fn more_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to the maximum anybody may");
}

#[test]
fn sessions_are_bounded_and_the_newest_stay() {
    const SESSIONS: usize = 10_000;
    let folder = Folder::new(&[("echo", "")]);
    folder.write("toolcell.toml", "[http]\nsessions-per-user = 32\n");
    let server = Served::start(folder.lock());
    let held = || process::held(server.process()).expect("it runs");
    let mut client = server.connect();
    let first = client.open_session();
    let opening = initialize();
    let mut open = |count: usize| {
        (0..count).map(|_| client.legacy(None, &opening).header("mcp-session-id").expect("a session").to_owned()).last()
    };
    open(SESSIONS / 10);
    let early = held();
    let last = open(SESSIONS - SESSIONS / 10).expect("sessions were opened");
    let late = held();
    eprintln!("after {} sessions {early:?}, after {SESSIONS} {late:?}", SESSIONS / 10);
    // One session takes some 20 KiB; nearly all of the later ones would be 180 MiB.
    assert!(late.memory < early.memory + (24 << 20), "{early:?}, then {late:?}");
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(client.legacy(Some(&first), &ping).status, 404);
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(client.legacy(Some(&last), &initialized).status, 202);
    assert_eq!(client.legacy(Some(&last), &ping).status, 200);
}

#[test]
fn places_are_given_back() {
    let folder = Folder::new(&[("echo", "")]);
    folder.write(
        "toolcell.toml",
        "[http]\nconnections = 8\nconnections-per-address = 4\nstreams-per-user = 2\nidle = \"3s\"\nsession-idle = \"1s\"\n",
    );
    let server = Served::start(folder.lock());
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    assert!(clients.iter_mut().all(|client| client.get("/healthz").status == 200));
    assert!(server.connect().is_closed(), "a fifth connection of one address");

    let session = clients[0].open_session();
    let listen = |client: &mut Http| {
        client.begin("GET", "/mcp", &[("mcp-session-id", session.as_str()), ("accept", "text/event-stream")], "");
        client.head().status
    };
    let [first, second, third, fourth] = clients.as_mut_slice() else { unreachable!("there are four") };
    assert_eq!((listen(first), listen(second)), (200, 200));
    third.begin("GET", "/mcp", &[("mcp-session-id", session.as_str()), ("accept", "text/event-stream")], "");
    let refused = third.reply();
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("5")), "{refused:?}");
    fourth.begin_modern("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    assert_eq!(fourth.reply().status, 429);

    // Without a request the connection ends; one with a stream does not, nor its session.
    assert!(third.is_closed() && fourth.is_closed(), "they are idle");
    thread::sleep(Duration::from_millis(1_500));
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(server.connect().legacy(Some(&session), &ping).status, 200);
    clients.clear();
    let began = Instant::now();
    while server.connect().legacy(Some(&session), &ping).status == 200 {
        assert!(began.elapsed() < Duration::from_secs(30), "the session goes on without anybody");
        thread::sleep(Duration::from_millis(1_500));
    }
}

#[test]
fn heads_are_bounded() {
    let folder = Folder::new(&[("echo", "")]);
    let server = Served::start(folder.lock());
    let long = "x".repeat(40 << 10);
    let reply =
        server.connect().request("POST", "/mcp", &[&POST[..], &[("authorization", long.as_str())]].concat(), "");
    assert_eq!(reply.status, 431, "{reply:?}");
    let long = "x".repeat(16 << 10);
    let reply =
        server.connect().request("POST", "/mcp", &[&POST[..], &[("authorization", long.as_str())]].concat(), "");
    assert_eq!(reply.status, 400, "a token of a large organisation is no reason: {reply:?}");
}
