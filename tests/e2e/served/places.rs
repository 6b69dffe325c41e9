//! Where it listens, and where it does not.

use std::{
    fs,
    net::TcpListener,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    process::Command,
};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    folder::Folder,
    server::{Http, Served},
};

fn refusal(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    said.lines().last().expect("it says why").to_owned()
}

#[test]
fn nobody_else_is_served_without_authentication() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let said = refusal(folder.toolcell().args(["serve", "--locked", "--http", "0.0.0.0:0"]));
    let (_, rest) = said.split_once("0.0.0.0:").expect("the address");
    let (port, _) = rest.split_once(' ').expect("the port");
    insta::assert_snapshot!("http_open", said.replace(port, "PORT"));
}

#[test]
fn what_cannot_be_listened_at_is_named() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = listener.local_addr().expect("an address");
    let serve = |address: &str| refusal(folder.toolcell().args(["serve", "--locked", "--http", address]));
    let said = serve(&taken.to_string()).replace(&taken.port().to_string(), "PORT");
    let no_socket = serve("systemd");
    let no_folder = serve("unix:nowhere/t.sock");
    insta::assert_snapshot!("http_cannot_listen", [said, no_socket, no_folder].join("\n"));
}

#[test]
fn a_unix_socket_is_for_its_owner_and_group() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let socket = folder.plugins().with_file_name("t.sock");
    let serve = || Served::run(folder.toolcell().args(["serve", "--locked", "--http", "unix:t.sock"]));
    let mut server = serve();
    server.wait_for_log("listening at unix:");
    let mode = fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let reply = Http::unix(&socket).call("echo", json!({"message": "hi"}));
    assert_eq!(reply.json()["result"]["structuredContent"], json!({"message": "hi"}), "{reply:?}");
    let second = refusal(folder.toolcell().args(["serve", "--locked", "--http", "unix:t.sock"]));
    assert!(second.contains("in use"), "{second}");

    // One that was killed leaves its socket behind, and the next one takes its place.
    server.signal(Signal::KILL);
    server.ended();
    assert!(socket.exists());
    let mut server = serve();
    server.wait_for_log("listening at unix:");
    assert_eq!(Http::unix(&socket).get("/healthz").status, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
    assert!(!socket.exists(), "it leaves its socket behind");
}

#[test]
fn sockets_that_systemd_opened_are_served() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    // As systemd does: the socket is the descriptor 3, and the variables name the process that it is for.
    let mut shell = Command::new("sh");
    let serve = folder.toolcell();
    shell
        .args(["-c", r#"export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" serve --locked --http systemd 3<&0 0</dev/null"#])
        .arg(serve.get_program())
        .envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(folder.plugins().with_file_name(""))
        .stdin(OwnedFd::from(listener));
    let mut server = Served::run(&mut shell);
    // Whoever comes before the server is there waits for it.
    let reply = Http::tcp(address).call("echo", json!({"message": "hi"}));
    assert_eq!(reply.json()["result"]["structuredContent"], json!({"message": "hi"}), "{reply:?}");
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
}
