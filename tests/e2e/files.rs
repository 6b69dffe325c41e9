//! Files as a capability: what a plugin reaches of the folders that it was granted, and what it does not.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::{client::Client, failure::Failed, folder::Folder};

/// Asks to read one folder and to write in another, both the plugin's own.
pub const ASKS: &str = "capabilities.files = [{ path = \"data\" }, { path = \"out/today\", access = \"read-write\" }]";

/// A plugin with its folders, and what lies in them and beside them.
pub fn folder(asks: &str) -> Folder {
    let folder = Folder::new(&[("files", asks)]);
    let own = own(&folder);
    fs::create_dir_all(own.join("data/in"))
        .and_then(|()| fs::create_dir_all(own.join("out/today")))
        .expect("it is ours");
    for (file, text) in
        [("data/a.txt", "granted"), ("data/in/b.txt", "deeper"), ("out/c.txt", "beside"), ("private", "private")]
    {
        fs::write(own.join(file), text).expect("it is ours");
    }
    folder
}

fn own(folder: &Folder) -> PathBuf {
    folder.plugins().join("files")
}

/// What each step gives, or the text of its failure.
fn results(client: &mut Client, steps: Value) -> Vec<Value> {
    let result = client.call("files", json!({"steps": steps, "swallow": true}));
    assert_eq!(result["isError"], false, "{result}");
    result["structuredContent"]["results"].as_array().expect("it has results").clone()
}

#[test]
fn what_is_granted_is_read_and_written() {
    let folder = folder(ASKS);
    let mut client = folder.lock().serve();
    let read = results(
        &mut client,
        json!([["read", "/data/a.txt"], ["read", "data/in/b.txt"], ["list", "/data"], ["stat", "/data/in"]]),
    );
    assert_eq!(read, [json!("granted"), json!("deeper"), json!(["a.txt", "in"]), json!(true)]);
    let result = client.call(
        "files",
        json!({"steps": [["mkdir", "/out/today/d"], ["write", "/out/today/d/e", "one"], ["append", "/out/today/d/e", " two"],
            ["rename", "/out/today/d/e", "/out/today/f"], ["read", "/out/today/f"]]}),
    );
    assert_eq!(result["structuredContent"], json!({"results": ["done", "one two"]}), "{result}");
    // A folder and a file, with 4 KiB for each, and seven bytes.
    let used = &result["_meta"]["toolcell/receipt"]["files"];
    assert_eq!(used["written"], 2 * 4096 + 7, "{result}");
    // What was written is there for the next call and for everybody else.
    assert_eq!(results(&mut client, json!([["read", "/out/today/f"]])), ["one two"]);
    assert_eq!(fs::read_to_string(own(&folder).join("out/today/f")).expect("it is there"), "one two");
}

#[test]
fn nothing_else_is_reached() {
    let folder = folder(ASKS);
    let own = own(&folder);
    symlink("/etc/passwd", own.join("data/absolute")).expect("it is ours");
    symlink("../private", own.join("data/up")).expect("it is ours");
    symlink("..", own.join("data/around")).expect("it is ours");
    symlink("a.txt", own.join("data/inside")).expect("it is ours");
    let mut client = folder.lock().serve();
    let mut refused = |step: Value| {
        let result = client.call("files", json!({"steps": [step], "swallow": true}));
        let given = result["structuredContent"]["results"][0].as_str().expect("a text").to_owned();
        assert!(given.starts_with("Permission denied"), "{step}: {given}");
        // The plugin works with files, so the model reads of it beside the answer.
        let seen = result["content"][1]["text"].as_str().expect("the host's own text");
        assert!(seen.starts_with("The host saw: "), "{step}: {seen}");
        seen.lines().next().expect("it has a line").to_owned()
    };
    for path in ["/etc/passwd", "/", "/datax/a.txt", "/out", "/out/c.txt", "etc/passwd", "/proc/self/environ"] {
        let seen = refused(json!(["read", path]));
        assert!(seen.contains(path) && seen.contains("in no folder"), "{seen}");
    }
    for path in [
        "/data/../private",
        "/data/in/../../private",
        "/data/absolute",
        "/data/up",
        "/data/up/",
        "/data/around/",
        "/data/around/private",
    ] {
        let seen = refused(json!(["read", path]));
        assert!(seen.contains(path) && seen.contains("leads out of the folder"), "{seen}");
    }
    for step in [
        json!(["write", "/data/new", "x"]),
        json!(["append", "/data/a.txt", "x"]),
        json!(["truncate", "/data/a.txt", 0]),
        json!(["mkdir", "/data/new"]),
        json!(["remove", "/data/a.txt"]),
        json!(["rename", "/data/a.txt", "/out/today/a.txt"]),
    ] {
        let seen = refused(step);
        assert!(seen.contains("asks to read there, not to write"), "{seen}");
    }
    for target in ["/etc/passwd", "../c.txt", "a/../../c.txt"] {
        let seen = refused(json!(["link", target, "/out/today/link"]));
        assert!(seen.contains("leads out of the folder"), "{seen}");
    }
    let inside = json!([
        ["read", "/data/inside"],
        ["link", "f", "/out/today/l"],
        ["write", "/out/today/l", "x"],
        ["read", "/out/today/f"]
    ]);
    assert_eq!(results(&mut client, inside), ["granted", "done", "x"]);
    assert_eq!(fs::read_to_string(own.join("data/a.txt")).expect("it is there"), "granted");
    assert_eq!(fs::read_dir(own.join("data")).expect("it is there").count(), 6);
}

/// While the plugin reads, somebody swaps the folder that its path goes through for a link that leads out, again and again.
#[test]
fn a_folder_that_is_swapped_for_a_link_leads_nowhere() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    let folder = folder(ASKS);
    let own = own(&folder);
    fs::create_dir(own.join("hidden"))
        .and_then(|()| fs::write(own.join("hidden/b.txt"), "hidden"))
        .expect("it is ours");
    symlink("../hidden", own.join("data/other")).expect("it is ours");
    let mut client = folder.lock().serve();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (inside, other) = (own.join("data/in"), own.join("data/other"));
            while !is_over.load(Ordering::Relaxed) {
                renameat_with(CWD, &inside, CWD, &other, RenameFlags::EXCHANGE).expect("both are there");
            }
        });
        let (mut granted, mut refused) = (0, 0);
        while granted < 20 || refused < 20 {
            for result in results(&mut client, json!(vec![json!(["read", "/data/in/b.txt"]); 200])) {
                match result.as_str().expect("a text") {
                    "deeper" => granted += 1,
                    "hidden" => panic!("it led out"),
                    _ => refused += 1,
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_folder_that_is_not_there_is_named_and_found_once_it_is() {
    let folder = folder("capabilities.files = [{ path = \"later\" }]");
    folder.lock();
    let check = folder.toolcell().args(["check", "--locked", "files"]).output().expect("it runs");
    let text = String::from_utf8(check.stdout).expect("it prints text");
    assert!(text.contains("the folder later is granted and cannot be opened"), "{text}");
    let mut client = folder.serve();
    let failed = Failed::new(&client.call("files", json!({"steps": [["read", "/later/a"]], "crash": true})));
    assert!(failed.text.contains("`later` was granted, and the host cannot open it"), "{}", failed.text);
    fs::create_dir(own(&folder).join("later"))
        .and_then(|()| fs::write(own(&folder).join("later/a"), "now"))
        .expect("it is ours");
    assert_eq!(results(&mut client, json!([["read", "/later/a"]])), ["now"]);
}

/// What lies in a plugin's folders says nothing about plugins: neither a link to the whole machine nor many files keep a new
/// one from being seen.
#[test]
fn what_lies_in_folders_keeps_no_new_plugin_from_being_seen() {
    let folder = folder(ASKS);
    symlink("/", own(&folder).join("data/root")).expect("it is ours");
    let mut client = folder.lock().serve();
    assert_eq!(results(&mut client, json!([["make", "/out/today", 2_000]])), ["done"]);
    folder.add("echo", "");
    folder.lock();
    client.wait_for("notifications/tools/list_changed");
    assert_eq!(client.tools(), ["echo", "files"]);
}

#[test]
fn a_folder_of_the_machine_is_seen_where_it_is() {
    let machine = tempfile::tempdir().expect("a folder can be made");
    fs::write(machine.path().join("a"), "of the machine").expect("it is ours");
    let path = machine.path().to_str().expect("it is UTF-8");
    let folder = folder(&format!("capabilities.files = [{{ path = {path:?}, access = \"read-write\" }}]"));
    let mut client = folder.lock().serve();
    let read = results(&mut client, json!([["read", format!("{path}/a")], ["write", format!("{path}/b"), "new"]]));
    assert_eq!(read, ["of the machine", "done"]);
    assert_eq!(fs::read_to_string(machine.path().join("b")).expect("it is there"), "new");
}

#[test]
fn what_a_call_takes_of_files_is_bounded() {
    let folder = folder(ASKS);
    let own = own(&folder);
    rustix::fs::mknodat(rustix::fs::CWD, own.join("data/pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("it is ours");
    fs::create_dir(own.join("data/full")).expect("it is ours");
    for number in 0..10_001 {
        fs::File::create(own.join(format!("data/full/{number}"))).expect("it is ours");
    }
    let mut client = folder.lock().serve();
    for (steps, resource) in [
        (json!([["write", "/out/today/a", 65 << 20]]), "disk space"),
        (json!([["truncate", "/out/today/a", 1_u64 << 40]]), "disk space"),
        (json!([["make", "/out/today", 20_000]]), "disk space"),
        (json!([["hold", "/data/a.txt", 65]]), "open files"),
        (json!(vec![json!(["list", "/data/full"]); 10]), "listed file names"),
    ] {
        let failed = Failed::new(&client.call("files", json!({"steps": steps})));
        assert_eq!(failed.code, "resource_limit", "{}", failed.text);
        assert!(failed.text.contains(resource), "{}", failed.text);
    }
    // One after the other it can open as many as it likes.
    let held = json!([["hold", "/data/a.txt", 60], ["hold", "/data/a.txt", 61], ["hold", "/data/a.txt", 62]]);
    assert_eq!(results(&mut client, held), [60, 61, 62]);
    // Opening it would wait for whoever writes to it.
    let piped = results(&mut client, json!([["read", "/data/pipe"]]));
    assert!(piped[0].as_str().is_some_and(|text| text.contains("ot supported")), "{piped:?}");
}

#[test]
fn the_operator_can_grant_less() {
    let folder = folder(ASKS);
    folder.write("toolcell.toml", "[plugins.files]\nfiles = [{ path = \"out/today\", access = \"read\" }]\n");
    let mut client = folder.lock().serve();
    let mut told = |step: Value| Failed::new(&client.call("files", json!({"steps": [step], "crash": true}))).text;
    assert!(told(json!(["read", "/data/a.txt"])).contains("asks for the folder `data` and was not granted it"));
    assert!(told(json!(["write", "/out/today/f", "x"])).contains("asks to write there and was granted to read alone"));
}

/// Runtimes look for files by themselves; what a plugin without files says is believed, and what it was refused is told only
/// where it failed.
#[test]
fn a_plugin_without_files_is_not_accused() {
    let folder = Folder::new(&[("files", "")]);
    let mut client = folder.lock().serve();
    let result = client.call("files", json!({"steps": [["read", "/etc/localtime"]], "swallow": true}));
    assert_eq!(result["content"][1], Value::Null, "{result}");
    assert_eq!(results(&mut client, json!([["stat", "/etc"]])), ["No such file or directory (os error 44)"]);
    let failed = Failed::new(&client.call("files", json!({"steps": [["read", "/etc/localtime"]]})));
    assert_eq!(failed.code, "no_file");
    insta::assert_snapshot!("files_of_a_plugin_without", failed.text);
}

#[test]
fn a_plugin_that_writes_is_not_said_to_change_nothing() {
    for (asks, read_only) in [("", true), ("capabilities.files = [{ path = \"data\" }]", true), (ASKS, false)] {
        let folder = folder(asks);
        let mut client = folder.lock().serve();
        let tools = client.request("tools/list", json!({}));
        assert_eq!(tools["result"]["tools"][0]["annotations"]["readOnlyHint"], read_only, "{asks}");
        assert_eq!(
            client.instructions.contains("except in the folders of: files."),
            !read_only,
            "{}",
            client.instructions
        );
    }
}

/// Calls that a replay answers reach nothing, and so no file either: their folders are empty and go with them.
#[test]
fn on_trial_folders_are_empty() {
    use toolcell::{replay::Replay, testing::Plugin};

    let folder = folder(ASKS);
    let plugin = Plugin::load(own(&folder));
    let steps = json!([["list", "/data"], ["write", "/out/today/f", "kept"], ["read", "/out/today/f"]]);
    let answer = plugin.call("files", json!({"steps": steps}), Replay::new()).expect("it answers");
    assert_eq!(answer.structured, Some(json!({"results": [[], "done", "kept"]})));
    assert!(!Path::new(&own(&folder).join("out/today/f")).exists());
    let error = plugin.call("files", json!({"steps": [["read", "/out/today/f"]]}), Replay::new());
    assert!(error.expect_err("it is gone").message.contains("No such file"));
}
