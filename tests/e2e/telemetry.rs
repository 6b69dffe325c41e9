//! What an operator sees of calls: metrics as Prometheus reads them, and traces as a collector gets them.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
};

use serde_json::{Value, json};

use crate::{client::Client, folder::Folder, protocol::modern};

mod collector;
mod metrics;
mod traces;

/// A folder whose echo tool can be called.
fn echo() -> Folder {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    folder
}

/// Serves over HTTP, and tells where.
fn serve_http(command: &mut Command) -> (Client, u16) {
    let server = Client::start(command.args(["serve", "--locked", "--http", "127.0.0.1:0"]));
    let line = server.wait_for_log("listening at http://127.0.0.1:");
    (server, port(&line, "listening at http://127.0.0.1:"))
}

/// The number after these words.
fn port(line: &str, words: &str) -> u16 {
    let (_, rest) = line.split_once(words).expect("the line has the words");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a port")
}

/// Sends a whole request and gives the head and body of the answer.
fn exchange(port: u16, request: &str) -> (String, String) {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    connection.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers in UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {answer}"));
    (head.to_owned(), body.to_owned())
}

/// Calls a tool in the newer era, with more fields in the header and in `_meta`.
fn call_over_http(port: u16, tool: &str, arguments: Value, fields: &[(&str, &str)], meta: &Value) -> Value {
    let mut own = modern();
    own.as_object_mut().expect("an object").extend(meta.as_object().expect("an object").clone());
    let params = json!({"name": tool, "arguments": arguments, "_meta": own});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (head, answer) = exchange(
        port,
        &format!(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n\
             Mcp-Name: {tool}\r\n{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}\n{answer}");
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {head}\n{answer}"))
}
