//! The end of the server, while it is in use.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    folder::Folder,
    server::{Http, Served},
};

const IN_FLIGHT: usize = 200;

fn begin_sleep(client: &mut Http, ms: u64) {
    client.begin_modern("tools/call", json!({"name": "sleeps", "arguments": {"ms": ms}}));
}

#[test]
fn what_is_in_flight_is_answered_and_what_only_listens_ends() {
    let folder = Folder::new(&[("sleeps", "limits.concurrency = 200")]);
    folder.write("toolcell.toml", "[sandbox]\nslots = 220\n");
    let mut server = Served::start(folder.lock());
    let mut listening = server.connect();
    listening.begin_modern("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    assert_eq!(listening.head().status, 200);
    let mut older = server.connect();
    let session = older.open_session();
    older.begin("GET", "/mcp", &[("mcp-session-id", session.as_str()), ("accept", "text/event-stream")], "");
    assert_eq!(older.head().status, 200);
    let mut idle = server.connect();
    assert_eq!(idle.get("/healthz").status, 200);

    let mut clients: Vec<_> = (0..IN_FLIGHT).map(|_| server.connect()).collect();
    for client in &mut clients {
        begin_sleep(client, 2_000);
    }
    thread::sleep(Duration::from_millis(500));
    server.signal(Signal::TERM);
    let told = Instant::now();
    while listening.event().is_some() {}
    while older.event().is_some() {}
    assert!(idle.is_closed());
    let closed = told.elapsed();
    while std::net::TcpStream::connect(server.address).is_ok() {
        assert!(told.elapsed() < Duration::from_millis(1_500), "it still listens");
    }
    let answered = clients.iter_mut().map(Http::text).filter(|text| text == "slept 2000 ms").count();
    assert_eq!(answered, IN_FLIGHT);
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
    eprintln!(
        "listeners were told {closed:?} after SIGTERM, {IN_FLIGHT} calls answered, ended after {:?}",
        told.elapsed()
    );
}

impl Http {
    /// The text of the answer to a call.
    fn text(&mut self) -> String {
        let reply = self.reply();
        reply.json()["result"]["content"][0]["text"].as_str().map(ToOwned::to_owned).unwrap_or_default()
    }
}

#[test]
fn a_load_balancer_has_time_to_see_that_it_is_not_ready() {
    let folder = Folder::new(&[("sleeps", "")]);
    folder.write("toolcell.toml", "[http]\ndrain-delay = \"2s\"\n");
    let mut server = Served::start(folder.lock());
    let mut client = server.connect();
    assert_eq!(client.get("/readyz").status, 200);
    server.signal(Signal::INT);
    let began = Instant::now();
    let not_ready = loop {
        let reply = server.connect().get("/readyz");
        if reply.status != 200 {
            break reply;
        }
        assert!(began.elapsed() < Duration::from_secs(2), "it is still ready");
    };
    assert_eq!((not_ready.status, not_ready.body.as_str()), (503, "ending\n"));
    assert_eq!(not_ready.header("connection"), Some("close"));
    // Alive, and answering whoever has not seen it.
    assert_eq!(server.connect().get("/healthz").status, 200);
    let answer = server.connect().call("sleeps", json!({"ms": 1}));
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{answer:?}");
    assert_eq!(server.ended().code(), Some(0));
    assert!(began.elapsed() >= Duration::from_millis(1_900), "it did not wait");
}

#[test]
fn what_takes_too_long_is_cut_off() {
    let folder = Folder::new(&[("sleeps", "")]);
    folder.write("toolcell.toml", "[http]\ndrain = \"500ms\"\n");
    let mut server = Served::start(folder.lock());
    let mut client = server.connect();
    begin_sleep(&mut client, 20_000);
    thread::sleep(Duration::from_millis(300));
    server.signal(Signal::TERM);
    let began = Instant::now();
    assert_eq!(server.ended().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "it waited for {:?}", began.elapsed());
    server.wait_for_log("ended with 1 requests unanswered");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = Folder::new(&[("sleeps", "")]);
    let mut server = Served::start(folder.lock());
    let mut client = server.connect();
    begin_sleep(&mut client, 20_000);
    thread::sleep(Duration::from_millis(300));
    server.signal(Signal::TERM);
    thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(10), "it waited for {:?}", began.elapsed());
}
