//! The status page of `serve --console`: its API without a browser, and who is let in.

pub mod browser;
mod wire;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use self::wire::{Answer, Page};
use crate::{
    client::{Client, PATIENCE},
    folder::Folder,
};

/// A server with a page, and the client that called it over stdio.
fn serve(folder: &Folder, options: &[&str]) -> (Client, Page) {
    let client = folder.serve_with(&[&["--locked", "--console", "127.0.0.1:0"][..], options].concat());
    let page = Page::open(&client);
    (client, page)
}

fn guests(guests: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(guests);
    folder.lock();
    folder
}

/// What differs from run to run, blotted out.
fn steady(mut json: Value) -> Value {
    const VARIES: &[&str] = &[
        "call",
        "component",
        "computingMs",
        "edition",
        "elapsedMs",
        "endedMs",
        "folder",
        "memory",
        "memoryHeld",
        "memoryPeak",
        "p50Ms",
        "p95Ms",
        "reviewed",
        "sinceMs",
        "slotsTaken",
        "stderr",
        "version",
        "waitingMs",
    ];
    fn blot(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let is_short = member.is_number() || member.is_string() || name == "elapsedMs";
                    if name == "phases" || is_short && VARIES.contains(&name.as_str()) {
                        *member = json!("…");
                    } else {
                        blot(member);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(blot),
            _ => {}
        }
    }
    blot(&mut json);
    // The calls may fall into two columns.
    if let Some(columns) = json.get_mut("columns").and_then(Value::as_array_mut) {
        assert_eq!(columns.len(), 60);
        let sum = |which: usize| columns.iter().filter_map(|column| column[which].as_u64()).sum::<u64>();
        let sums = json!([sum(0), sum(1)]);
        *columns = vec![sums];
    }
    json
}

fn snapshot(name: &str, json: Value) {
    let text = serde_json::to_string_pretty(&steady(json)).expect("it is JSON");
    insta::assert_snapshot!(name, text);
}

#[test]
fn each_route_has_its_shape() {
    let folder = guests(&[("echo", ""), ("panics", "description = \"Panics.\"\nlimits.memory = \"64MiB\"")]);
    folder.add("fetches", "capabilities.network = [\"https://a.example\"]");
    let (mut client, page) = serve(&folder, &[]);
    client.call("echo", json!({"message": "hi"}));
    let failed = client.call("panics", json!({"message": "of no use"}));
    let call = failed["_meta"]["toolcell/error"]["call"].as_str().expect("an id").to_owned();

    snapshot("status", page.get("/api/status").json());
    snapshot("plugins", page.get("/api/plugins").json());
    snapshot("tool", page.get("/api/tools/echo").json());
    snapshot("failure", page.get(&format!("/api/failures/{call}")).json());
    snapshot("answer", page.post("/api/tools/echo/call", &json!({"message": "<b>hi</b>"})).json());
    snapshot("no_answer", page.post("/api/tools/echo/call", &json!({"message": 1})).json());
    for (path, problem) in [
        ("/api/tools/none", "no tool of this name is served"),
        ("/api/failures/none", "this failure is not kept any more; the host's log has it by the call's id"),
        ("/api/none", "there is nothing here"),
    ] {
        let answer = page.get(path);
        assert_eq!((answer.status, answer.json()), (404, json!({"error": problem})), "{path}");
    }
    let answer = page.post("/api/tools/none/call", &json!({}));
    assert_eq!((answer.status, answer.json()), (404, json!({"error": "no tool of this name is served"})));
    let answer = page.post(&format!("/api/calls/{call}/cancel"), &json!({}));
    assert_eq!((answer.status, answer.json()), (404, json!({"error": "this call has ended already"})));
    // Stdout is the protocol's alone: the client fails on any other line.
    client.ping();
}

#[test]
fn only_who_has_the_token_and_comes_from_the_page_gets_in() {
    let folder = guests(&[("echo", "")]);
    let (client, page) = serve(&folder, &[]);
    let log = client.log();
    assert_eq!(log.matches(&page.token).count(), 1, "it is said once:\n{log}");

    let (host, cookie) = (page.host(), format!("Cookie: {}", page.cookie));
    let get = |headers: &[&str]| page.raw("GET", "/api/status", headers, "").status;
    let named = format!("Host: {host}");
    assert_eq!(get(&[&named, &cookie]), 200);
    assert_eq!(get(&["Host: localhost:9", &cookie]), 200, "at the near end of a tunnel");
    assert_eq!(get(&[&named]), 401);
    assert_eq!(get(&[&named, &format!("{cookie}x")]), 401);
    assert_eq!(get(&[&named, &format!("Authorization: Bearer {}", page.token)]), 401);
    for host in ["evil.example", "192.168.0.2", "127.0.0.1.evil.example", ""] {
        assert_eq!(get(&[&format!("Host: {host}"), &cookie]), 403, "{host}");
    }
    for (site, status) in [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)] {
        assert_eq!(get(&[&named, &cookie, &format!("Sec-Fetch-Site: {site}")]), status, "{site}");
    }

    let json = "Content-Type: application/json";
    let post = |headers: &[&str]| page.raw("POST", "/api/tools/echo/call", headers, "{\"message\": \"hi\"}").status;
    let own = format!("Origin: http://{host}");
    assert_eq!(post(&[&named, &cookie, json, &own]), 200);
    for origin in ["null", "http://evil.example", "http://localhost:1", &format!("https://{host}"), "http://127.0.0.1"]
    {
        assert_eq!(post(&[&named, &cookie, json, &format!("Origin: {origin}")]), 403, "{origin}");
    }
    assert_eq!(post(&[&named, &cookie, json]), 403, "a program that does not say where it comes from");
    assert_eq!(post(&[&named, json, &own]), 401);
    assert_eq!(post(&[&named, &cookie, "Content-Type: text/plain", &own]), 415);
    let large = format!("{{\"message\": \"{}\"}}", "x".repeat(1 << 20));
    let headers: [&str; 4] = [&named, &cookie, json, &own];
    assert_eq!(page.raw("POST", "/api/tools/echo/call", &headers, &large).status, 413);

    for path in
        ["/", "/app.js", "/app.css", "/api/plugins", "/api/events", "/api/tools/echo", "/api/failures/x", "/none"]
    {
        let answer = page.raw("GET", path, &[&named], "");
        assert_eq!(answer.status, 401, "{path}");
        check_headers(&answer, path);
    }
    let answer = page.raw("GET", "/?token=wrong", &[&named], "");
    assert_eq!((answer.status, answer.header("set-cookie")), (401, None));
    assert!(answer.body.contains("needs the address that toolcell printed"), "{}", answer.body);
    assert_eq!(page.raw("GET", &format!("/?token={}", page.token), &["Host: evil.example"], "").status, 403);
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(page.set_cookie.contains(attribute), "{}", page.set_cookie);
    }
    let html = page.get("/");
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let welcome = page.raw("GET", &format!("/?token={}", page.token), &[&named], "");
    for page in [&html, &welcome] {
        assert!(
            page.body.contains("<link rel=\"icon\" href=\"/icon.svg\""),
            "no browser asks for another:\n{}",
            page.body
        );
    }
    check_headers(&html, "/");
    check_headers(&page.get("/api/status"), "/api/status");
}

fn check_headers(answer: &Answer, path: &str) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for rule in
        ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        assert!(policy.contains(rule), "{path}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("cache-control", "no-store"), ("referrer-policy", "no-referrer")]
    {
        assert_eq!(answer.header(name), Some(value), "{path}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn a_call_is_cancelled_and_its_client_told() {
    let folder = guests(&[("sleeps", "limits.deadline = \"5m\"")]);
    let (mut client, page) = serve(&folder, &[]);
    let id = client.begin_call("sleeps", json!({"ms": 200_000}));
    let live = wait(&page, |status| status["live"][0].clone());
    assert_eq!((&live["tool"], &live["user"], &live["plugin"]), (&json!("sleeps"), &json!("local"), &json!("sleeps")));
    let cancelled = page.post(&format!("/api/calls/{}/cancel", live["call"].as_str().expect("an id")), &json!({}));
    assert_eq!((cancelled.status, cancelled.json()), (202, json!({"call": live["call"]})));
    let answer = client.end(id);
    assert_eq!(answer["result"]["_meta"]["toolcell/error"]["code"], "cancelled", "{answer}");
    let ended = wait(&page, |status| status["failures"][0].clone());
    assert_eq!((&ended["call"], &ended["code"]), (&live["call"], &json!("cancelled")));
    assert_eq!(page.get("/api/status").json()["underWay"], 0);
}

#[test]
fn a_page_that_goes_away_takes_its_call_along() {
    let folder = guests(&[("sleeps", "limits.deadline = \"5m\"")]);
    let (_client, page) = serve(&folder, &[]);
    let connection = page.begin_post("/api/tools/sleeps/call", &json!({"ms": 200_000}));
    wait(&page, |status| status["live"][0].clone());
    drop(connection);
    let ended = wait(&page, |status| status["failures"][0].clone());
    assert_eq!(ended["code"], "cancelled");
}

#[test]
fn news_come_without_being_asked_for() {
    let folder = guests(&[("echo", "")]);
    let (mut client, page) = serve(&folder, &[]);
    let mut events = page.events();
    assert_eq!(events.read()["calls"], 0);
    client.call("echo", json!({"message": "hi"}));
    let began = Instant::now();
    while events.read()["calls"] != 1 {
        assert!(began.elapsed() < PATIENCE);
    }
    // Each page holds a connection, so that there are not too many.
    let mut others: Vec<_> = (0..15).map(|_| page.events()).collect();
    for events in &mut others {
        assert_eq!(events.read()["calls"], 1);
    }
    let refused = page.get("/api/events");
    assert_eq!((refused.status, refused.json()), (503, json!({"error": "as many pages are open as may be"})));
    drop(others);
    // Pages that are open keep nobody from leaving.
    assert!(client.close().success());
}

#[test]
fn toolcell_toml_says_how_much_is_kept_and_whether_visitors_act() {
    let folder = guests(&[("panics", "")]);
    folder.write("toolcell.toml", "[console]\nfailures = 2\nread-only = true\n");
    let (mut client, page) = serve(&folder, &[]);
    for message in ["first", "second", "third"] {
        client.call("panics", json!({"message": message}));
    }
    let status = page.get("/api/status").json();
    let kept: Vec<_> = status["failures"].as_array().expect("a list").iter().map(|failed| &failed["message"]).collect();
    assert_eq!((status["failed"].as_u64(), kept.len()), (Some(3), 2), "{status}");
    assert!(kept[0].to_string().contains("third") && kept[1].to_string().contains("second"), "{kept:?}");
    assert_eq!((&status["readOnly"], &page.get("/api/tools/panics").json()["readOnly"]), (&json!(true), &json!(true)));
    let refused = page.post("/api/tools/panics/call", &json!({}));
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("`read-only = true` under [console] in toolcell.toml"), "{}", refused.body);
}

#[test]
fn texts_of_guests_are_bounded_and_inactive() {
    let folder = guests(&[("toolerror", ""), ("prints", "")]);
    let (mut client, page) = serve(&folder, &[]);
    client.call("toolerror", json!({"forged": true}));
    let failed = wait(&page, |status| status["failures"][0].clone());
    let failure = page.get(&format!("/api/failures/{}", failed["call"].as_str().expect("an id")));
    let whole = format!("{failed}{}", failure.json());
    for active in ['\u{1b}', '\u{202e}'] {
        assert!(!whole.contains(active) && !whole.contains(&active.escape_unicode().to_string()), "{active:?}");
    }
    assert!(whole.len() < 60_000, "{} bytes", whole.len());
    assert!(failed["message"].as_str().expect("a text").chars().count() <= 201, "{failed}");
}

#[test]
fn it_stands_beside_http() {
    let folder = guests(&[("echo", "")]);
    let client = Client::start(folder.toolcell().args([
        "serve",
        "--locked",
        "--http",
        "127.0.0.1:0",
        "--console",
        "127.0.0.1:0",
    ]));
    client.wait_for_log("/mcp");
    let status = Page::open(&client).get("/api/status").json();
    assert_eq!(status["tools"][0]["name"], "echo", "{status}");
}

#[test]
fn an_address_that_others_reach_is_refused() {
    let folder = guests(&[("echo", "")]);
    let serve = folder.toolcell().args(["serve", "--locked", "--console", "0.0.0.0:7070"]).output().expect("it runs");
    assert_eq!(serve.status.code(), Some(1));
    assert!(serve.stdout.is_empty());
    insta::assert_snapshot!("exposed", String::from_utf8_lossy(&serve.stderr));
}

/// Asks for the status until it has what is wanted.
fn wait(page: &Page, wanted: impl Fn(&Value) -> Value) -> Value {
    let began = Instant::now();
    loop {
        let status = page.get("/api/status").json();
        match wanted(&status) {
            Value::Null => assert!(began.elapsed() < PATIENCE, "{status}"),
            found => return found,
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Where other machines reach the page, it is for those who are named, each with the proof that they have for MCP.
#[test]
fn elsewhere_it_is_for_those_who_are_named_and_prove_it() {
    let folder = guests(&[("echo", "")]);
    let token = |name: &str| {
        let made = folder.toolcell().args(["token", "new", name]).output().expect("it runs");
        format!("Authorization: Bearer {}", String::from_utf8_lossy(&made.stdout).trim())
    };
    let serve = |settings: &str| {
        folder.write("toolcell.toml", &format!("[auth]\ntokens = \"tokens.toml\"\n\n{settings}"));
        let mut serve = folder.toolcell();
        serve.args(["serve", "--locked", "--http", "127.0.0.1:0", "--console", "0.0.0.0:0"]);
        Client::start(&mut serve)
    };
    folder.write("toolcell.toml", "[auth]\ntokens = \"tokens.toml\"\n");
    let (alice, bob) = (token("alice"), token("bob"));
    let exposed = serve("");
    exposed.wait_for_log("name those who may open it: `users` under [console]");
    drop(exposed);

    let server = serve("[http]\nhosts = [\"tools.example.com\"]\n\n[console]\nusers = [\"alice\"]\n");
    let page = Page::elsewhere(&server);
    let host = "Host: tools.example.com";
    let get = |path: &str, headers: &[&str]| page.raw("GET", path, headers, "");
    assert_eq!(get("/api/status", &[host, &alice]).status, 200);
    let html = get("/", &[host, &alice]);
    assert_eq!((html.status, html.header("set-cookie")), (200, None));
    check_headers(&html, "/");
    let refused = get("/", &[host, &bob]);
    let told = "Toolcell: bob may not open this page: `users` under [console] in toolcell.toml names those who may.\n";
    assert_eq!((refused.status, refused.body.as_str()), (403, told));
    for path in ["/", "/api/status", "/api/events", "/app.js", "/none"] {
        let nobody = get(path, &[host]);
        assert_eq!(nobody.status, 401, "{path}: {}", nobody.body);
        assert_eq!(get(path, &[host, "Authorization: Bearer tc_wrong"]).status, 401, "{path}");
        assert_eq!(get(path, &["Host: evil.example", &alice]).status, 403, "{path}");
    }
    assert_eq!(get("/api/status", &[host, &alice, "Sec-Fetch-Site: cross-site"]).status, 403);
    server.wait_for_log("no-credentials");

    let post = |headers: &[&str]| {
        let headers = [&[host, "Content-Type: application/json"], headers].concat();
        page.raw("POST", "/api/tools/echo/call", &headers, "{\"message\": 1}").status
    };
    let own = "Origin: https://tools.example.com";
    assert_eq!(post(&[&alice]), 403);
    assert_eq!(post(&[&alice, "Origin: https://evil.example"]), 403);
    assert_eq!(post(&[&bob, own]), 403);
    assert_eq!(post(&[&alice, own]), 200);
    let began = Instant::now();
    let failure = loop {
        // Pages share a status for a moment.
        match get("/api/status", &[host, &alice]).json()["failures"][0].clone() {
            Value::Null => assert!(began.elapsed() < PATIENCE),
            failure => break failure,
        }
    };
    assert_eq!((&failure["user"], &failure["code"]), (&json!("alice"), &json!("invalid_arguments")), "{failure}");
}
