//! Input that is not what it should be: an answer each time, and the next request is answered too.

use std::{
    fs,
    io::{self, Read},
};

use serde_json::json;

use crate::folder::Folder;

#[test]
fn garbage_is_answered_and_the_next_request_too() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    let deep = "[".repeat(100_000);
    let deep_arguments =
        format!(r#"{{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":{{"name":"echo","arguments":{deep}"#);
    let long = vec![b'x'; 5 << 20];
    for garbage in [&b"garbage"[..], b"\"\xff\xfe\"", deep.as_bytes(), deep_arguments.as_bytes(), &long, b"[]"] {
        client.send_bytes(garbage);
        let answer = client.read();
        assert!(answer["error"]["code"].is_i64(), "{answer}");
        client.ping();
    }
}

#[test]
fn a_line_of_a_gigabyte_is_refused_and_never_held() {
    let folder = Folder::new(&[("echo", "")]);
    let mut client = folder.lock().serve();
    client.stream(io::repeat(b'x').take(1 << 30).chain(&b"\n"[..]));
    let answer = client.read();
    assert!(answer["error"]["message"].to_string().contains("longer than 4 MiB"), "{answer}");
    let result = client.call("echo", json!({"message": "hi"}));
    assert_eq!(result["structuredContent"], json!({"message": "hi"}), "{result}");
    let peak = peak_memory(client.process());
    eprintln!("most memory with a line of a gigabyte: {} MiB", peak >> 20);
    assert!(peak < 200 << 20, "{peak} bytes");
}

/// The most memory that a process ever had resident (proc(5), `VmHWM`), in bytes.
fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes << 10
}
