//! A client of a server under test that sends and reads plain JSON-RPC lines.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long anything may take before the test fails: far more than it does, far less than a person waits.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A client that reads every line as JSON: one that is not fails the test.
pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    log: Arc<Mutex<String>>,
    next: u64,
    pub instructions: String,
    /// What came that answered no request.
    pub notifications: Vec<Value>,
}

impl Client {
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (sender, output) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        thread::spawn(move || {
            for line in stdout.lines() {
                let Ok(()) = sender.send(line.expect("the server writes UTF-8")) else { return };
            }
        });
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, kept) = (BufReader::new(child.stderr.take().expect("a pipe")), Arc::clone(&log));
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let input = child.stdin.take();
        Self { child, input, output, log, next: 1, instructions: String::new(), notifications: Vec::new() }
    }

    /// What the server writes to its stdout, line by line, for one who reads it elsewhere from now on.
    pub fn take_output(&mut self) -> Receiver<String> {
        std::mem::replace(&mut self.output, mpsc::channel().1)
    }

    /// The number of the server's process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&mut self, line: &str) {
        self.send_bytes(line.as_bytes());
    }

    pub fn send_bytes(&mut self, line: &[u8]) {
        self.stream(line.chain(&b"\n"[..]));
    }

    /// Sends bytes as they come, lines or parts of lines.
    pub fn stream(&mut self, mut bytes: impl Read) {
        let input = self.input.as_mut().expect("stdin is open");
        std::io::copy(&mut bytes, input).and_then(|_| input.flush()).expect("the server reads");
    }

    pub fn read(&mut self) -> Value {
        self.read_or_end().unwrap_or_else(|| panic!("the server closed its stdout"))
    }

    /// The next line, or `None` where the server has closed its stdout.
    pub fn read_or_end(&mut self) -> Option<Value> {
        let line = match self.output.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => panic!("the server said nothing for {PATIENCE:?}"),
        };
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// Sends a request and returns its id.
    pub fn begin(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        id
    }

    /// Reads until the answer to this request, which may have been read before.
    pub fn end(&mut self, id: u64) -> Value {
        if let Some(at) = self.notifications.iter().position(|message| message["id"] == id) {
            return self.notifications.remove(at);
        }
        loop {
            let message = self.read();
            if message["id"] == id {
                return message;
            }
            self.notifications.push(message);
        }
    }

    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.end(id)
    }

    pub fn begin_call(&mut self, tool: &str, arguments: Value) -> u64 {
        self.begin("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// The result of a call.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let id = self.begin_call(tool, arguments);
        self.end(id)["result"].take()
    }

    /// The names of the tools, in the order of the list.
    pub fn tools(&mut self) -> Vec<String> {
        let list = self.request("tools/list", json!({}));
        let tools = list["result"]["tools"].as_array().expect("a list");
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    }

    pub fn ping(&mut self) {
        let answer = self.request("ping", json!({}));
        assert!(answer["result"].is_object(), "{answer}");
    }

    /// Waits for a notification, which may have come before.
    pub fn wait_for(&mut self, method: &str) {
        while !self.notifications.iter().any(|message| message["method"] == method) {
            let message = self.read();
            self.notifications.push(message);
        }
        self.notifications.retain(|message| message["method"] != method);
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the server's log has a line with these words, and gives that line.
    pub fn wait_for_log(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| line.contains(words)) {
                return line.to_owned();
            }
            assert!(began.elapsed() < PATIENCE, "no {words:?} in the log:\n{log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Closes stdin: nothing more will be asked.
    pub fn close_input(&mut self) {
        drop(self.input.take());
    }

    /// Closes stdin and waits for the server to end.
    pub fn close(mut self) -> ExitStatus {
        self.close_input();
        self.child.wait().expect("the server is a child")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}
