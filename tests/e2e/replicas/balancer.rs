//! HAProxy, and the replicas behind it.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use hyper::Response;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{client::PATIENCE, folder::Folder, peers, server::Served};

/// How many replicas there are.
pub const REPLICAS: usize = 3;

/// The header in which HAProxy names the replica that it chose, on responses of its own as well.
const REPLICA: &str = "x-replica";

/// HAProxy and the replicas. All of it ends with the test.
pub struct Balancer {
    port: u16,
    replicas: [Replica; REPLICAS],
    haproxy: Child,
    _files: TempDir,
}

struct Replica {
    port: u16,
    server: Option<Served>,
}

impl Balancer {
    /// Starts all of it, and waits until it serves.
    pub fn start(folder: &Folder) -> Self {
        let port = free_port();
        let ports = [(); REPLICAS].map(|()| free_port());
        let files = tempfile::tempdir().expect("a folder can be made");
        let configuration = files.path().join("haproxy.cfg");
        fs::write(&configuration, configuration_of(port, ports)).expect("the folder is ours");
        let replicas = ports.map(|port| Replica { port, server: Some(serve(folder, port)) });
        let mut haproxy = peers::haproxy();
        haproxy.arg("-f").arg(&configuration).stdout(Stdio::null()).stderr(Stdio::null());
        let haproxy = haproxy.spawn().expect("HAProxy starts");
        let balancer = Self { port, replicas, haproxy, _files: files };
        let began = Instant::now();
        while TcpStream::connect(balancer.authority()).is_err() {
            assert!(began.elapsed() < PATIENCE, "HAProxy does not listen");
            sleep(Duration::from_millis(20));
        }
        balancer
    }

    /// Where clients go.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills a replica as the kernel does when memory ends, and waits until it is gone.
    pub fn kill(&mut self, replica: usize) {
        drop(self.replicas[replica].server.take());
    }

    /// Asks a replica to end as service managers do, waits until it has, and gives its exit code.
    pub fn terminate(&mut self, replica: usize) -> Option<i32> {
        let mut server = self.replicas[replica].server.take().expect("it runs");
        server.signal(Signal::TERM);
        server.ended().code()
    }

    /// Starts a replica again where it was.
    pub fn start_again(&mut self, replica: usize, folder: &Folder) {
        let Replica { port, server } = &mut self.replicas[replica];
        *server = Some(serve(folder, *port));
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.haproxy.kill();
        let _ = self.haproxy.wait();
    }
}

/// The replica that HAProxy chose for a request.
pub fn replica<T>(response: &Response<T>) -> Option<usize> {
    response.headers().get(REPLICA)?.to_str().ok()?.parse().ok()
}

fn serve(folder: &Folder, port: u16) -> Served {
    Served::at(folder, &format!("127.0.0.1:{port}"), &[])
}

/// A request is sent to another replica where no connection is to be had, and to no other once it may have been read: a tool
/// can have acted by then (RFC 9110, section 9.2.2). Connections to replicas are not kept: one that its replica has just
/// closed looks as good as any, and fails the request.
fn configuration_of(port: u16, replicas: [u16; REPLICAS]) -> String {
    let servers = replicas.iter().enumerate().map(|(name, port)| format!("    server {name} 127.0.0.1:{port}\n"));
    format!(
        "defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    timeout check 2s
    option http-server-close
    option redispatch 1
    retries 3
    retry-on conn-failure
frontend mcp
    bind 127.0.0.1:{port}
    http-after-response set-header {REPLICA} %[srv_name]
    default_backend replicas
backend replicas
    balance roundrobin
    option httpchk GET /readyz
    default-server check inter 100ms fall 2 rise 1
{}",
        servers.collect::<String>()
    )
}

/// A port below those that the system gives to connections, so that it is free again when a replica starts again.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 10_000).expect("it is smaller");
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
