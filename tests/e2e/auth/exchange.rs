//! One request over HTTP/1.1 and its answer, header by header.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

use crate::client::PATIENCE;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Answer {
    /// The header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Fails unless the tool has answered.
    pub fn is_answered(&self) {
        assert_eq!((self.status, &self.body["result"]["isError"]), (200, &Value::Bool(false)), "{self:?}");
    }

    /// Fails unless the server has taken the request, whatever became of it.
    pub fn is_let_in(&self) {
        assert_eq!(self.status, 200, "{self:?}");
    }

    /// Fails unless the request was refused so.
    pub fn is_refused(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.body["error"].as_str()), (status, Some(error)), "{self:?}");
    }
}

pub fn exchange(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    connection.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    connection.write_all(format!("{request}\r\n{body}").as_bytes()).expect("the server reads");
    let mut answer = String::new();
    // A server that refuses may close before it has read everything.
    let _ = connection.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer but {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no status in {head}")),
        head: head.to_owned(),
        body: serde_json::from_str(&unchunked(head, body)).unwrap_or_else(|_| Value::String(body.to_owned())),
    }
}

fn unchunked(head: &str, body: &str) -> String {
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut whole, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        let (chunk, after) = after.split_at(size);
        whole.push_str(chunk);
        rest = after.strip_prefix("\r\n").unwrap_or_default();
    }
    whole
}
