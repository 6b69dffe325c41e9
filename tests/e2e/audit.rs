//! The audit log of the real server, and `toolcell audit` over it.

mod kept;

use std::{fs, path::PathBuf, process::Command, thread};

use serde_json::{Value, json};

use crate::{client::Client, failure::provoke::API, folder::Folder};

/// A folder whose log is beside its plugins, with `more` under `[audit]`.
fn folder(guests: &[(&str, &str)], more: &str) -> Folder {
    let folder = Folder::new(guests);
    folder.write("toolcell.toml", &format!("[audit]\nfile = \"audit.jsonl\"\n{more}"));
    folder.lock();
    folder
}

fn log(folder: &Folder) -> PathBuf {
    folder.plugins().with_file_name("audit.jsonl")
}

fn audit(folder: &Folder) -> Command {
    let mut command = folder.toolcell();
    command.arg("audit").env("TZ", "UTC");
    command
}

/// What `toolcell audit` prints, without what differs from run to run.
fn asked(folder: &Folder, arguments: &[&str]) -> String {
    let output = audit(folder).args(arguments).output().expect("it runs");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("it prints text")).concat();
    // Facts go on under their beginning, where paths are long.
    let text = text.replace(&format!("\n{:13}", ""), " ");
    steady(&text.replace(&folder.plugins().parent().expect("a folder").display().to_string(), "ROOT"))
}

/// Figures, times, ids and digests are those of one run, and so is how wide they are.
fn steady(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches([',', ':', ';', ')', '.']);
        let (bare, end) = (bare.trim_start_matches('('), &word[bare.len()..]);
        let is = |sign: char, digits: usize| {
            let of = |c: char| c.is_ascii_hexdigit() || c == sign || c == '.';
            bare.len() >= digits && bare.contains(sign) && bare.chars().all(of)
        };
        let shown = match bare {
            _ if bare.starts_with("sha256:") => "DIGEST",
            _ if is(':', 8) => "TIME",
            _ if bare.len() == 10 && is('-', 10) && bare.matches('-').count() == 2 => "DATE",
            _ if is('-', 10) => "CALL",
            _ if bare.contains('.') && bare.parse::<f64>().is_ok() => "N",
            _ if bare.len() > 3 && bare.parse::<u64>().is_ok() => "N",
            _ => return word.to_owned(),
        };
        format!("{shown}{end}")
    };
    let line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        indent.to_owned() + &line.split_whitespace().map(word).collect::<Vec<_>>().join(" ") + "\n"
    };
    text.lines().map(line).collect()
}

/// The records that `toolcell audit --json` prints.
fn records(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    let output = audit(folder).arg("--json").args(arguments).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
}

fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["call"].as_str().expect("a call")).collect()
}

#[test]
fn a_session_is_recorded_and_can_be_asked_about() {
    let folder = folder(&[("echo", ""), ("fetches", API), ("toolerror", "")], "");
    let mut client = folder.serve();
    client.call("echo", json!({"message": "a secret"}));
    client.call("echo", json!({"message": 1}));
    let denied = client.call("fetches", json!({"url": "https://elsewhere.example/secret?token=1"}));
    client.call("fetches", json!({"url": "https://elsewhere.example/", "swallow": true}));
    client.call("toolerror", json!({}));
    let forged = "nope\n{\"time\":\"2026-01-01T00:00:00Z\"}\u{202e}";
    let unknown = client.request("tools/call", json!({"name": forged, "arguments": {}}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    assert_eq!(client.close().code(), Some(0));

    let text = fs::read_to_string(log(&folder)).expect("it is there");
    assert!(!text.contains("secret") && !text.contains('\u{202e}'), "{text}");
    assert_eq!(text.lines().count(), 8, "{text}");
    insta::assert_snapshot!("session", asked(&folder, &[]));
    insta::assert_snapshot!(
        "session_failed",
        asked(&folder, &["--outcome", "failed", "--since", "1h", "--limit", "3"])
    );

    let all = records(&folder, &[]);
    assert_eq!((&all[0]["event"], &all[0]["transport"]), (&json!("started"), &json!("stdio")));
    assert_eq!(all[7]["event"], "stopped");
    let tools = |arguments: &[&str]| {
        let records = records(&folder, arguments);
        records.iter().map(|record| record["tool"].as_str().expect("a tool").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(tools(&["--tool", "echo"]), ["echo", "echo"]);
    assert_eq!(tools(&["--plugin", "toolerror"]), ["toolerror"]);
    assert_eq!(tools(&["--user", "local", "--outcome", "ok"]), ["echo", "fetches"]);
    assert_eq!(tools(&["--outcome", "unknown_tool"]), [forged]);
    assert_eq!(tools(&["--user", "alice"]), [""; 0]);
    assert_eq!(tools(&["--until", "1h"]), [""; 0]);
    assert!(asked(&folder, &["--user", "alice"]).starts_with("nothing that fits is recorded in ROOT/audit.jsonl"));

    let call = denied["_meta"]["toolcell/error"]["call"].as_str().expect("a call id");
    let explained = asked(&folder, &[call]);
    insta::assert_snapshot!("explained", explained);
    // Word for word as the model read it.
    let told = denied["content"][0]["text"].as_str().expect("a text");
    let told: Vec<_> = told.split_whitespace().collect();
    let output = audit(&folder).arg(call).output().expect("it runs");
    let shown = String::from_utf8(output.stdout).expect("it prints text");
    assert!(shown.split_whitespace().collect::<Vec<_>>().join(" ").contains(&told.join(" ")), "{shown}");

    let missing = audit(&folder).arg("00000000-1").output().expect("it runs");
    assert_eq!(missing.status.code(), Some(1));
    let said = String::from_utf8(missing.stderr).expect("it prints text");
    assert!(said.contains("no call \"00000000-1\" in ") && said.contains("audit.jsonl"), "{said}");
}

#[test]
fn arguments_are_recorded_where_the_operator_wants_them() {
    let folder = folder(&[("echo", ""), ("panics", "")], "arguments = true\n");
    let mut client = folder.serve();
    client.call("echo", json!({"message": "a secret"}));
    client.call("panics", json!({"message": "the index is out of range"}));
    client.close();
    let records = records(&folder, &["--user", "local"]);
    assert_eq!(records[0]["arguments"]["json"], json!({"message": "a secret"}));
    // As `printf '{"message":"a secret"}' | sha256sum` has it.
    let digest = "sha256:8a632fd082c4d7efa0968f8f24a4f003e35794653e37525af7c7b118f00f3858";
    assert_eq!(records[0]["arguments"]["digest"], digest);
    assert!(records[1]["printed"].as_str().is_some_and(|printed| printed.contains("panicked")), "{}", records[1]);
}

#[test]
fn a_call_that_its_client_gave_up_is_recorded() {
    let folder = folder(&[("spin", "")], "");
    let mut client = folder.serve();
    client.begin_call("spin", json!({}));
    assert_eq!(client.close().code(), Some(0));
    let records = records(&folder, &["--tool", "spin"]);
    assert_eq!((records.len(), &records[0]["outcome"]), (1, &json!("cancelled")), "{records:?}");
}

/// Each client of a person starts a host of its own.
#[test]
fn hosts_that_run_at_once_share_a_log() {
    const EACH: usize = 80;
    let folder = folder(&[("echo", "")], "max = \"64KiB\"\nkeep = 20\n");
    let sessions: Vec<Client> = (0..3).map(|_| folder.serve()).collect();
    thread::scope(|scope| {
        for mut client in sessions {
            scope.spawn(move || {
                for _ in 0..EACH {
                    assert_eq!(client.call("echo", json!({"message": "hi"}))["isError"], false);
                }
                client.close();
            });
        }
    });
    let records = records(&folder, &["--outcome", "ok", "--limit", "1000"]);
    let mut ids = ids(&records);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((records.len(), ids.len()), (3 * EACH, 3 * EACH));
    assert!(log(&folder).with_extension("jsonl.1").exists(), "it was put aside when it was full");
}

/// The user's own log, where toolcell.toml says nothing; other tests write to it meanwhile.
#[test]
fn calls_are_recorded_in_the_users_state_by_default() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    let result = client.call("echo", json!({"message": "hi"}));
    let call = result["_meta"]["toolcell/receipt"]["call"].as_str().expect("a call id").to_owned();
    client.close();
    let explained = audit(&folder).arg(&call).output().expect("it runs");
    let text = String::from_utf8(explained.stdout).expect("it prints text");
    assert!(text.starts_with(&format!("call {call}: answered")), "{text}");
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains("plugins over stdio since"), "{text}");
    folder.write("toolcell.toml", "[audit]\nenabled = false\n");
    let mut client = folder.serve();
    let result = client.call("echo", json!({"message": "hi"}));
    let call = result["_meta"]["toolcell/receipt"]["call"].as_str().expect("a call id").to_owned();
    client.close();
    assert_eq!(audit(&folder).arg(&call).output().expect("it runs").status.code(), Some(1));
}
