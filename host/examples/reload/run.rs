//! Calls over HTTP at a steady rate, while the plugin that they call is replaced again and again.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// The call that is made; in the newer era, so that it needs nothing before it.
const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hi"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
/// What each answer has.
const ANSWER: &str = r#""structuredContent":{"message":"hi"}"#;
/// What makes one component differ from another that does the same: a custom section (WebAssembly, binary format, 5.5.3).
const VERSIONS: [&[u8]; 2] = [&[0, 3, 1, b'v', 1], &[0, 3, 1, b'v', 2]];
/// Failures that are kept in full.
const KEPT: usize = 10;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Times that the plugin is replaced.
    pub reloads: u32,
    /// Calls a second.
    pub rate: u32,
    /// Connections.
    pub clients: u32,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Components that the server has taken over.
    pub reloads: u32,
    /// Calls that were answered as they must be.
    pub answered: u64,
    /// Calls that were not.
    pub failed: u64,
    /// The first of these.
    pub failures: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// How long the calls took, from the shortest to the longest.
    pub times: Vec<Duration>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |percent: usize| self.times.get(self.times.len() * percent / 100).copied().unwrap_or_default();
        write!(
            f,
            "{} reloads and {} calls in {:.1?}: {} failed; a call took {:.1?} (median), {:.1?} (99 of 100)",
            self.reloads,
            self.answered + self.failed,
            self.took,
            self.failed,
            at(50),
            at(99)
        )
    }
}

/// Starts the server and calls its plugin `echo` while `replace` puts another component in its place, again and again.
///
/// # Errors
///
/// When the server does not start, does not take over a component or does not end well.
pub fn run(serve: &mut Command, plan: Plan, mut replace: impl FnMut(&[u8])) -> io::Result<Report> {
    let mut server = Server::start(serve)?;
    let ended = AtomicBool::new(false);
    let report = Mutex::new(Report::default());
    let began = Instant::now();
    let (turns, address) = (AtomicU64::new(0), server.address);
    thread::scope(|scope| {
        for _ in 0..plan.clients {
            scope.spawn(|| call_at_rate(address, plan.rate, &turns, &ended, &report));
        }
        let replaced = (0..plan.reloads).try_for_each(|round| {
            replace(VERSIONS[round as usize % VERSIONS.len()]);
            server.wait_for("its new component is served").map(drop)
        });
        ended.store(true, Ordering::Relaxed);
        replaced
    })?;
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.reloads = plan.reloads;
    report.took = began.elapsed();
    report.times.sort();
    server.end()?;
    Ok(report)
}

/// Makes every call whose turn it is and that no other client has taken.
fn call_at_rate(address: SocketAddr, rate: u32, turns: &AtomicU64, ended: &AtomicBool, report: &Mutex<Report>) {
    let began = Instant::now();
    let mut connection = None;
    while !ended.load(Ordering::Relaxed) {
        let turn = turns.fetch_add(1, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a run has fewer calls than that")]
        let due = Duration::from_secs_f64(turn as f64 / f64::from(rate));
        thread::sleep(due.saturating_sub(began.elapsed()));
        let start = Instant::now();
        let outcome = call(address, &mut connection);
        let took = start.elapsed();
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        report.times.push(took);
        match outcome {
            Ok(answer) if answer.contains(ANSWER) => report.answered += 1,
            outcome => {
                connection = None;
                report.failed += 1;
                if report.failures.len() < KEPT {
                    report.failures.push(outcome.unwrap_or_else(|error| error.to_string()));
                }
            }
        }
    }
}

/// One call, over the connection that is there or a new one.
fn call(address: SocketAddr, connection: &mut Option<BufReader<TcpStream>>) -> io::Result<String> {
    let stream = if let Some(stream) = connection {
        stream
    } else {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        connection.insert(BufReader::new(stream))
    };
    let request = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: echo\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.get_mut().write_all(request.as_bytes())?;
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::Error::other("the server has closed the connection"));
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    String::from_utf8(body).map_err(io::Error::other)
}

struct Server {
    child: Child,
    address: SocketAddr,
    /// The lines of its log, as they come.
    log: Receiver<String>,
}

impl Server {
    fn start(serve: &mut Command) -> io::Result<Self> {
        serve.args(["--http", "127.0.0.1:0"]).env("TOOLCELL_LOG", "warn,toolcell=info");
        let mut child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().ok_or_else(|| io::Error::other("no log"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let (sender, log) = channel();
        thread::spawn(move || {
            // Whoever fills the pipe waits for a reader, so it is read to its end.
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut server = Self { child, address, log };
        let line = server.wait_for("listening at ")?;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split("/mcp").next()).unwrap_or_default();
        server.address = address.parse().map_err(io::Error::other)?;
        // What is replaced before it was ever served is not replaced under load.
        while !is_ready(server.address)? {
            thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// The next line of the log that has these words.
    fn wait_for(&mut self, words: &str) -> io::Result<String> {
        let began = Instant::now();
        loop {
            let line = self.log.recv_timeout(PATIENCE.saturating_sub(began.elapsed()));
            let line =
                line.map_err(|_| io::Error::other(format!("the server did not say {words:?} in {PATIENCE:?}")))?;
            if line.contains(words) {
                return Ok(line);
            }
        }
    }

    fn end(mut self) -> io::Result<()> {
        let process = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let process = process.ok_or_else(|| io::Error::other("no such process"))?;
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("the server ended with {status}"))) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether all plugins are loaded.
fn is_ready(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}
