//! Nothing that a guest wrote in one call can be read by another.

use serde_json::json;

use crate::folder::Folder;

const CALLS: usize = 10_000;

#[test]
pub fn nothing_carries_over() {
    let folder = Folder::new(&[("counter", "")]);
    let mut client = folder.lock().serve();
    let fresh = json!({
        "found": {"calls": 0, "buffer": "", "memory": 0, "variable": null, "files": []},
        "files_written": [],
    });
    for first in (0..CALLS).step_by(50) {
        let ids: Vec<_> =
            (0..50).map(|n| client.begin_call("counter", json!({"mark": format!("call {}", first + n)}))).collect();
        let mut waiting: std::collections::BTreeSet<_> = ids.into_iter().collect();
        while !waiting.is_empty() {
            let answer = client.read();
            let id = answer["id"].as_u64().expect("every answer has an id");
            assert!(waiting.remove(&id), "{answer}");
            assert_eq!(answer["result"]["structuredContent"], fresh);
        }
    }
}

#[test]
pub fn the_hosts_environment_is_out_of_reach() {
    let folder = Folder::new(&[("envdump", "capabilities.env = [\"GRANTED\", \"UNSET\"]")]);
    folder.lock();
    let mut command = folder.toolcell();
    command
        .env("GRANTED", "yes")
        .env("SECRET", "no")
        .env_remove("UNSET")
        .args(["call", "--locked", "--json", "envdump"]);
    let output = command.output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    assert!(text.contains("GRANTED") && text.contains("yes"), "{text}");
    assert!(!text.contains("SECRET") && !text.contains("PATH"), "{text}");
}
