//! One connection to one server, shared by all that attack it and by the neighbour.

use std::{
    collections::HashMap,
    io::Read,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::client::{Client, PATIENCE};

/// A session whose answers find whoever waits for them.
pub struct Session {
    client: Mutex<Client>,
    process: u32,
    next: AtomicU64,
    waiting: Arc<Mutex<HashMap<u64, Sender<Arrived>>>>,
    /// Messages that answer no request of anybody's, and lines that are no message.
    stray: Mutex<Receiver<Value>>,
}

/// A message, and when it came.
type Arrived = (Value, Instant);

/// An answer to come.
pub struct Reply {
    began: Instant,
    answer: Receiver<Arrived>,
    pub id: u64,
}

/// An answer that came.
#[derive(Debug)]
pub struct Answer {
    pub message: Value,
    /// From the request to the answer.
    pub took: Duration,
}

impl Session {
    /// Takes over a client that has opened its session.
    pub fn new(mut client: Client) -> Self {
        let output = client.take_output();
        let waiting: Arc<Mutex<HashMap<u64, Sender<Arrived>>>> = Arc::default();
        let (stray_sender, stray) = channel();
        let routes = Arc::clone(&waiting);
        thread::spawn(move || {
            for line in output {
                let message: Value = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "not a message": line }));
                let route = message["id"].as_u64().and_then(|id| lock(&routes).remove(&id));
                match route {
                    // Whoever asked may have gone.
                    Some(route) => drop(route.send((message, Instant::now()))),
                    None if message["method"].is_string() => {}
                    None => drop(stray_sender.send(message)),
                }
            }
        });
        // The ids of the client's own requests are below.
        Self {
            process: client.process(),
            client: Mutex::new(client),
            next: 1_000.into(),
            waiting,
            stray: Mutex::new(stray),
        }
    }

    pub fn process(&self) -> u32 {
        self.process
    }

    /// Sends a request.
    pub fn begin(&self, method: &str, params: &Value) -> Reply {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let (route, answer) = channel();
        lock(&self.waiting).insert(id, route);
        let reply = Reply { began: Instant::now(), answer, id };
        lock(&self.client).send(&request.to_string());
        reply
    }

    pub fn begin_call(&self, tool: &str, arguments: &Value) -> Reply {
        self.begin("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    pub fn notify(&self, method: &str, params: &Value) {
        lock(&self.client).send(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
    }

    /// Sends bytes as they are, alone on the pipe.
    pub fn stream(&self, bytes: impl Read) {
        lock(&self.client).stream(bytes);
    }

    /// The next message that answers no request.
    ///
    /// # Errors
    ///
    /// None came.
    pub fn stray(&self) -> Result<Value, String> {
        lock(&self.stray).recv_timeout(PATIENCE).map_err(|_| "the server did not answer".to_owned())
    }

    /// The names of the tools.
    ///
    /// # Errors
    ///
    /// The server does not list them.
    pub fn tools(&self) -> Result<Vec<String>, String> {
        let list = self.begin("tools/list", &json!({})).wait()?.message;
        let tools = list["result"]["tools"].as_array().ok_or_else(|| format!("no list: {list}"))?;
        Ok(tools.iter().filter_map(|tool| Some(tool["name"].as_str()?.to_owned())).collect())
    }

    /// Waits until the tool is listed, or is not.
    ///
    /// # Errors
    ///
    /// It stays as it is.
    pub fn wait_for_tool(&self, tool: &str, listed: bool) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while self.tools()?.iter().any(|name| name == tool) != listed {
            if Instant::now() > until {
                return Err(format!("tool {tool:?} listed: {}", !listed));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// How long the log is, to look only at what comes after.
    pub fn log_length(&self) -> usize {
        lock(&self.client).log().len()
    }

    /// Waits for a line of the log after `from` that has all of these words.
    ///
    /// # Errors
    ///
    /// None came.
    pub fn wait_for_log(&self, from: usize, words: &[&str]) -> Result<String, String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = lock(&self.client).log();
            let found = log[from..].lines().find(|line| words.iter().all(|words| line.contains(words)));
            if let Some(line) = found {
                return Ok(line.to_owned());
            }
            if Instant::now() > until {
                return Err(format!("no line with {words:?} in the log:\n{}", &log[from..]));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Closes the server's stdin and gives its exit code.
    pub fn close(self) -> Option<i32> {
        self.client.into_inner().unwrap_or_else(PoisonError::into_inner).close().code()
    }
}

impl Reply {
    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// None came.
    pub fn wait(self) -> Result<Answer, String> {
        let arrived = self.answer.recv_timeout(PATIENCE);
        let (message, at) = arrived.map_err(|_| format!("no answer to request {} in {PATIENCE:?}", self.id))?;
        Ok(Answer { message, took: at - self.began })
    }

    /// The answer, if it is there.
    pub fn poll(&self) -> Option<Answer> {
        let (message, at) = self.answer.try_recv().ok()?;
        Some(Answer { message, took: at - self.began })
    }

    /// How long it is waited for already.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
