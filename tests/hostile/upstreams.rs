//! Servers that answer as badly as they can, and requests that try to reach what nobody granted.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use toolcell::failure::Code;

use crate::{
    oracle::{
        Attack, Case,
        Expected::{self, Answers, Fails, StopsWaiting, ToolFails},
        Seen,
    },
    scene::{Scene, call, deadline},
    upstream::{Upstream, read_head},
};

/// Requests for `/short` that are being answered at this moment, and the most that ever were.
#[derive(Default)]
pub struct Seized {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A server that answers each path in its own bad way.
pub fn start() -> (Upstream, Arc<Seized>) {
    let seized = Arc::new(Seized::default());
    let seen = Arc::clone(&seized);
    let server = Upstream::handling(move |mut connection| {
        if let Some(request) = read_head(&mut connection) {
            // Whoever has had enough hangs up.
            let _ = answer(request.split(' ').nth(1).unwrap_or_default(), &mut connection, &seen);
        }
    });
    (server, seized)
}

/// A server that takes connections and says nothing.
pub fn mute() -> Upstream {
    Upstream::handling(wait_for_end)
}

/// A server that keeps the first lines of what it is sent.
pub fn counting() -> Upstream {
    Upstream::answering(|_| ("text/plain", b"a secret".to_vec()))
}

fn wait_for_end(mut connection: TcpStream) {
    let _ = connection.read_to_end(&mut Vec::new());
}

fn moved(to: &mut TcpStream, location: &str) -> std::io::Result<()> {
    to.write_all(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").as_bytes())
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

fn answer(path: &str, to: &mut TcpStream, seized: &Seized) -> std::io::Result<()> {
    let plain = |to: &mut TcpStream, body: &[u8]| {
        to.write_all(&[OK, format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat())
    };
    let endlessly = |to: &mut TcpStream, first: &[u8], again: &[u8], pause: Duration| {
        to.write_all(first)?;
        loop {
            thread::sleep(pause);
            to.write_all(again)?;
        }
    };
    let (no_pause, second) = (Duration::ZERO, Duration::from_secs(1));
    match path {
        "/mute" => to.read_to_end(&mut Vec::new()).map(drop),
        "/slow-head" => endlessly(to, b"", b"H", second),
        "/slow-fields" => endlessly(to, OK, b"x: y\r\n", second),
        "/slow-body" => endlessly(to, &[OK, b"Content-Length: 1000\r\n\r\n"].concat(), b"x", second),
        "/endless-body" => endlessly(to, &[OK, b"\r\n"].concat(), &vec![b'x'; 65_536], no_pause),
        "/endless-chunks" => {
            let chunk = [b"8000\r\n".as_slice(), &vec![b'x'; 0x8000], b"\r\n"].concat();
            endlessly(to, &[OK, b"Transfer-Encoding: chunked\r\n\r\n"].concat(), &chunk, no_pause)
        }
        "/endless-hints" => endlessly(to, b"", b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n", Duration::from_millis(1)),
        "/endless-fields" => endlessly(to, OK, b"x: y\r\n", no_pause),
        "/huge-field" => endlessly(to, &[OK, b"x: "].concat(), &vec![b'y'; 65_536], no_pause),
        "/huge-status" => endlessly(to, b"HTTP/1.1 200 ", &vec![b'y'; 65_536], no_pause),
        "/announces-10-gb" => {
            to.write_all(&[OK, b"Content-Length: 10000000000\r\n\r\n"].concat())?;
            to.read_to_end(&mut Vec::new()).map(drop)
        }
        "/two-lengths" => to.write_all(&[OK, b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello"].concat()),
        "/negative-length" => to.write_all(&[OK, b"Content-Length: -5\r\n\r\nhello"].concat()),
        // 10 GB of zeros, were it decompressed.
        "/gzip" => {
            let body = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &vec![0; 100_000]].concat();
            let head = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
            to.write_all(&[OK, head.as_bytes(), &body].concat())
        }
        "/cut-body" => to.write_all(&[OK, b"Content-Length: 1000\r\n\r\nhello"].concat()),
        "/cut-head" => to.write_all(b"HTTP/1.1 200"),
        "/bad-chunks" => to.write_all(&[OK, b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhello"].concat()),
        "/not-http" => to.write_all(b"220 mail.example ESMTP\r\n"),
        "/zeros" => to.write_all(&vec![0; 65_536]),
        "/short" => {
            let now = seized.now.fetch_add(1, Ordering::SeqCst) + 1;
            seized.most.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(2));
            // Before the answer: with it the client may open the next connection.
            seized.now.fetch_sub(1, Ordering::SeqCst);
            plain(to, b"hello")
        }
        "/control" => plain(to, "\u{1b}[2J\u{202e}hello".as_bytes()),
        // `/to/` and the port of this machine that the redirect leads to.
        redirect => match redirect.strip_prefix("/to/") {
            Some("metadata") => moved(to, "http://169.254.169.254/latest"),
            Some("itself") => {
                let port = to.local_addr()?.port();
                moved(to, &format!("http://127.0.0.1:{port}/to/itself"))
            }
            Some(port) => moved(to, &format!("http://127.0.0.1:{port}/")),
            None => plain(to, path.as_bytes()),
        },
    }
}

/// Sends requests to a path of the bad server.
fn fetch(tool: &'static str, path: &'static str, arguments: Value) -> Attack {
    Box::new(move |scene| {
        let mut arguments = arguments.clone();
        arguments["url"] = scene.upstream.url(path).into();
        call(tool, arguments)(scene)
    })
}

/// Lets the guest do what must not reach the server that nobody was granted, and makes sure that it did not.
fn reaches_nobody(attack: impl Fn(&Scene, u16) -> Attack + 'static) -> Attack {
    Box::new(move |scene| {
        let seen = attack(scene, scene.off_limits.port)(scene)?;
        let requests = scene.off_limits.requests();
        if requests.is_empty() { Ok(seen) } else { Err(format!("the server off limits was asked {requests:?}")) }
    })
}

/// Spellings of addresses that no wildcard grants.
const SPECIAL: [(&str, &str); 14] = [
    ("loopback", "127.0.0.1"),
    ("loopback in two parts", "127.1"),
    ("loopback as one number", "2130706433"),
    ("loopback in hexadecimal", "0x7f000001"),
    ("loopback in octal", "0177.0.0.1"),
    ("loopback mapped into IPv6", "[::ffff:127.0.0.1]"),
    ("loopback in full-width digits", "１２７.０.０.１"),
    ("loopback by NAT64", "[64:ff9b::7f00:1]"),
    ("loopback by 6to4", "[2002:7f00:1::1]"),
    ("loopback of IPv6", "[::1]"),
    ("loopback by name", "localhost"),
    ("nowhere", "0.0.0.0"),
    ("cloud metadata", "169.254.169.254"),
    ("cloud metadata by NAT64", "[64:ff9b::a9fe:a9fe]"),
];

/// Requests that are not sent as they are.
fn unsendable() -> Vec<(&'static str, &'static str, Value)> {
    let headers = |name: &str, value: &str| json!({"headers": [[name, value]]});
    vec![
        ("Host field", "header field `host`", headers("Host", "169.254.169.254")),
        ("Content-Length field", "header field `content-length`", headers("content-length", "5")),
        ("Transfer-Encoding field", "header field `transfer-encoding`", headers("Transfer-Encoding", "chunked")),
        ("line break in a field", "line break", headers("a", "b\r\nHost: evil.example")),
        ("line break in a field's name", "cannot name a header field", headers("a: b\r\nc", "d")),
        ("method CONNECT", "CONNECT", json!({"method": "CONNECT"})),
        ("method TRACE", "TRACE", json!({"method": "TRACE"})),
        ("line break in the method", "method", json!({"method": "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\nGET"})),
        ("20,000 fields", "too many to send", json!({"headers": vec![["a", "b"]; 20_000]})),
    ]
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub fn cases() -> Vec<Case> {
    let case = |name: &str, guest, expected, attack| Case { name: name.to_owned(), guest, expected, attack };
    let by_contract = |name: &str, expected: Expected, path: &'static str| {
        case(name, "fetches", expected, fetch("fetches", path, json!({})))
    };
    let too_large = |name: &str, path| by_contract(name, Fails(Code::UpstreamLimit, "127.0.0.1:"), path);
    let unreachable = |name: &str, words, path| by_contract(name, Fails(Code::UpstreamUnreachable, words), path);
    let denied = |name: &str, words, attack| case(name, "fetches", Fails(Code::DeniedNetwork, words), attack);
    let waits = |name: &str, path| {
        let attack = fetch("hurried-fetches", path, json!({}));
        case(name, "fetches", StopsWaiting("127.0.0.1:"), attack)
    };

    let mut cases: Vec<Case> = SPECIAL
        .iter()
        .map(|(name, host)| {
            let attack = reaches_nobody(move |_, port| {
                let url = format!("http://{host}:{port}/secret?token=1");
                call("any-fetches", json!({"url": url, "crash": true}))
            });
            denied(&format!("wildcard and {name}"), "special address", attack)
        })
        .collect();
    cases.extend(unsendable().into_iter().map(|(name, words, arguments)| {
        case(name, "fetches", ToolFails("invalid_request", words), fetch("fetches", "/short", arguments))
    }));
    cases.extend([
        case(
            "credentials in the URL",
            "fetches",
            ToolFails("invalid_request", "user name or password"),
            call("any-fetches", json!({"url": "https://good.example:secret@169.254.169.254/"})),
        ),
        denied(
            "another port",
            "does not ask",
            reaches_nobody(|_, port| call("fetches", json!({"url": format!("http://127.0.0.1:{port}/")}))),
        ),
        denied(
            "another scheme",
            "does not ask",
            Box::new(|scene| {
                call("fetches", json!({"url": scene.upstream.url("/").replace("http:", "https:")}))(scene)
            }),
        ),
        denied("redirect to metadata", "169.254.169.254", fetch("fetches", "/to/metadata", json!({"follow": true}))),
        denied(
            "redirect to another port",
            "does not ask",
            reaches_nobody(|scene, port| {
                let url = scene.upstream.url(&format!("/to/{port}"));
                call("fetches", json!({"url": url, "follow": true}))
            }),
        ),
        case("redirect that is not followed", "fetches", Answers("302"), fetch("fetches", "/to/metadata", json!({}))),
        case(
            "wasi:http to another port",
            "wasihttp",
            Fails(Code::DeniedNetwork, "does not ask"),
            reaches_nobody(|_, port| {
                call("wasihttp", json!({"url": format!("http://127.0.0.1:{port}/"), "crash": true}))
            }),
        ),
        case(
            "wasi:http with credentials",
            "wasihttp",
            ToolFails("wasi_http", "Http"),
            call("wasihttp", json!({"url": "http://good.example@127.0.0.1/"})),
        ),
        case(
            "body longer than announced",
            "wasihttp",
            ToolFails("wasi_http", "Http"),
            fetch("wasihttp", "/short", json!({"announced": 2})),
        ),
        case(
            "body shorter than announced",
            "wasihttp",
            ToolFails("wasi_http", "Http"),
            fetch("wasihttp", "/short", json!({"announced": 50})),
        ),
        waits("mute server", "/mute"),
        case(
            "mute server in TLS",
            "fetches",
            StopsWaiting("127.0.0.1:"),
            Box::new(|scene| call("hurried-fetches", json!({"url": scene.mute_tls}))(scene)),
        ),
        case(
            "mute server, given up by the guest",
            "fetches",
            Fails(Code::UpstreamUnreachable, "did not answer"),
            fetch("fetches", "/mute", json!({"timeout_ms": 300})),
        ),
        waits("head of 1 byte a second", "/slow-head"),
        waits("fields of 1 a second", "/slow-fields"),
        waits("body of 1 byte a second", "/slow-body"),
        waits("early hints without end", "/endless-hints"),
        too_large("body without end", "/endless-body"),
        too_large("chunks without end", "/endless-chunks"),
        too_large("fields without end", "/endless-fields"),
        too_large("field without end", "/huge-field"),
        too_large("10 GB announced", "/announces-10-gb"),
        too_large("status line without end", "/huge-status"),
        unreachable("two lengths", "not HTTP/1.1", "/two-lengths"),
        unreachable("negative length", "not HTTP/1.1", "/negative-length"),
        unreachable("body cut", "was cut", "/cut-body"),
        unreachable("head cut", "was cut", "/cut-head"),
        unreachable("chunks that are none", "not HTTP/1.1", "/bad-chunks"),
        unreachable("mail server", "not HTTP/1.1", "/not-http"),
        unreachable("zeros", "not HTTP/1.1", "/zeros"),
        by_contract("gzip bomb", Answers("gzip"), "/gzip"),
        by_contract("control characters", Answers("hello"), "/control"),
        case(
            "1,000 requests in a row",
            "fetches",
            Answers("hello"),
            fetch("fetches", "/short", json!({"times": 1_000})),
        ),
        case("400 requests at once", "wasihttp", Answers("hello"), Box::new(at_once)),
        case(
            "redirect to itself for ever",
            "fetches",
            Fails(Code::UpstreamLimit, "127.0.0.1:"),
            fetch("fetches", "/to/itself", json!({"follow": true})),
        ),
    ]);
    cases
}

/// The server may see as many connections of one call as a call may have, and no more.
fn at_once(scene: &Scene) -> Result<Seen, String> {
    scene.seized.most.store(0, Ordering::SeqCst);
    let seen = fetch("wasihttp", "/short", json!({"at_once": 400}))(scene)?;
    let most = scene.seized.most.load(Ordering::SeqCst);
    debug_assert!(deadline("wasihttp") > Duration::ZERO);
    if (1..=8).contains(&most) { Ok(seen) } else { Err(format!("the server saw {most} connections at once")) }
}
