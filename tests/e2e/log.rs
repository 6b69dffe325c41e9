//! What guests write goes to the host's log, named and bounded, and never to the client.

use serde_json::json;

use crate::folder::Folder;

#[test]
pub fn log_lines_name_plugin_tool_and_call() {
    let folder = Folder::new(&[("logs", "")]);
    let mut client = folder.lock().serve_with(&["--locked", "--verbose"]);
    let result = client.call("logs", json!({}));
    assert_eq!(result["content"][0]["text"], "logged", "{result}");
    let call = result["_meta"]["toolcell/receipt"]["call"].as_str().expect("a call id").to_owned();
    for (level, words) in [("DEBUG", "a detail"), ("INFO", "a fact"), ("WARN", "a warning"), ("ERROR", "an error")] {
        let line = client.wait_for_log(words);
        for part in [level, "plugin=\"logs\"", "tool=\"logs\"", &format!("call={call}")] {
            assert!(line.contains(part), "no {part} in {line}");
        }
    }
    let forged = client.wait_for_log("a second line");
    assert!(forged.contains("an error\\nERROR forged: a second line \\u{1b}[31m"), "{forged}");
    assert!(client.notifications.is_empty(), "{:?}", client.notifications);
}

/// What a failure tells the model to look for.
#[test]
fn a_failed_call_is_found_by_its_id() {
    let folder = Folder::new(&[("panics", "")]);
    let mut client = folder.lock().serve();
    let result = client.call("panics", json!({"message": "the index\nis out of range"}));
    let call = result["_meta"]["toolcell/error"]["call"].as_str().expect("a call id");
    let line = client.wait_for_log(&format!("call={call}"));
    for part in ["INFO", "plugin=\"panics\"", "tool=\"panics\"", "code=\"trap\"", "the index\\nis out of range"] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    assert!(line.contains("panicked at tests/guests/programs"), "what it printed is missing: {line}");
}

#[test]
fn a_flood_of_log_lines_is_cut() {
    let folder = Folder::new(&[("logs", "")]);
    let mut client = folder.lock().serve();
    assert_eq!(client.call("logs", json!({"flood": true}))["content"][0]["text"], "logged");
    client.wait_for_log("line 0 of a flood");
    client.wait_for_log("[log truncated]");
    assert!(!client.log().contains("line 9999 of a flood"));
}

#[test]
pub fn what_a_guest_prints_never_reaches_the_client() {
    let folder = Folder::new(&[("prints", "")]);
    let mut client = folder.lock().serve();
    // The client fails on a line that is not JSON, and keeps what answers no request of its own.
    let answer = client.call("prints", json!({"lines": 10_000}));
    assert_eq!(answer["content"][0]["text"], "printed 10000 lines", "{answer}");
    client.ping();
    assert!(client.notifications.is_empty(), "{:?}", client.notifications);
    assert!(!client.log().contains("stdout line"), "{}", client.log());

    let mut client = folder.serve_with(&["--locked", "--verbose"]);
    client.call("prints", json!({"lines": 10_000}));
    let line = client.wait_for_log("stderr line 9999");
    assert!(line.contains("DEBUG") && line.contains("plugin=\"prints\""), "{line}");
    assert!(line.len() < 10_000, "only the end is kept: {} bytes", line.len());
}
