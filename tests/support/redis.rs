//! A real Redis server on this machine, for the tests of caches.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{client::PATIENCE, peers};

/// It keeps nothing on disk, and ends with the value.
pub struct RedisServer {
    pub port: u16,
    options: Vec<String>,
    running: Option<Child>,
}

impl RedisServer {
    pub fn start(options: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let options = options.iter().map(ToString::to_string).collect();
        let mut server = Self { port, options, running: None };
        server.start_again();
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// On the same port, with nothing in it.
    pub fn start_again(&mut self) {
        let mut command = Command::new(peers::redis().join("redis-server"));
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir", "/"]);
        command.args(&self.options).stdout(Stdio::null());
        self.running = Some(command.spawn().expect("Redis starts"));
        let began = Instant::now();
        while self.ask("PING").is_none() {
            assert!(began.elapsed() < PATIENCE, "Redis does not answer");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }

    /// Stops its process without ending it, or lets it go on: connections stay open and nothing is answered.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let running = self.running.as_ref().expect("it runs");
        let process = rustix::process::Pid::from_child(running);
        rustix::process::kill_process(process, signal).expect("it is ours");
    }

    /// What it answers to a command, as the protocol has it; `None` where nobody answers.
    pub fn ask(&self, command: &str) -> Option<String> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        connection.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        (!answer.is_empty()).then_some(answer)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}
