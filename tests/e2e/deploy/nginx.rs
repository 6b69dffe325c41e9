//! Real nginx in front of a server, both set up as `docs/deploy` has it.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use super::read;
use crate::{
    client::PATIENCE,
    folder::Folder,
    peers,
    postgres_server::free_port,
    server::{Http, Reply, Served, borrowed, modern_request},
};

const SECRET: &str = "9c1e7b6a2f5d4038a1b9c8d7e6f50413";

/// A server that believes the nginx in front of it.
pub struct Gateway {
    pub nginx: Nginx,
    pub server: Served,
    folder: Folder,
    _files: TempDir,
}

impl Gateway {
    pub fn start() -> Self {
        let folder = Folder::new(&[("echo", "")]);
        folder.lock();
        let settings = read("deploy/gateway.toml").replace("[\"tools", "[\"127.0.0.1\", \"tools");
        folder.write("toolcell.toml", &format!("{settings}\n[audit]\nfile = \"audit.jsonl\"\n"));
        let mut serve = folder.toolcell();
        let server =
            Served::run(serve.args(["serve", "--locked", "--http", "unix:t.sock"]).env("GATEWAY_SECRET", SECRET));
        server.wait_for_log("listening at unix:");
        let files = tempfile::tempdir().expect("a folder can be made");
        let nginx = Nginx::start(files.path(), &folder.plugins().with_file_name("t.sock"));
        Self { nginx, server, folder, _files: files }
    }
}

pub struct Nginx {
    process: Child,
    pub address: SocketAddr,
}

impl Nginx {
    /// Starts nginx in this folder with `docs/deploy/nginx.conf`, which has other names of files here, no TLS, and for whoever finds
    /// out who calls a server that knows one user.
    fn start(folder: &Path, socket: &Path) -> Self {
        let (port, who) = (free_port(), free_port());
        let (secret, shown) = (folder.join("secret.conf"), folder.display());
        fs::write(&secret, format!("proxy_set_header X-Toolcell-Gateway-Secret \"{SECRET}\";")).expect("it is ours");
        let mut site = read("deploy/nginx.conf");
        for (documented, here) in [
            ("listen 443 ssl;", format!("listen 127.0.0.1:{port};")),
            ("unix:/run/toolcell/mcp.sock", format!("unix:{}", socket.display())),
            ("http://127.0.0.1:4180/oauth2/auth", format!("http://127.0.0.1:{who}/")),
            ("/etc/nginx/toolcell-secret.conf", secret.display().to_string()),
        ] {
            assert_eq!(site.matches(documented).count(), 1, "{documented} is not in nginx.conf once");
            site = site.replace(documented, &here);
        }
        let site: Vec<_> = site.lines().filter(|line| !line.trim_start().starts_with("ssl_")).collect();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|kind| format!("{kind}_temp_path {shown}/{kind};"));
        // One process, so that nothing is left of it when it is killed; and that of the user who owns the folder.
        let configuration = format!(
            "master_process off;\ndaemon off;\npid {shown}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{}\n\
             server {{\n listen 127.0.0.1:{who};\n location / {{\n \
             if ($http_authorization != \"Bearer of-alice\") {{ return 401; }}\n \
             add_header X-Auth-Request-Email alice@example.com;\n return 204;\n }}\n}}\n{}\n}}\n",
            temporary.join("\n"),
            site.join("\n")
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).expect("the folder is ours");
        let mut nginx: Command = peers::nginx();
        nginx.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(file);
        let process = nginx.stdout(Stdio::null()).spawn().expect("nginx starts");
        let nginx = Self { process, address: ([127, 0, 0, 1], port).into() };
        let began = Instant::now();
        while TcpStream::connect(nginx.address).is_err() {
            assert!(began.elapsed() < PATIENCE, "nginx does not listen");
            sleep(Duration::from_millis(20));
        }
        nginx
    }

    /// Calls the tool `echo` with these headers besides.
    fn call(&self, more: &[(&str, &str)]) -> Reply {
        let (headers, body) = modern_request("tools/call", json!({"name": "echo", "arguments": {"message": "hi"}}));
        let headers = [&borrowed(&headers)[..], &[("host", "tools.example.com")], more].concat();
        Http::tcp(self.address).request("POST", "/mcp", &headers, &body)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn nginx_lets_in_whom_it_knows_and_nobody_who_only_says_so() {
    let Gateway { nginx, mut server, folder, _files } = Gateway::start();
    let alice = ("authorization", "Bearer of-alice");
    // What a client says of itself is written over.
    for more in [&[alice][..], &[alice, ("x-forwarded-user", "bob"), ("x-toolcell-gateway-secret", "a guess")]] {
        let reply = nginx.call(more);
        assert_eq!(reply.json()["result"]["structuredContent"], json!({"message": "hi"}), "{reply:?}");
    }
    for more in [&[][..], &[("x-forwarded-user", "alice@example.com")], &[("authorization", "Bearer of-bob")]] {
        let reply = nginx.call(more);
        assert_eq!((reply.status, reply.body.contains("nginx")), (401, true), "{reply:?}");
    }
    // Past it, nobody is believed.
    let (headers, body) = modern_request("tools/call", json!({"name": "echo", "arguments": {"message": "hi"}}));
    let headers = [&borrowed(&headers)[..], &[("x-forwarded-user", "alice@example.com")]].concat();
    let socket = folder.plugins().with_file_name("t.sock");
    let reply = Http::unix(&socket).request("POST", "/mcp", &headers, &body);
    assert_eq!(reply.status, 401, "{reply:?}");
    assert!(reply.body.contains("forged-gateway"), "{reply:?}");

    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
    let log = fs::read_to_string(folder.plugins().with_file_name("audit.jsonl")).expect("it was written");
    let calls: Vec<_> = log.lines().filter(|line| line.contains("\"event\":\"call\"")).collect();
    assert_eq!(calls.len(), 2, "{log}");
    assert!(calls.iter().all(|call| call.contains("\"user\":\"alice@example.com\"")), "{log}");
}
