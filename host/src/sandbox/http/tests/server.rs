//! Servers on loopback that behave as a test says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A server that is stopped when it is dropped.
pub(super) struct TestServer {
    pub(super) port: u16,
    accepted: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl TestServer {
    /// Runs `handle` for each connection.
    pub(super) async fn handling<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start(move |stream, _| handle(stream)).await
    }

    /// Reads a request, writes these bytes and closes.
    pub(super) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut stream, requests| {
            let answer = Arc::clone(&answer);
            async move {
                let request = read_request(&mut stream).await;
                requests.lock().expect("nothing panics with the lock").push(request);
                // The other side may have seen enough.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    async fn start<F>(handle: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let port = listener.local_addr().expect("it is bound").port();
        let (accepted, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, log) = (Arc::clone(&accepted), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(handle(stream, Arc::clone(&log)));
            }
        });
        Self { port, accepted, requests, task }
    }

    /// Connections so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The requests so far, heads and bodies.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("nothing panics with the lock").clone()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A head, and a body if the head says how long it is, or that it ends with an empty chunk.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut read = String::new();
    let mut buffer = [0; 1024];
    loop {
        let bytes = stream.read(&mut buffer).await.unwrap_or(0);
        read.push_str(&String::from_utf8_lossy(&buffer[..bytes]));
        let Some((head, body)) = read.split_once("\r\n\r\n") else {
            if bytes == 0 {
                return read;
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let is_whole = if head.contains("transfer-encoding: chunked") {
            body.ends_with("0\r\n\r\n")
        } else {
            body.len() >= length.unwrap_or(0)
        };
        if is_whole || bytes == 0 {
            return read;
        }
    }
}
