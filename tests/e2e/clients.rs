//! Other people's MCP clients against the real server, in both eras.

use serde_json::{Value, json};

use crate::{folder::Folder, peers};

/// The words that serve a folder with its lock file as it is, in the environment of the tests.
pub fn command(folder: &Folder, options: &[&str]) -> Vec<String> {
    let serve = folder.toolcell();
    let environment = serve.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
    ["env".to_owned()]
        .into_iter()
        .chain(environment.map(|(name, value)| format!("{name}={value}")))
        .chain([serve.get_program().to_str().expect("a path in UTF-8").to_owned()])
        .chain(["serve", "--locked"].iter().chain(options).map(ToString::to_string))
        .chain([folder.plugins().to_str().expect("a path in UTF-8").to_owned()])
        .collect()
}

/// The guests that the plan calls.
pub const GUESTS: [(&str, &str); 6] = [
    ("echo", ""),
    ("fetches", ""),
    ("panics", ""),
    ("sleeps", ""),
    ("spin", "limits.deadline = \"1s\""),
    ("toolerror", ""),
];

/// A plan for either SDK's client (see tests/peers/python/client.py).
fn plan(folder: &Folder, era: &str) -> Value {
    json!({"command": command(folder, &[]), "era": era, "steps": steps()})
}

/// What every client does, over every transport.
pub fn steps() -> Vec<Value> {
    vec![
        json!({"do": "list"}),
        json!({"do": "call", "tool": "echo", "arguments": {"message": "hi"}}),
        json!({"do": "call", "tool": "echo", "arguments": {"message": 1}}),
        json!({"do": "call", "tool": "panics", "arguments": {"message": "of no use"}}),
        json!({"do": "cancel", "tool": "sleeps", "arguments": {"ms": 60_000}, "after_ms": 200}),
        json!({"do": "call", "tool": "toolerror", "arguments": {}}),
        json!({"do": "call", "tool": "fetches", "arguments": {"url": "https://elsewhere.example/"}}),
        json!({"do": "call", "tool": "spin", "arguments": {}}),
    ]
}

pub fn folder() -> Folder {
    let folder = Folder::new(&GUESTS);
    folder.lock().compile();
    folder
}

/// Holds the answers to [`steps`], the connection's first, to what they have to be.
pub fn check(answers: &[Value]) {
    let texts: Vec<_> = answers.iter().map(ToString::to_string).collect();
    let [_connection, list, echo, bad, panic, cancelled, tool_error, denied, deadline] = texts.as_slice() else {
        panic!("{texts:#?}")
    };
    for name in ["echo", "fetches", "panics", "sleeps", "spin", "toolerror"] {
        assert!(list.contains(name), "{list}");
    }
    assert!(echo.contains("\"structuredContent\":{\"message\":\"hi\"}"), "{echo}");
    assert!(bad.contains("/message: 1 is not of type"), "{bad}");
    assert!(panic.contains("of no use") && panic.contains("\"isError\":true"), "{panic}");
    assert_eq!(cancelled, "{\"cancelled\":true}");
    assert!(tool_error.contains("story_not_found"), "{tool_error}");
    assert!(denied.contains("denied_network") && denied.contains("https://elsewhere.example was not sent"), "{denied}");
    assert!(deadline.contains("stopped at its deadline of 1s"), "{deadline}");
}

#[test]
fn the_python_client_in_both_eras() {
    let folder = folder();
    for era in ["auto", "legacy"] {
        check(&peers::python(&plan(&folder, era)));
    }
}

#[test]
fn the_typescript_client_in_both_eras() {
    let folder = folder();
    for era in ["auto", "legacy"] {
        check(&peers::typescript(&plan(&folder, era)));
    }
}

#[test]
fn the_inspector() {
    let folder = folder();
    let mut inspector = peers::inspector();
    // It passes on little of its own environment, so the command sets what the server needs.
    inspector.args(command(&folder, &[])).args(["--method", "tools/list", "--format", "json"]);
    let output = inspector.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("toolerror"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
