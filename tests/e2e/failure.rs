//! Failures as a model reads them: for each, a guest that provokes it and a snapshot of its text. `coverage` insists that
//! no failure and no guest is left out.

use std::io::{Read, Write};

use serde_json::{Value, json};
use toolcell::failure::Code;

use crate::{folder::Folder, upstream::Upstream};

/// Defines a test for each case: the code that the guest's failure has, and how it is provoked. The case's name is the
/// snapshot's.
macro_rules! cases {
    ($($name:ident: $guest:literal => $code:ident, $provoke:expr;)*) => {
        /// The failures that have a case, and the guests that provoke them.
        pub const CASES: &[(Code, &str)] = &[$((Code::$code, $guest)),*];

        $(
            #[test]
            fn $name() {
                let failed = ($provoke)($guest);
                assert_eq!(failed.code, Code::$code.as_str(), "{}", failed.text);
                insta::assert_snapshot!(stringify!($name), failed.text);
            }
        )*
    };
}

cases! {
    invalid_arguments: "echo" => InvalidArguments, call("", json!({"message": 1, "count": "x"}));
    panic: "panics" => Trap, call("", json!({"message": "the index is out of range"}));
    stack_overflow: "stack" => StackOverflow, call("", json!({}));
    exited: "exits" => Exited, call("", json!({"status": 3}));
    deadline_while_computing: "spin" => Deadline, call("limits.deadline = \"300ms\"", json!({}));
    deadline_while_waiting: "sleeps" => Deadline, call("limits.deadline = \"300ms\"", json!({"ms": 60_000}));
    deadline_while_fetching: "fetches" => Deadline, upstream(mute, "limits.deadline = \"500ms\"", json!({}));
    result_too_large: "big" => ResultTooLarge, call("", json!({"bytes": 5 << 20}));
    output_type: "liar" => InvalidOutput, call("", json!({"how": "type"}));
    output_json: "liar" => InvalidOutput, call("", json!({"how": "json"}));
    output_missing: "liar" => InvalidOutput, call("", json!({"how": "missing"}));

    memory_limit: "grow" => MemoryLimit, call("limits.memory = \"16MiB\"", json!({"abort": true}));
    too_much_data: "greedy" => ResourceLimit, call("", json!({"what": "data"}));
    too_many_random_bytes: "greedy" => ResourceLimit, call("", json!({"what": "random"}));
    too_many_resources: "greedy" => ResourceLimit, call("", json!({"what": "resources"}));
    too_many_handles: "greedy" => ResourceLimit, call("", json!({"what": "handles"}));
    busy_memory: "grow" => Busy, no_memory;
    busy_places: "sleeps" => Busy, no_place;

    missing_variable: "panics" => MissingVariable, call("capabilities.env = [\"TOOLCELL_TEST_UNSET\"]", json!({}));
    denied: "fetches" => DeniedNetwork, call(API, json!({"url": "https://elsewhere.example/secret?token=1"}));
    denied_and_crashed: "fetches" => DeniedNetwork, call(API, json!({"url": "https://elsewhere.example/", "crash": true}));
    denied_not_granted: "fetches" => DeniedNetwork,
        call("capabilities.network = [\"http://*\"]", json!({"url": "http://127.0.0.1/"}));
    denied_look_up: "sockets" => DeniedNetwork, crash(json!({"lookup": "internal.example:80"}));
    denied_socket: "sockets" => DeniedNetwork, crash(json!({"connect": "192.0.2.1:22"}));
    upstream_refused: "fetches" => UpstreamUnreachable, call(NOBODY, json!({"url": "http://127.0.0.1:1/path"}));
    upstream_refused_and_crashed: "fetches" => UpstreamUnreachable,
        call(NOBODY, json!({"url": "http://127.0.0.1:1/path", "crash": true}));
    upstream_timeout: "fetches" => UpstreamUnreachable, upstream(mute, "", json!({"timeout_ms": 300}));
    upstream_without_tls: "fetches" => UpstreamUnreachable, without_tls;
    upstream_limit: "fetches" => UpstreamLimit, upstream(endless, "", json!({}));
    upstream_limit_and_crashed: "fetches" => UpstreamLimit, upstream(endless, "", json!({"crash": true}));

    cancelled: "spin" => Cancelled, input_ended;
    withdrawn_removed: "echo" => ToolWithdrawn, withdrawn(|folder| folder.remove("echo"));
    withdrawn_changed: "echo" => ToolWithdrawn, withdrawn(|folder| folder.write_component("echo", &changed("echo")));
    withdrawn_not_allowed: "echo" => ToolWithdrawn, withdrawn(|folder| folder.write("plugins/toolcell.lock", "version = 1\n"));
}

/// A failure as it reached the client, without what differs from run to run.
pub struct Failed {
    pub code: String,
    pub text: String,
}

impl Failed {
    /// Reads a result that is a failure, and holds it to what is promised of every failure.
    pub fn new(result: &Value) -> Self {
        assert_eq!(result["isError"], true, "{result}");
        assert!(result["structuredContent"].is_null(), "{result}");
        let text = result["content"][0]["text"].as_str().expect("a failure has a text");
        assert!(text.chars().count() <= 800, "{text}");
        for leak in ["wasm backtrace", "0x", "/home/", env!("CARGO_MANIFEST_DIR"), "token=1", "/secret"] {
            assert!(!text.contains(leak), "{text}");
        }
        let error = &result["_meta"]["toolcell/error"];
        let code = error["code"].as_str().expect("a failure has a code").to_owned();
        let call = error["call"].as_str().expect("a failure has a call id");
        assert!(text.ends_with(&format!("({code}, call {call})")), "{text}");
        Self { code, text: without_numbers(&text.replace(call, "CALL")) }
    }
}

/// Times, measured sizes and ports differ from run to run.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        shown.push_str(&rest[..at]);
        let number: String = rest[at..].chars().take_while(char::is_ascii_digit).collect();
        rest = &rest[at + number.len()..];
        let unit: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        match unit.as_str() {
            "ms" | "s" => shown.push_str("TIME"),
            "KiB" => shown.push_str("SIZE"),
            _ if shown.ends_with("127.0.0.1:") => shown.push_str("PORT"),
            _ => shown.push_str(&number),
        }
        if matches!(unit.as_str(), "ms" | "s" | "KiB") {
            rest = &rest[unit.len()..];
        }
    }
    shown + rest
}

const API: &str = "capabilities.network = [\"https://api.example.com\"]";
/// Nothing listens on port 1 of the loopback interface.
const NOBODY: &str = "capabilities.network = [\"http://127.0.0.1:1\"]";

/// One call of the guest with this manifest. The server goes on after it.
fn call(manifest: &str, arguments: Value) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let folder = Folder::new(&[(guest, manifest)]);
        let mut client = folder.lock().serve();
        let failed = Failed::new(&client.call(guest, arguments));
        client.ping();
        failed
    }
}

fn crash(mut arguments: Value) -> impl FnOnce(&str) -> Failed {
    arguments["crash"] = true.into();
    call("", arguments)
}

/// One call of the guest with the URL of a server that it was granted.
fn upstream(server: fn() -> Upstream, manifest: &str, mut arguments: Value) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let server = server();
        arguments["url"] = server.url("/path").into();
        call(&format!("{}\n{manifest}", server.asked()), arguments)(guest)
    }
}

/// Takes connections and says nothing.
fn mute() -> Upstream {
    Upstream::handling(|connection| {
        std::thread::park();
        drop(connection);
    })
}

/// Answers with more than a call may receive.
fn endless() -> Upstream {
    Upstream::answering(|_| ("text/plain", vec![b'x'; 17 << 20]))
}

fn without_tls(guest: &str) -> Failed {
    let server = Upstream::handling(|mut connection| {
        let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = connection.read_to_end(&mut Vec::new());
    });
    let url = server.url("").replace("http:", "https:");
    call(&format!("capabilities.network = [\"{url}\"]"), json!({"url": url}))(guest)
}

/// All calls together may hold 64 MiB, and this one wants more.
fn no_memory(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, "")]);
    folder.write("toolcell.toml", "[sandbox]\nmemory = \"64MiB\"\n");
    Failed::new(&folder.lock().serve().call(guest, json!({"abort": true})))
}

/// One instance may live at a time, and a call of another plugin is waiting in it.
fn no_place(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, ""), ("echo", "limits.deadline = \"300ms\"")]);
    folder.write("toolcell.toml", "[sandbox]\nslots = 1\n");
    let mut client = folder.lock().serve();
    client.begin_call(guest, json!({"ms": 60_000}));
    loop {
        // Requests are handled at the same time, so these may come first.
        let result = client.call("echo", json!({"message": "hi"}));
        if result["isError"] == true {
            return Failed::new(&result);
        }
    }
}

/// A call that is under way when the client closes its end is cancelled, and says so.
fn input_ended(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, "")]);
    let mut client = folder.lock().serve();
    let id = client.begin_call(guest, json!({}));
    client.ping();
    client.close_input();
    Failed::new(&client.end(id)["result"])
}

/// A call of a tool after something was done to its plugin.
fn withdrawn(change: fn(&Folder)) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let folder = Folder::new(&[(guest, "")]);
        let mut client = folder.lock().serve();
        assert_eq!(client.tools(), [guest]);
        change(&folder);
        client.wait_for("notifications/tools/list_changed");
        assert_eq!(client.tools(), [""; 0]);
        Failed::new(&client.call(guest, json!({"message": "hi"})))
    }
}

/// The same code in another file: a custom section at the end.
pub fn changed(guest: &str) -> Vec<u8> {
    [crate::folder::component(guest).as_slice(), b"\x00\x02\x01x"].concat()
}

/// The codes are the tool's own, so this is no case of one of ours.
#[test]
pub fn tool_error() {
    let failed = call("", json!({}))("toolerror");
    assert_eq!(failed.code, "story_not_found");
    insta::assert_snapshot!("tool_error", failed.text);
}

/// What a resolver says about a name that cannot exist depends on whether it reaches any name server.
#[test]
fn upstream_without_an_address() {
    let asks = "capabilities.network = [\"https://nothing.invalid\"]";
    let failed = call(asks, json!({"url": "https://nothing.invalid/path"}))("fetches");
    assert_eq!(failed.code, Code::UpstreamUnreachable.as_str());
    assert!(failed.text.contains("nothing.invalid:443 was not contacted"), "{}", failed.text);
}

/// The model reads what was refused even where the plugin takes it for an answer.
#[test]
fn what_a_plugin_swallows_is_shown_beside_its_answer() {
    let folder = Folder::new(&[("fetches", API), ("wasihttp", API), ("sockets", ""), ("echo", "")]);
    let mut client = folder.lock().serve();
    let url = "https://elsewhere.example/secret?token=1";
    let mut seen = |tool: &str, mut arguments: Value| {
        arguments["swallow"] = true.into();
        let result = client.call(tool, arguments);
        assert_eq!(result["isError"], false, "{result}");
        assert_eq!(result["content"][0]["text"], "nothing found", "{result}");
        result["content"][1]["text"].as_str().expect("the host's own text").to_owned()
    };
    let by_contract = seen("fetches", json!({"url": url}));
    insta::assert_snapshot!("swallowed", by_contract);
    assert_eq!(seen("wasihttp", json!({"url": url})), by_contract);
    assert!(seen("sockets", json!({"lookup": "internal.example:80"})).contains("internal.example"));
    assert!(seen("sockets", json!({"connect": "192.0.2.1:22"})).contains("socket"));
}

/// With one place for an instance, so that the next call shows whether it is free.
#[test]
fn a_request_that_is_cancelled_frees_its_place() {
    let folder = Folder::new(&[("spin", ""), ("sleeps", ""), ("echo", "limits.deadline = \"10s\"")]);
    folder.write("toolcell.toml", "[sandbox]\nslots = 1\n");
    let mut client = folder.lock().serve();
    for (tool, arguments) in [("spin", json!({})), ("sleeps", json!({"ms": 60_000}))] {
        let id = client.begin_call(tool, arguments);
        client.ping();
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        client.send(&cancel.to_string());
        let result = client.call("echo", json!({"message": "hi"}));
        assert_eq!(result["structuredContent"], json!({"message": "hi"}), "after {tool}: {result}");
    }
    assert_eq!(client.close().code(), Some(0));
}
