//! The ten attacks, and the servers that two of them are about.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use anyhow::Result;
use serde_json::{Value, json};

/// A call that does its worst.
pub(crate) struct Attack {
    pub(crate) title: &'static str,
    pub(crate) tool: &'static str,
    pub(crate) arguments: Value,
    /// The code that the failure has to have.
    pub(crate) code: &'static str,
}

/// The guests, and what the manifest of each asks for.
pub(crate) fn guests(upstream: &Upstream) -> Vec<(&'static str, String)> {
    let endless = "limits.deadline = \"1s\"".to_owned();
    let nothing = String::new;
    vec![
        ("spin", endless),
        ("grow", "limits.memory = \"64MiB\"".to_owned()),
        ("stack", nothing()),
        ("greedy", nothing()),
        ("panics", nothing()),
        ("big", nothing()),
        ("liar", nothing()),
        ("fetches", format!("capabilities.network = [\"http://{}\", \"http://{}\"]", upstream.mute, upstream.endless)),
    ]
}

pub(crate) fn ten(upstream: &Upstream) -> Vec<Attack> {
    let attack = |title, tool, arguments, code| Attack { title, tool, arguments, code };
    let fetch = |title, url: &str, code| attack(title, "fetches", json!({"url": url}), code);
    let mute = json!({"url": format!("http://{}/", upstream.mute), "timeout_ms": 1_000});
    vec![
        attack("compute for ever", "spin", json!({}), "deadline"),
        attack("take all memory", "grow", json!({"abort": true}), "memory_limit"),
        attack("call itself for ever", "stack", json!({}), "stack_overflow"),
        attack("open a million timers", "greedy", json!({"what": "pollables"}), "resource_limit"),
        attack("crash", "panics", json!({"message": "the index is out of range"}), "trap"),
        attack("answer with 5 MiB", "big", json!({"bytes": 5 << 20}), "result_too_large"),
        attack("answer what its schema rules out", "liar", json!({"how": "type"}), "invalid_output"),
        fetch("steal the machine's credentials", "http://169.254.169.254/latest/meta-data/", "denied_network"),
        attack("wait for a mute server", "fetches", mute, "upstream_unreachable"),
        fetch("read a body without an end", &format!("http://{}/", upstream.endless), "upstream_limit"),
    ]
}

/// Two servers on this machine; they end with the program.
pub(crate) struct Upstream {
    /// Says nothing.
    mute: SocketAddr,
    /// Says too much.
    endless: SocketAddr,
}

impl Upstream {
    pub(crate) fn start() -> Result<Self> {
        let mute = serve(|mut connection| drop(connection.read_to_end(&mut Vec::new())))?;
        let endless = serve(|mut connection| {
            let filling = vec![b'x'; 65_536];
            // An answer before its request is none.
            let _ = connection.read(&mut [0; 1_024]);
            let mut sent = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            // Until the client has had enough.
            while sent.is_ok() {
                sent = connection.write_all(&filling);
            }
        })?;
        Ok(Self { mute, endless })
    }
}

fn serve(handle: fn(TcpStream)) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || handle(connection));
        }
    });
    Ok(address)
}
