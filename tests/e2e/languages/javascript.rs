//! JavaScript: what the SDK gives and what its engines lack, in the real host.

use std::{fs, path::Path, process::Command};

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{NAME, Node, build, call, holds, new, said, source};
use crate::folder::Folder;

#[test]
fn a_new_plugin_in_javascript_is_built_tested_and_called() {
    let (folder, node) = (new("javascript"), Node::new());
    let told = build(node.first(&mut folder.toolcell()));
    assert!(told.contains("$ npm install --no-audit --no-fund\n"), "{told}");
    let tested = said(node.first(&mut Command::new("npm")).arg("test").current_dir(source(&folder)));
    assert!(tested.contains("pass 4") && tested.contains("fail 0"), "{tested}");
    holds(&folder);

    // What was installed stays.
    let told = build(node.first(&mut folder.toolcell()));
    assert!(!told.contains("$ npm"), "{told}");
}

/// The plugin beside this file, which uses all that there is.
fn everything() -> Folder {
    let (folder, node) = (new("javascript"), Node::new());
    let plugin = source(&folder);
    fs::write(plugin.join("src/plugin.js"), include_str!("javascript/plugin.js")).expect("it is ours");
    let asks = "description = \"x\"\ncomponent = \"first-one.wasm\"\n[capabilities]\nnetwork = \
                [\"https://api.example.com\"]\nenv = [\"TOKEN\"]\npostgres = [\"replica\"]\n[capabilities.cache]\nmax = \
                \"1MiB\"\nttl-max = \"1h\"\n";
    fs::write(plugin.join("plugin.toml"), asks).expect("it is ours");
    fs::remove_dir_all(plugin.join("examples")).and_then(|()| fs::create_dir(plugin.join("examples"))).expect("ours");
    build(node.first(&mut folder.toolcell()));
    folder
}

fn example(folder: &Folder, name: &str, example: &Value) {
    let path = source(folder).join("examples").join(name).with_extension("json");
    fs::write(path, example.to_string()).expect("it is ours");
}

#[test]
fn what_the_host_gives_is_reached_from_javascript() {
    let folder = everything();
    let url = "https://api.example.com/stories/7?q=a+b%26c";
    let asked = |status: u16| {
        json!([{"method": "POST", "url": url, "status": status, "headers": {}, "body": {"title": "Zürich €"}}])
    };
    let token = json!({"TOKEN": "not a real one"});
    let title = json!({"title": "Zürich €"});
    example(&folder, "story", &json!({"tool": "story", "arguments": {"id": "7"}, "env": token, "upstream": asked(200),
        "expect": {"structured": {"value": title, "isFresh": true, "again": title}}}));
    example(&folder, "story-gone", &json!({"tool": "story", "arguments": {"id": "7"}, "env": token,
        "upstream": asked(404), "expect": {"error": {"code": "upstream_not_found"}}}));
    example(&folder, "story-refused", &json!({"tool": "story", "arguments": {"id": "7"}, "env": token,
        "upstream": [{"method": "POST", "url": url, "fail": "refused"}],
        "expect": {"error": {"code": "upstream_unreachable", "retryable": true}}}));
    let sql = "SELECT id, name FROM users WHERE id = $1";
    example(&folder, "users", &json!({"tool": "users", "arguments": {}, "databases": [{"database": "replica", "sql": sql,
        "parameters": [7], "columns": [{"name": "id", "type": "int8"}, {"name": "name", "type": "text"}],
        "rows": [[7, "Ada"]]}], "expect": {"structured": {"rows": [{"id": 7, "name": "Ada"}],
        "columns": [{"name": "id", "typeName": "int8"}, {"name": "name", "typeName": "text"}], "truncated": false}}}));
    example(&folder, "users-refused", &json!({"tool": "users", "arguments": {}, "databases": [{"database": "replica",
        "sql": sql, "parameters": [7], "error": {"code": "database_refused", "message": "it was refused",
        "likely_causes": ["a column"], "check_first": "Read it.", "retryable": false,
        "refusal": {"sqlstate": "42703", "message": "no column"}}}],
        "expect": {"error": {"code": "database_refused", "check_first": "Read it."}}}));
    example(&folder, "parts", &json!({"tool": "parts", "arguments": {}, "expect": {"text": "see"}}));
    example(&folder, "engine", &json!({"tool": "engine", "arguments": {}, "expect": {"structured": {"seen": ["a", "b"],
        "counts": [1, 2], "failed": "no", "text": "Zürich €", "host": "example.com:8443", "copy": {"list": [1]}}}}));
    let smoked = said(folder.toolcell().args(["smoke", NAME]));
    assert!(smoked.contains("All 7 examples of 1 plugin hold"), "{smoked}");

    folder.lock();
    let crashed = |how: &str| {
        let answer = call(&folder, "crash", &json!({"how": how}));
        let error = &answer["error"];
        format!("{how}\n  {}: {}\n", error["code"], error["message"])
    };
    let all: String = ["member", "throws text", "number", "big", "waits"].map(crashed).concat();
    assert_snapshot!("crashes", all);
}

#[test]
fn a_build_without_node_says_what_to_install() {
    let folder = new("javascript");
    let build = |programs: &Path| {
        let output = folder.toolcell().args(["build", NAME]).env("PATH", programs).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let programs = folder.plugins().with_file_name("bin");
    fs::create_dir(&programs).expect("it is ours");
    assert_snapshot!("no_node", build(&programs));
    let node = programs.join("node");
    fs::write(&node, "#!/bin/sh\necho v18.20.8\n").expect("it is ours");
    fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it is ours");
    assert_snapshot!("old_node", build(&programs));
}
