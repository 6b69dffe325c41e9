//! A server under test that is reached over HTTP, and a plain client of one connection: what is sent is what is written here.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{client::PATIENCE, folder::Folder};

/// A running server.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Served {
    /// Serves the folder at a free port of the loopback interface.
    pub fn start(folder: &Folder) -> Self {
        Self::at(folder, "127.0.0.1:0", &[])
    }

    /// Serves the folder at this address, with these options besides.
    pub fn at(folder: &Folder, address: &str, options: &[&str]) -> Self {
        let mut served = Self::run(folder.toolcell().args(["serve", "--locked", "--http", address]).args(options));
        let url = served.wait_for_log("listening at ");
        let address = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).expect("a URL");
        served.address = address.parse().expect("an address");
        served
    }

    /// Runs a command whose server is at no address, or whose address is not of interest.
    pub fn run(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, kept) = (BufReader::new(child.stderr.take().expect("a pipe")), Arc::clone(&log));
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), log }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log has a line with these words, and gives that line.
    pub fn wait_for_log(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(line) = self.log().lines().find(|line| line.contains(words)) {
                return line.to_owned();
            }
            assert!(began.elapsed() < PATIENCE, "{words:?} is not in the log: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where clients go that speak HTTP without TLS.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub fn connect(&self) -> Http {
        Http::tcp(self.address)
    }

    /// The number of the server's process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(process, signal).expect("it runs");
    }

    /// Waits for the server to end by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "it goes on: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// One connection.
pub struct Http(BufReader<Box<dyn Stream>>);

/// An answer, whole, or its head where `body` was not read yet.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The message in the body, or the last one where it is a stream of events.
    pub fn json(&self) -> Value {
        let message = match self.header("content-type") {
            Some("text/event-stream") => self.events().pop().unwrap_or_default(),
            _ => serde_json::from_str(&self.body).unwrap_or_default(),
        };
        assert!(message.is_object(), "no message: {self:?}");
        message
    }

    /// The messages of a stream of events.
    pub fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok());
        data.collect()
    }
}

impl Http {
    pub fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket has timeouts");
        Self(BufReader::new(Box::new(stream)))
    }

    pub fn unix(path: &Path) -> Self {
        Self(BufReader::new(Box::new(UnixStream::connect(path).expect("it listens"))))
    }

    pub fn send(&mut self, bytes: &str) {
        // One that has closed the connection may have answered before it did.
        let _ = self.0.get_mut().write_all(bytes.as_bytes());
    }

    /// Whether the server has closed the connection, which is waited for.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
    }

    /// Sends a request and reads the answer.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.begin(method, path, headers, body);
        self.reply()
    }

    /// Sends a request.
    pub fn begin(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str("host: localhost\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" || !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        self.send(&format!("{head}\r\n{body}"));
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path, &[], "")
    }

    /// Reads a whole answer.
    pub fn reply(&mut self) -> Reply {
        let mut reply = self.head();
        if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                reply.body.push_str(&chunk);
            }
        } else if let Some(length) = reply.header("content-length") {
            let mut body = vec![0; length.parse().expect("a number")];
            self.0.read_exact(&mut body).expect("a whole body");
            reply.body = String::from_utf8(body).expect("UTF-8");
        }
        reply
    }

    /// Reads the head of an answer.
    pub fn head(&mut self) -> Reply {
        let status_line = self.line().expect("an answer");
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line().expect("a whole head").split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Reply { status, headers, body: String::new() }
    }

    /// The next message of a stream of events; `None` at its end.
    pub fn event(&mut self) -> Option<Value> {
        loop {
            let chunk = self.chunk()?;
            let data = chunk.lines().find_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok());
            if data.is_some() {
                return data;
            }
        }
    }

    /// The next message of a stream of events with this method.
    pub fn event_of(&mut self, method: &str) -> Value {
        loop {
            let event = self.event().expect("the stream goes on");
            if event["method"] == method {
                return event;
            }
        }
    }

    fn chunk(&mut self) -> Option<String> {
        let length = usize::from_str_radix(self.line()?.trim(), 16).expect("the length of a chunk");
        let mut chunk = vec![0; length];
        self.0.read_exact(&mut chunk).ok()?;
        self.line()?;
        (length > 0).then(|| String::from_utf8(chunk).expect("UTF-8"))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|length| *length > 0)?;
        Some(line.trim_end().to_owned())
    }

    /// Sends a request of the newer era.
    pub fn begin_modern(&mut self, method: &str, params: Value) {
        let (headers, body) = modern_request(method, params);
        self.begin("POST", "/mcp", &borrowed(&headers), &body);
    }

    /// Sends a request of the newer era and reads its answer.
    pub fn modern(&mut self, method: &str, params: Value) -> Reply {
        self.begin_modern(method, params);
        self.reply()
    }

    /// Calls a tool in the newer era.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Reply {
        self.modern("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Sends a message of the older era, in a session where there is one.
    pub fn legacy(&mut self, session: Option<&str>, message: &Value) -> Reply {
        let mut headers = POST.to_vec();
        headers.extend(session.map(|session| ("mcp-session-id", session)));
        self.request("POST", "/mcp", &headers, &message.to_string())
    }

    /// Opens a session of the older era and gives its id.
    pub fn open_session(&mut self) -> String {
        let reply = self.legacy(None, &initialize());
        let session = reply.header("mcp-session-id").unwrap_or_else(|| panic!("no session: {reply:?}")).to_owned();
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(self.legacy(Some(&session), &initialized).status, 202);
        session
    }
}

/// What each POST has.
pub const POST: [(&str, &str); 2] =
    [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];

pub fn initialize() -> Value {
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

/// A request of the newer era: its headers, and its body.
pub fn modern_request(method: &str, mut params: Value) -> (Vec<(String, String)>, String) {
    let mut meta = crate::protocol::modern();
    if let Some(given) = params["_meta"].as_object() {
        meta.as_object_mut().expect("an object").extend(given.clone());
    }
    params["_meta"] = meta;
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut headers: Vec<_> = POST.into_iter().map(owned).collect();
    headers.extend([("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)].map(owned));
    headers.extend(params["name"].as_str().map(|name| owned(("mcp-name", name))));
    (headers, json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
}

pub fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
