//! Both eras of the protocol at one endpoint.

use std::{thread, time::Duration};

use serde_json::json;

use crate::{
    folder::Folder,
    server::{Http, Served, borrowed, modern_request},
};

const CHANGED: &str = "notifications/tools/list_changed";

#[test]
fn the_newer_era_needs_no_session() {
    let folder = Folder::new(&[("echo", "")]);
    let server = Served::start(folder.lock());
    let mut client = server.connect();
    let discovered = client.modern("server/discover", json!({})).json();
    assert!(discovered["result"]["supportedVersions"].to_string().contains("2026-07-28"), "{discovered}");
    let list = client.modern("tools/list", json!({})).json();
    assert_eq!(list["result"]["tools"][0]["name"], "echo", "{list}");
    let reply = client.call("echo", json!({"message": "hi"}));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{reply:?}");
    assert_eq!(reply.header("mcp-session-id"), None);
    assert_eq!(reply.json()["result"]["structuredContent"], json!({"message": "hi"}), "{reply:?}");
}

/// A plain call is answered by a shorter way than one that has anything about it. What comes of it is the same.
#[test]
fn the_short_way_answers_what_the_long_way_does() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", ""), ("panics", ""), ("prints", "")]);
    let server = Served::start(folder.lock());
    let mut client = server.connect();
    let calls = [
        ("echo", json!({"message": "hi"})),
        ("echo", json!({"mesage": "hi"})),
        ("toolerror", json!({})),
        ("panics", json!({})),
        ("prints", json!({})),
        ("nothing", json!({})),
    ];
    for (tool, arguments) in calls {
        let (headers, body) = modern_request("tools/call", json!({"name": tool, "arguments": arguments}));
        let mut answers =
            ["application/json, text/event-stream", "application/json;q=1, text/event-stream"].map(|accept| {
                let headers = borrowed(&headers).into_iter().filter(|(name, _)| *name != "accept");
                let headers: Vec<_> = headers.chain([("accept", accept)]).collect();
                let reply = client.request("POST", "/mcp", &headers, &body);
                (reply.status, reply.header("content-type").map(str::to_owned), reply.json())
            });
        for (_, _, answer) in &mut answers {
            // What differs from call to call, in the receipt and wherever the call is named.
            let receipt = answer["result"]["_meta"]["toolcell/receipt"].take();
            let text = answer.to_string();
            *answer = receipt["call"].as_str().map_or(text.clone(), |call| text.replace(call, "CALL")).into();
        }
        assert_eq!(answers[0], answers[1], "{tool}");
    }
}

#[test]
fn an_answer_becomes_a_stream_where_progress_comes_before_it() {
    let folder = Folder::new(&[("progresses", "")]);
    let server = Served::start(folder.lock());
    let params = json!({"name": "progresses", "arguments": {}, "_meta": {"progressToken": "p"}});
    let reply = server.connect().modern("tools/call", params);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/event-stream")), "{reply:?}");
    assert_eq!(reply.header("x-accel-buffering"), Some("no"), "{reply:?}");
    let events = reply.events();
    let (answer, progress) = events.split_last().expect("events");
    assert_eq!(
        progress.iter().map(|it| it["params"]["progress"].as_f64()).collect::<Vec<_>>(),
        [0.0, 50.0, 100.0].map(Some)
    );
    assert_eq!(answer["result"]["content"][0]["text"], "reported", "{answer}");
}

#[test]
fn the_older_era_has_sessions() {
    let folder = Folder::new(&[("echo", "")]);
    let server = Served::start(folder.lock());
    let mut client = server.connect();
    let session = client.open_session();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"message": "hi"}}});
    let answer = client.legacy(Some(&session), &call);
    assert_eq!(answer.json()["result"]["structuredContent"], json!({"message": "hi"}), "{answer:?}");
    // Clients that were written before versions had a header.
    let other = client.open_session();
    assert_ne!(session, other);

    let named = [("mcp-session-id", session.as_str())];
    assert_eq!(client.request("DELETE", "/mcp", &named, "").status, 204);
    assert_eq!(client.request("DELETE", "/mcp", &named, "").status, 404);
    assert_eq!(client.legacy(Some(&session), &call).status, 404);
    assert_eq!(client.legacy(Some(&other), &call).status, 200);
}

#[test]
fn clients_of_both_eras_are_told_of_changes() {
    let folder = Folder::new(&[("echo", "")]);
    let server = Served::start(folder.lock());
    let (mut older, mut newer) = (server.connect(), server.connect());
    let session = older.open_session();
    older.begin("GET", "/mcp", &[("mcp-session-id", session.as_str()), ("accept", "text/event-stream")], "");
    assert_eq!(older.head().status, 200);
    newer.begin_modern("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    assert_eq!(newer.head().status, 200);
    newer.event_of("notifications/subscriptions/acknowledged");
    folder.remove("echo");
    older.event_of(CHANGED);
    let news = newer.event_of(CHANGED);
    assert_eq!(news["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1, "{news}");
}

#[test]
fn a_client_that_goes_away_cancels_its_call() {
    let folder = Folder::new(&[("sleeps", "limits.concurrency = 1")]);
    let server = Served::start(folder.lock());
    for progress in [json!({}), json!({"progressToken": "p"})] {
        let mut client = server.connect();
        client.begin_modern("tools/call", json!({"name": "sleeps", "arguments": {"ms": 25_000}, "_meta": progress}));
        // Under way, and the only one that may be.
        thread::sleep(Duration::from_millis(300));
        drop(client);
        let began = std::time::Instant::now();
        let reply = server.connect().call("sleeps", json!({"ms": 1}));
        assert_eq!(reply.json()["result"]["content"][0]["text"], "slept 1 ms", "{reply:?}");
        assert!(began.elapsed() < Duration::from_secs(15), "the call before went on");
    }
}

#[test]
fn a_call_of_the_older_era_is_cancelled_by_its_client_and_by_the_end_of_its_session() {
    let folder = Folder::new(&[("sleeps", "limits.concurrency = 1")]);
    let server = Served::start(folder.lock());
    let call = |ms: u64| json!({"jsonrpc": "2.0", "id": ms, "method": "tools/call", "params": {"name": "sleeps", "arguments": {"ms": ms}}});
    let begin = |session: &str| {
        let mut client = server.connect();
        let headers = [&crate::server::POST[..], &[("mcp-session-id", session)]].concat();
        client.begin("POST", "/mcp", &headers, &call(25_000).to_string());
        thread::sleep(Duration::from_millis(300));
        client
    };
    let mut other: Http = server.connect();
    let session = other.open_session();
    let began = std::time::Instant::now();

    let _waiting = begin(&session);
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 25_000}});
    assert_eq!(other.legacy(Some(&session), &cancelled).status, 202);
    assert_eq!(other.legacy(Some(&session), &call(1)).json()["result"]["content"][0]["text"], "slept 1 ms");

    let _waiting = begin(&session);
    assert_eq!(other.request("DELETE", "/mcp", &[("mcp-session-id", session.as_str())], "").status, 204);
    let session = other.open_session();
    assert_eq!(other.legacy(Some(&session), &call(2)).json()["result"]["content"][0]["text"], "slept 2 ms");
    assert!(began.elapsed() < Duration::from_secs(20), "the calls before went on");
}
