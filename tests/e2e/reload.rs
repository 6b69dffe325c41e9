//! A folder that changes while it is served.

use std::{fs, sync::mpsc::RecvTimeoutError, time::Duration};

use serde_json::{Value, json};

use crate::{
    client::Client,
    folder::{Folder, component},
    protocol::modern,
};

const CHANGED: &str = "notifications/tools/list_changed";

#[test]
fn plugins_are_added_changed_and_removed_without_a_restart() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    folder.add("toolerror", "");
    folder.lock();
    wait_until(&mut client, &["echo", "toolerror"]);

    // Another tool under the same plugin's name.
    folder.write_component("toolerror", &component("exits"));
    folder.lock();
    wait_until(&mut client, &["echo", "exits"]);

    folder.remove("toolerror");
    wait_until(&mut client, &["echo"]);
    assert_eq!(client.call("echo", json!({"message": "hi"}))["structuredContent"], json!({"message": "hi"}));
}

/// Waits for announcements until the list is this. A change of several files can be announced more than once.
fn wait_until(client: &mut Client, tools: &[&str]) {
    while client.tools() != tools {
        client.wait_for(CHANGED);
    }
}

#[test]
fn clients_of_the_newer_era_are_told_where_they_listen() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let mut client = Client::start(folder.toolcell().args(["serve", "--locked"]));
    let params = json!({"notifications": {"toolsListChanged": true}, "_meta": modern()});
    let subscription = client.begin("subscriptions/listen", params);
    client.wait_for("notifications/subscriptions/acknowledged");
    folder.remove("echo");
    let news = loop {
        let message = client.read();
        if message["method"] == CHANGED {
            break message;
        }
    };
    assert_eq!(news["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], subscription, "{news}");
    let list = client.request("tools/list", json!({"_meta": modern()}));
    assert_eq!(list["result"]["tools"], json!([]), "{list}");
}

#[test]
fn a_call_under_way_finishes_on_what_it_started_with() {
    let folder = Folder::new(&[("sleeps", "")]);
    let mut client = folder.lock().serve();
    let id = client.begin_call("sleeps", json!({"ms": 5_000}));
    client.ping();
    folder.write_component("sleeps", &component("toolerror"));
    folder.lock();
    wait_until(&mut client, &["toolerror"]);
    folder.remove("sleeps");
    wait_until(&mut client, &[]);
    assert_eq!(client.end(id)["result"]["content"][0]["text"], "slept 5000 ms");
}

#[test]
fn what_was_built_before_is_served_until_the_next_is_in_place() {
    let (first, second) = (component("echo"), component("toolerror"));
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    // A custom section makes another component of it that does the same (WebAssembly, binary format, 5.5.3).
    folder.build("echo", &[&first[..], &[0, 3, 1, b'v', 1]].concat());
    client.wait_for_log("its new component is served");
    folder.record_build("echo", &second);
    folder.write("plugins/echo/plugin.toml", "component = \"guest.wasm\"\n# Read again.\n");
    folder.add("exits", "");
    client.wait_for_log("plugin exits is not served");
    let result = client.call("echo", json!({"message": "hi"}));
    assert_eq!(result["structuredContent"], json!({"message": "hi"}), "{result}");
}

#[test]
fn a_broken_new_version_keeps_the_old_one_serving() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    let whole = component("echo");
    let stays = |words: &str, client: &mut Client| {
        let line = client.wait_for_log(words);
        assert!(line.contains("ERROR plugin echo: the version before this one stays: "), "{line}");
        let result = client.call("echo", json!({"message": "hi"}));
        assert_eq!(result["structuredContent"], json!({"message": "hi"}), "{result}");
    };

    folder.write("plugins/echo/plugin.toml", "component = ");
    stays("manifest not valid: plugins/echo/plugin.toml:1:13", &mut client);
    folder.write("plugins/echo/plugin.toml", "component = \"guest.wasm\"\n");

    // Half a file, as a slow copy leaves it for a while.
    folder.write_component("echo", &whole[..whole.len() / 2]);
    stays("component not valid: ", &mut client);
    folder.build("echo", &component("listtraps"));
    stays("component not valid: listing its tools failed", &mut client);
    assert!(!client.notifications.iter().any(|message| message["method"] == CHANGED), "{:?}", client.notifications);

    folder.build("echo", &component("toolerror"));
    client.wait_for_log("tools changed since they were reviewed");
    assert_eq!(client.tools(), [""; 0]);
    folder.lock();
    wait_until(&mut client, &["toolerror"]);
}

#[test]
fn a_folder_that_changes_without_end_is_still_read_and_does_not_fill_the_log() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    folder.add("exits", "");
    let mut client = folder.serve();
    assert_eq!(client.tools(), ["echo"]);
    std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        // Faster than it takes for the folder to count as quiet.
        let folder = &folder;
        scope.spawn(move || {
            while stopped.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                folder.write("plugins/exits/notes.txt", "one more");
            }
        });
        folder.add("toolerror", "");
        client.wait_for_log("plugin toolerror is not served");
        folder.remove("echo");
        wait_until(&mut client, &[]);
        drop(stop);
    });
    let told = client.log().matches("plugin exits is not served").count();
    assert_eq!(told, 1, "{}", client.log());
}

#[test]
fn a_folder_that_is_replaced_is_read_again() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    let next = Folder::new(&[("exits", "")]);
    next.lock();
    fs::rename(folder.plugins(), folder.plugins().with_file_name("before")).expect("the folder is ours");
    client.wait_for_log("is there again");
    assert_eq!(client.tools(), ["echo"]);
    fs::rename(next.plugins(), folder.plugins()).expect("both are on the same file system");
    wait_until(&mut client, &["exits"]);
    // The new folder is watched, too.
    folder.remove("exits");
    wait_until(&mut client, &[]);
}

#[test]
fn what_is_revoked_while_serving_is_not_served() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    let mut client = folder.lock().serve();
    let lock = fs::read_to_string(folder.plugins().join("toolcell.lock")).expect("it is there");
    let (kept, _revoked) = lock.split_once("[plugins.toolerror]").expect("an entry");
    folder.write("plugins/toolcell.lock", kept);
    wait_until(&mut client, &["echo"]);
    let told: Value = client.call("toolerror", json!({}));
    assert!(told["content"][0]["text"].to_string().contains("permissions not reviewed"), "{told}");
}
