//! A server that says what it was told.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
};

use crate::upstream::Upstream;

/// A server that answers with what it was sent, credentials and all.
pub struct Echo {
    upstream: Upstream,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    pub fn start() -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let upstream = Upstream::handling(move |mut connection| {
            let head: String = BufReader::new(&connection)
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .map(|line| line + "\r\n")
                .collect();
            if !head.is_empty() {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{head}\r\n"));
                answer(&mut connection, &head);
            }
        });
        Self { upstream, requests }
    }

    pub fn port(&self) -> u16 {
        self.upstream.port
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn last(&self) -> String {
        self.requests().pop().expect("a request came")
    }
}

fn answer(connection: &mut TcpStream, head: &str) {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let sent = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default();
    let bare = sent.strip_prefix("Bearer ").unwrap_or_default();
    let body = format!("you sent {head} and bare {bare}");
    let whole = |status: &str, fields: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    };
    let response = match path {
        "/echo" => whole("200 OK", &format!("X-Sent: {sent}\r\n"), &body),
        // Every byte for itself.
        "/bytes" => {
            let chunks: String = body.bytes().map(|byte| format!("1\r\n{}\r\n", char::from(byte))).collect();
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunks}0\r\n\r\n")
        }
        "/redirect" => whole("302 Found", &format!("Location: https://other.example.com/nothing?t={bare}\r\n"), ""),
        "/gzip" => whole("200 OK", "Content-Encoding: gzip\r\n", "not really"),
        _ => match (path.strip_prefix("/say/"), path.strip_prefix("/status/")) {
            (Some(hex), _) => whole("200 OK", "", &from_hex(hex)),
            (_, Some(status)) => whole(&format!("{status} Whatever"), "", ""),
            _ => whole("200 OK", "", ""),
        },
    };
    // The host may hang up.
    let _ = connection.write_all(response.as_bytes());
}

/// The text with each byte shifted, in hexadecimal digits: a form that no redaction looks for.
pub fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{:02x}", byte ^ 0x55)).collect()
}

fn from_hex(hex: &str) -> String {
    let digits = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap_or_default(), 16).unwrap_or_default();
    (0..hex.len()).step_by(2).map(|at| char::from(digits(at) ^ 0x55)).collect()
}
