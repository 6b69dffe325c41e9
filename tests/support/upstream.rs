//! A server on this machine for guests to reach.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// It ends with the test's process.
pub struct Upstream {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Handles every connection in a thread of its own.
    pub fn handling(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = listener.local_addr().expect("it is bound").port();
        let handle = Arc::new(handle);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let handle = Arc::clone(&handle);
                thread::spawn(move || handle(connection));
            }
        });
        Self { port, requests: Arc::default() }
    }

    /// Answers each request line, such as `GET /path HTTP/1.1`, with a content type and a body.
    pub fn answering(answer: impl Fn(&str) -> (&'static str, Vec<u8>) + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let server = Self::handling(move |mut connection| {
            let Some(request) = read_head(&mut connection) else { return };
            let (content_type, body) = answer(&request);
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // A client may hang up on what is too large for it.
            let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body));
        });
        Self { requests, ..server }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A manifest that asks for this server.
    pub fn asked(&self) -> String {
        format!("capabilities.network = [\"{}\"]", self.url(""))
    }

    /// The request lines so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads the head of a request and gives its first line.
pub fn read_head(connection: &mut impl Read) -> Option<String> {
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    let first = lines.next()?;
    lines.find(String::is_empty)?;
    Some(first)
}
