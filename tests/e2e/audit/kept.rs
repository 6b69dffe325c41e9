//! Where the log cannot be written, and where it is not a file.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{audit, folder, log, records};
use crate::{client::PATIENCE, folder::Folder};

/// A full disk, and a folder in which nothing can be made. (Root, who may run tests, may write in any that is there.)
#[test]
fn a_log_that_cannot_be_written_is_told_of_once_and_holds_nothing_up() {
    for (file, said) in [("/dev/full", "No space left on device"), ("/proc/audit.jsonl", "No such file or directory")] {
        let folder = Folder::new(&[("echo", "")]);
        folder.write("toolcell.toml", &format!("[audit]\nfile = {file:?}\n"));
        let mut client = folder.lock().serve();
        for _ in 0..20 {
            assert_eq!(client.call("echo", json!({"message": "hi"}))["isError"], false);
        }
        client.close_input();
        client.wait_for_log("were not written to the audit log");
        let log = client.log();
        let told = format!("the audit log {file} cannot be written: {said}");
        assert_eq!(log.matches(&told).count(), 1, "{log}");
    }
}

#[test]
fn a_server_does_not_start_without_the_log_that_it_has_to_write() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    for (section, said) in [
        (
            "file = \"/dev/full\"\nrequired = true\n",
            "/dev/full cannot be written: No space left on device (os error 28); toolcell.toml requires it",
        ),
        ("file = \"-\"\n", "standard output, which over stdio carries the protocol"),
        ("file = \"audit.txt\"\n", "toolcell.toml:2:8: \"audit.txt\" cannot name the audit log"),
    ] {
        folder.write("toolcell.toml", &format!("[audit]\n{section}"));
        let output = folder.toolcell().args(["serve", "--locked"]).stdin(Stdio::null()).output().expect("it runs");
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
        let text = String::from_utf8(output.stderr).expect("it prints text");
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn half_a_line_is_passed_over_and_the_others_are_read() {
    let folder = folder(&[("echo", "")], "");
    fs::write(log(&folder), "{\"time\":\"2026-11-26T09:").expect("the folder is ours");
    let mut client = folder.serve();
    client.call("echo", json!({"message": "hi"}));
    client.close();
    assert_eq!(records(&folder, &["--tool", "echo"]).len(), 1);
    let output = audit(&folder).output().expect("it runs");
    let text = String::from_utf8(output.stderr).expect("it prints text");
    let file = log(&folder);
    assert_eq!(text, format!("warning: {}:1: damaged or written only in part; skipped\n", file.display()));
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As in a container: lines on standard output, and a server that is told to end.
#[test]
fn over_http_lines_can_go_to_standard_output() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    folder.write("toolcell.toml", "[audit]\nfile = \"-\"\n");
    let mut command = folder.toolcell();
    command.args(["serve", "--locked", "--http", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = Running(command.spawn().expect("it starts"));
    let mut stderr = BufReader::new(server.0.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let listening = stderr.find(|line| line.contains("listening at http://")).expect("it listens");
    let address = listening.split("http://").nth(1).and_then(|rest| rest.strip_suffix("/mcp")).expect("an address");
    let answer = post(address);
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let process = Pid::from_raw(server.0.id().try_into().expect("a process id")).expect("it is not 0");
    kill_process(process, Signal::TERM).expect("it runs");
    let mut text = String::new();
    server.0.stdout.take().expect("a pipe").read_to_string(&mut text).expect("it writes text");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap_or_default()).collect();
    assert_eq!(events, ["started", "call", "stopped"], "{text}");
    assert_eq!((&lines[0]["transport"], &lines[1]["outcome"]), (&json!("http"), &json!("ok")));
}

/// One call in the newer era of the protocol, which needs no session.
fn post(address: &str) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "echo", "arguments": {"message": "hi"}, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let mut connection = TcpStream::connect(address).expect("it listens");
    connection.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nAccept: application/json, \
         text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all((head + &body).as_bytes()).expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    let json = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    let (start, end) = (json.find('{').unwrap_or(0), json.rfind('}').map_or(0, |end| end + 1));
    serde_json::from_str(&json[start..end]).unwrap_or_else(|error| panic!("{error}: {answer}"))
}
