//! A client that costs as little as it can: lines that were made before, answers that are found by their line ends.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

/// After what time a server whose tools are there has said so.
const SETTLED: Duration = Duration::from_millis(200);

/// A server that was started, and a session with it.
pub(crate) struct Client {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    buffer: Vec<u8>,
    /// What was read beyond a line.
    unread: Vec<u8>,
}

impl Client {
    /// Starts a server and opens a session.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut client = Self { child, input, output, buffer: vec![0; 1 << 20], unread: Vec::new() };
        let client_info = json!({"name": "bench", "version": "1"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client_info});
        client.answer(&request(0, "initialize", &hello));
        client.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
        client
    }

    /// Once the server, which may have had plugins to load, has said that its tools are there: that comes before what is
    /// measured.
    pub(crate) fn settled(mut self) -> Self {
        self.answer(&request(1, "tools/list", &json!({})));
        std::thread::sleep(SETTLED);
        self.answer(&request(1, "ping", &json!({})));
        self
    }

    /// Sends one request and returns the answer, past what is none.
    pub(crate) fn answer(&mut self, request: &str) -> Value {
        self.send(request.as_bytes());
        let mut read = 0;
        loop {
            read += self.output.read(&mut self.buffer[read..]).expect("the server answers");
            if self.buffer[..read].ends_with(b"\n") {
                let lines = self.buffer[..read].split_inclusive(|byte| *byte == b'\n');
                let mut messages = lines.map(|line| serde_json::from_slice::<Value>(line).expect("a message is JSON"));
                if let Some(answer) = messages.find(|message| !message["id"].is_null()) {
                    return answer;
                }
                read = 0;
            }
        }
    }

    /// Asks for the list of tools until it has so many: a server does not hold up its clients while it compiles.
    pub(crate) fn until_listed(&mut self, tools: usize) -> Value {
        let began = Instant::now();
        loop {
            let listed = self.answer(&request(1, "tools/list", &json!({})));
            if listed["result"]["tools"].as_array().is_some_and(|listed| listed.len() == tools) {
                return listed;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "not {tools} tools in {listed}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends requests at once and waits for as many answers.
    pub(crate) fn exchange(&mut self, requests: &[u8], mut answers: usize) -> Duration {
        let began = Instant::now();
        self.send(requests);
        while answers > 0 {
            let read = self.output.read(&mut self.buffer).expect("the server answers");
            assert!(read > 0, "the server closed its stdout");
            answers -= memchr::memchr_iter(b'\n', &self.buffer[..read]).count();
        }
        began.elapsed()
    }

    /// The next line that the server writes.
    pub(crate) fn next_line(&mut self) -> Vec<u8> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.unread) {
                return self.unread.drain(..=end).collect();
            }
            let read = self.output.read(&mut self.buffer).expect("the server answers");
            assert!(read > 0, "the server closed its stdout");
            self.unread.extend_from_slice(&self.buffer[..read]);
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).expect("the server reads");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request as a line.
pub(crate) fn request(id: usize, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n"
}

/// A call as a line.
pub(crate) fn call(id: usize, tool: &str, arguments: &Map<String, Value>) -> String {
    request(id, "tools/call", &json!({"name": tool, "arguments": arguments}))
}
