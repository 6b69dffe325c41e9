//! Static tokens: made, listed, revoked, expired, kept out of logs.

use std::{fs, process::Stdio, time::Duration};

use insta::assert_snapshot;
use serde_json::json;

use super::{Server, folder};
use crate::{
    client::PATIENCE,
    folder::Folder,
    server::{Http, POST, initialize},
};

const IN_FILE: &str = "[auth]\ntokens = \"tokens.toml\"\n";

/// What a `token` command printed.
struct Ran {
    stdout: String,
    shown: String,
}

fn run(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = folder.toolcell();
    let output = command.arg("token").args(arguments).stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    let shown = format!("exit {:?}\n-- stdout\n{stdout}-- stderr\n{stderr}", output.status.code());
    Ran { stdout, shown }
}

fn new(folder: &Folder, arguments: &[&str]) -> String {
    let ran = run(folder, &[&["new"], arguments].concat());
    let token = ran.stdout.trim().to_owned();
    assert!(token.starts_with("tc_") && token.len() == 46, "{}", ran.shown);
    token
}

/// Calls until the answer has this status: servers look at the file every second.
fn wait_for(server: &Server, token: &str, status: u16) {
    let began = std::time::Instant::now();
    while server.call_with(token).status != status {
        assert!(began.elapsed() < PATIENCE, "the server goes on without having seen the file");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn only_good_tokens_call_and_none_is_logged() {
    let folder = folder(IN_FILE);
    let (alice, bob) = (new(&folder, &["alice"]), new(&folder, &["bob", "--expires", "1h"]));
    let server = Server::start(&folder);
    server.call_with(&alice).is_answered();
    server.call_with(&bob).is_answered();

    let nothing = server.call(&[]);
    nothing.is_refused(401, "no-credentials");
    assert_eq!(nothing.header("www-authenticate"), Some("Bearer realm=\"toolcell\""));
    let wrong = format!("tc_{}", "A".repeat(43));
    for token in [wrong.as_str(), &alice[..45], &format!("{alice}x"), "not-one-of-ours"] {
        let refused = server.call_with(token);
        refused.is_refused(401, "invalid_token");
        let challenge = refused.header("www-authenticate").expect("a challenge");
        assert!(challenge.starts_with("Bearer realm=\"toolcell\", error=\"invalid_token\""), "{challenge}");
    }
    let bearer = format!("Bearer {alice}");
    server.call_at(&format!("/mcp?access_token={alice}"), &[]).is_refused(400, "invalid_request");
    server.call(&[("Authorization", &bearer), ("Authorization", &bearer)]).is_refused(400, "invalid_request");
    server.call(&[("Authorization", &alice)]).is_refused(401, "no-credentials");
    // A gateway's header means nothing to a server without one.
    server.call(&[("X-Forwarded-User", "alice")]).is_refused(401, "no-credentials");

    let line = server.process.wait_for_log("unknown-token");
    assert!(line.contains("INFO") && line.contains("address=\"127.0.0.1\""), "{line}");
    let log = server.process.log();
    for token in [&alice, &bob, &wrong] {
        assert!(!log.contains(&token[3..]), "a token is in the log:\n{log}");
    }
}

#[test]
fn a_token_that_is_revoked_or_expires_is_refused_while_the_server_runs() {
    let folder = folder(IN_FILE);
    let (alice, bob) = (new(&folder, &["alice"]), new(&folder, &["bob", "--expires", "1h"]));
    let server = Server::start(&folder);
    server.call_with(&alice).is_answered();
    server.call_with(&bob).is_answered();
    assert_eq!(run(&folder, &["revoke", "alice"]).stdout.lines().count(), 1);
    wait_for(&server, &alice, 401);
    server.call_with(&bob).is_answered();

    let carol = new(&folder, &["carol"]);
    wait_for(&server, &carol, 200);

    let path = folder.plugins().with_file_name("tokens.toml");
    let text = fs::read_to_string(&path).expect("it is there");
    let line = text.lines().find(|line| line.starts_with("expires")).expect("bob's ends");
    folder.write("tokens.toml", &text.replace(line, "expires = \"2026-01-01T00:00:00Z\""));
    wait_for(&server, &bob, 401);
    let refused = server.call_with(&bob);
    assert!(refused.body["error_description"].as_str().is_some_and(|told| told.contains("expired")), "{refused:?}");
    let line = server.process.wait_for_log("expired-token");
    assert!(line.contains("user=\"bob\""), "{line}");
    server.call_with(&carol).is_answered();
}

/// The id of somebody else's session, in the older era, opens nothing.
#[test]
fn a_session_is_of_use_to_its_user_only() {
    let folder = folder(IN_FILE);
    let (alice, bob) = (new(&folder, &["alice"]), new(&folder, &["bob"]));
    let server = Server::start(&folder);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let send = |method: &str, token: &str, session: Option<&str>, body: &str| {
        let token = format!("Bearer {token}");
        let mut headers = POST.to_vec();
        headers.push(("authorization", &token));
        headers.extend(session.map(|session| ("mcp-session-id", session)));
        Http::tcp(([127, 0, 0, 1], server.port).into()).request(method, "/mcp", &headers, body)
    };
    let opened = send("POST", &alice, None, &initialize().to_string());
    let session = opened.header("mcp-session-id").expect("a session");
    for method in ["POST", "GET", "DELETE"] {
        let body = if method == "POST" { list.as_str() } else { "" };
        let refused = send(method, &bob, Some(session), body);
        assert_eq!(
            (refused.status, refused.body.as_str()),
            (404, "no such session: send initialize again\n"),
            "{method}"
        );
    }
    assert_eq!(send("POST", "tc_wrong", Some(session), &list).status, 401);
    let listed = send("POST", &alice, Some(session), &list);
    assert_eq!(listed.json()["result"]["tools"][0]["name"], "echo", "{listed:?}");
}

/// Ten wrong ones are answered as such; that the eleventh is not does not lock anybody out.
#[test]
fn guessing_is_told_to_come_later() {
    let folder = folder(IN_FILE);
    let alice = new(&folder, &["alice"]);
    let server = Server::start(&folder);
    let statuses: Vec<_> = (0..12).map(|_| server.call_with("tc_guess").status).collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert!(statuses.contains(&429), "{statuses:?}");
    server.call_with(&alice).is_answered();
}

/// Without `[auth]`, the tokens of the private state count, and nobody has to bring one until there is a first.
#[test]
fn the_first_token_closes_a_server_that_was_open() {
    let folder = folder("");
    let own = folder.plugins().with_file_name("own").display().to_string();
    let toolcell = |arguments: &[&str]| {
        let mut command = folder.toolcell();
        command.env("XDG_STATE_HOME", &own).env("XDG_CACHE_HOME", &own).args(arguments);
        command
    };
    let elsewhere = toolcell(&["serve", "--locked", "--http", "0.0.0.0:0"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&elsewhere.stderr);
    assert!(said.contains("toolcell token new NAME"), "{said}");
    assert_eq!(elsewhere.status.code(), Some(1));

    // Its plugin is compiled meanwhile: nothing is kept of what other tests have compiled.
    let process = crate::client::Client::start(&mut toolcell(&["serve", "--locked", "--http", "127.0.0.1:0"]));
    let server = Server::of(process);
    server.call(&[]).is_let_in();
    let made = toolcell(&["token", "new", "alice"]).output().expect("it runs");
    let alice = String::from_utf8(made.stdout).expect("text").trim().to_owned();
    let told = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(told.contains("want a token of everybody"), "{told}");
    wait_for(&server, "tc_wrong", 401);
    server.call(&[]).is_refused(401, "no-credentials");
    server.call_with(&alice).is_let_in();
    assert!(toolcell(&["token", "revoke", "alice"]).output().expect("it runs").status.success());
    wait_for(&server, &alice, 401);
    server.call(&[]).is_refused(401, "no-credentials");
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let folder = folder(IN_FILE);
    let made = run(&folder, &["new", "alice@example.com"]);
    let token = made.stdout.trim().to_owned();
    let root = folder.plugins().parent().expect("a folder").display().to_string();
    let plain = |text: &str| without_what_varies(&text.replace(&token, "TOKEN").replace(&root, "ROOT"));
    assert_snapshot!("token_new", plain(&made.shown));
    run(&folder, &["new", "bob", "--expires", "90d"]);
    run(&folder, &["new", "bob"]);
    let list = run(&folder, &["list"]);
    assert!(!list.shown.contains(&token));
    assert_snapshot!("token_list", plain(&list.shown));
    assert_snapshot!("token_revoke_unknown", run(&folder, &["revoke", "bo"]).shown);
    let id = list.stdout.lines().next().and_then(|line| line.split_whitespace().nth(1)).expect("an id").to_owned();
    assert_snapshot!("token_revoke_id", plain(&run(&folder, &["revoke", "--id", &id]).shown));
    assert_snapshot!("token_revoke", plain(&run(&folder, &["revoke", "bob"]).shown));
    assert_snapshot!("token_list_empty", plain(&run(&folder, &["list"]).shown));
    assert_snapshot!("token_new_bad", run(&folder, &["new", "a b"]).shown);
    assert_snapshot!("token_new_local", run(&folder, &["new", "local"]).shown);
    assert_snapshot!("token_expires_bad", run(&folder, &["new", "alice", "--expires", "90"]).shown);

    folder
        .write("toolcell.toml", "[auth.oauth]\nissuer = \"https://a.example\"\nresource = \"https://b.example/mcp\"\n");
    assert_snapshot!("token_without_tokens", run(&folder, &["new", "alice"]).shown);
}

/// Ids are eight hexadecimal digits, times have the form that `day` gives them.
fn without_what_varies(text: &str) -> String {
    let is_id = |word: &str| word.len() == 8 && word.bytes().all(|c| c.is_ascii_hexdigit());
    let is_day = |word: &str| word.len() == 10 && word.starts_with("20") && word.as_bytes()[4] == b'-';
    let is_time = |word: &str| word.len() == 5 && word.as_bytes()[2] == b':';
    let word = |word: &str| match word {
        _ if is_id(word) => "ID".to_owned(),
        _ if is_day(word) => "DAY".to_owned(),
        _ if is_time(word) => "TIME".to_owned(),
        _ => word.to_owned(),
    };
    text.split_inclusive([' ', '\n'])
        .map(|part| {
            let end = part.trim_end_matches([' ', '\n']).len();
            word(&part[..end]) + &part[end..]
        })
        .collect()
}
