//! Names of tools: as plugins give them, as manifests change them, and when two plugins want the same.

use serde_json::json;

use crate::folder::Folder;

#[test]
fn manifests_rename_prefix_and_disable() {
    let folder = Folder::new(&[
        ("echo", "[tools]\nprefix = \"my_\"\nrename = { echo = \"say\" }"),
        ("sleeps", "[tools]\nprefix = \"my_\""),
    ]);
    folder.add("exits", "[tools]\ndisable = [\"exits\"]");
    let mut client = folder.lock().serve();
    // What is renamed has its whole name.
    assert_eq!(client.tools(), ["my_sleeps", "say"]);
    assert_eq!(client.call("say", json!({"message": "hi"}))["structuredContent"], json!({"message": "hi"}));
    let answer = client.request("tools/call", json!({"name": "exits", "arguments": {}}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[test]
fn of_two_with_one_name_neither_is_served_at_the_start() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    folder.add_as("parrot", "echo", "");
    let mut client = folder.lock().serve();
    assert_eq!(client.tools(), ["toolerror"]);
    for plugin in ["echo", "parrot"] {
        let told = format!("{plugin} (a tool's name is taken by another plugin)");
        assert!(client.instructions.contains(&told), "{}", client.instructions);
    }
    let line = client.wait_for_log("plugin parrot is not served");
    assert!(line.contains("tool \"echo\" has the same name as one of plugin echo"), "{line}");

    // What `prefix` is for.
    folder.add_as("parrot", "echo", "[tools]\nprefix = \"parrot_\"");
    client.wait_for("notifications/tools/list_changed");
    assert_eq!(client.tools(), ["echo", "parrot_echo", "toolerror"]);
}

#[test]
fn a_newcomer_takes_no_name_from_a_plugin_that_is_served() {
    let folder = Folder::new(&[("sleeps", "")]);
    let mut client = folder.lock().serve();
    // Comes first in the order of the folder.
    folder.add_as("a-parrot", "sleeps", "");
    folder.lock();
    let line = client.wait_for_log("tool \"sleeps\" has the same name as one of plugin sleeps");
    assert!(line.contains("plugin a-parrot is not served"), "{line}");
    assert_eq!(client.tools(), ["sleeps"]);
    assert_eq!(client.call("sleeps", json!({"ms": 1}))["content"][0]["text"], "slept 1 ms");
}
