//! Other people's MCP clients against the real server over HTTP, in both eras.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{clients, folder::Folder, peers, server::Served, upstream::Upstream};

/// A folder whose list of tools changes whenever the conformance guest's `test_trigger_tool_change` is called, and a server of it.
pub struct Changing {
    pub server: Served,
    /// What the guest reaches in the place of trigger.example.
    _trigger: Upstream,
}

impl Changing {
    pub fn serve(guests: &[(&str, &str)]) -> Self {
        let folder = Folder::new(guests);
        folder.add("conformance", "capabilities.network = [\"https://trigger.example\"]");
        folder.add("counter", "");
        folder.lock();
        let (changing, served) = (Arc::new(folder), AtomicBool::new(true));
        let folder = Arc::clone(&changing);
        let trigger = Upstream::answering(move |_| {
            if served.fetch_not(Ordering::Relaxed) {
                changing.remove("counter");
            } else {
                changing.add("counter", "");
            }
            ("text/plain", Vec::new())
        });
        let substitute = format!("https://trigger.example={}", trigger.url(""));
        let server = Served::at(&folder, "127.0.0.1:0", &["--upstream", &substitute]);
        Self { server, _trigger: trigger }
    }
}

fn serve() -> Changing {
    let mut guests = clients::GUESTS.to_vec();
    // A call that went on after its client had left would keep the next one waiting until its deadline.
    guests.retain(|(guest, _)| *guest != "sleeps");
    guests.push(("sleeps", "limits.concurrency = 1"));
    Changing::serve(&guests)
}

/// A plan for either SDK's client (see tests/peers/python/client.py).
fn plan(changing: &Changing, era: &str) -> Value {
    let mut steps = clients::steps();
    steps.extend([
        json!({"do": "call", "tool": "sleeps", "arguments": {"ms": 1}}),
        json!({"do": "call", "tool": "test_tool_with_progress", "progress": true}),
        json!({"do": "change", "tool": "test_trigger_tool_change"}),
    ]);
    json!({"url": changing.server.url(), "era": era, "steps": steps})
}

fn check(mut answers: Vec<Value>, version: &str) {
    let more = answers.split_off(answers.len() - 3);
    assert_eq!(answers[0]["version"], version, "{answers:#?}");
    clients::check(&answers);
    let [slept, progress, changed] = more.as_slice() else { panic!("{more:#?}") };
    assert_eq!(slept["result"]["content"][0]["text"], "slept 1 ms", "the cancelled call went on: {slept}");
    let reports = progress["progress"].as_array().expect("a list").iter();
    let reports: Vec<_> = reports.filter_map(|report| report["progress"].as_f64()).collect();
    assert_eq!(reports, [0.0, 50.0, 100.0], "{progress}");
    assert_eq!(changed["event"], "ToolsListChanged", "{changed}");
}

#[test]
fn the_python_client_in_both_eras() {
    for (era, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        check(peers::python(&plan(&serve(), era)), version);
    }
}

#[test]
fn the_typescript_client_in_both_eras() {
    for (era, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        check(peers::typescript(&plan(&serve(), era)), version);
    }
}

#[test]
fn the_first_typescript_client() {
    let changing = serve();
    let mut plan = plan(&changing, "legacy");
    plan["sdk"] = json!(1);
    check(peers::typescript(&plan), "2025-11-25");
}

#[test]
fn the_inspector_in_both_eras() {
    let folder = clients::folder();
    let server = Served::start(&folder);
    let files = tempfile::tempdir().expect("a folder can be made");
    let config = files.path().join("servers.json");
    for era in ["legacy", "modern"] {
        let servers = json!({"mcpServers": {"toolcell": {"type": "http", "url": server.url(), "protocolEra": era}}});
        fs::write(&config, servers.to_string()).expect("the folder is ours");
        let inspect = |arguments: &[&str]| {
            let mut inspector = peers::inspector();
            inspector.arg("--config").arg(&config).args(["--server", "toolcell", "--format", "json"]).args(arguments);
            let output = inspector.output().expect("it runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            (output.status.code(), text, String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (code, list, noise) = inspect(&["--method", "tools/list"]);
        assert!(code == Some(0) && list.contains("toolerror"), "{era}: {list}\n{noise}");
        let call = ["--method", "tools/call", "--tool-name", "echo", "--tool-args-json", "{\"message\": 1}"];
        let (code, bad, noise) = inspect(&call);
        assert!(code == Some(5) && bad.contains("/message: 1 is not of type"), "{era}: {bad}\n{noise}");
    }
}
