//! The ways in which cases make a guest fail.

use std::{
    fs,
    io::{Read, Write},
    time::Instant,
};

use serde_json::{Value, json};
use toolcell::failure::Code;

use super::Failed;
use crate::{client::PATIENCE, files, folder::Folder, postgres, postgres_server::Postgres, upstream::Upstream};

/// Asks for one server on the internet, which no test reaches.
pub const API: &str = "capabilities.network = [\"https://api.example.com\"]";
/// Nothing listens on port 1 of the loopback interface.
pub const NOBODY: &str = "capabilities.network = [\"http://127.0.0.1:1\"]";
/// Asks for a cache.
pub const CACHE: &str = "capabilities.cache = { max = \"1MiB\", ttl-max = \"1h\" }";
/// Nothing listens there either.
pub const NO_REDIS: &str = "redis://user:password@127.0.0.1:1/3";

/// Nothing listens on port 1 of the loopback interface.
pub const NO_DATABASE: &str = "postgres://bob:secret@127.0.0.1:1/sales";

/// One call of the guest with this manifest. The server goes on after it.
pub fn call(manifest: &str, arguments: Value) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let folder = Folder::new(&[(guest, manifest)]);
        let mut client = folder.lock().serve();
        let failed = Failed::new(&client.call(guest, arguments));
        client.ping();
        failed
    }
}

pub fn crash(mut arguments: Value) -> impl FnOnce(&str) -> Failed {
    arguments["crash"] = true.into();
    call("", arguments)
}

/// One call of the guest with the URL of a server that it was granted.
pub fn upstream(server: fn() -> Upstream, manifest: &str, mut arguments: Value) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let server = server();
        arguments["url"] = server.url("/path").into();
        call(&format!("{}\n{manifest}", server.asked()), arguments)(guest)
    }
}

/// One call of the guest, which asks for a cache, with the cache in the server of this URL.
pub fn cache(url: &'static str, mut arguments: Value) -> impl FnOnce(&str) -> Failed {
    arguments["steps"] = json!([["get", "k"]]);
    move |guest| {
        let folder = Folder::new(&[(guest, CACHE)]);
        folder.write("toolcell.toml", "[cache]\nredis-url-env = \"CACHE_URL\"\n");
        folder.write("values.env", &format!("CACHE_URL={url}\n"));
        let mut client = folder.lock().serve_with(&["--locked", "--env-file", "values.env"]);
        Failed::new(&client.call(guest, arguments))
    }
}

/// The operator takes the cache away that the plugin asks for.
pub fn no_cache(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, CACHE)]);
    folder.write("toolcell.toml", &format!("[plugins.{guest}]\ncache = false\n"));
    Failed::new(&folder.lock().serve().call(guest, json!({"steps": [["get", "k"]]})))
}

/// One use of a file by the plugin with its folders, which panics where that fails.
pub fn files(asks: &'static str, step: Value) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let folder = files::folder(asks);
        Failed::new(&folder.lock().serve().call(guest, json!({"steps": [step], "crash": true})))
    }
}

/// The operator takes the folders away that the plugin asks for.
pub fn no_files(guest: &str) -> Failed {
    let folder = files::folder(files::ASKS);
    folder.write("toolcell.toml", "[plugins.files]\nfiles = []\n");
    let read = json!({"steps": [["read", "/data/a.txt"]], "crash": true});
    Failed::new(&folder.lock().serve().call(guest, read))
}

/// The folder of the log goes away while the server runs, and the operator lets no call run unrecorded.
pub fn unrecorded(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, "")]);
    let logs = folder.plugins().with_file_name("log");
    fs::create_dir(&logs).expect("the folder is ours");
    folder.write("toolcell.toml", "[audit]\nfile = \"log/audit.jsonl\"\nrequired = true\n");
    let mut client = folder.lock().serve();
    let mut call = || client.call(guest, json!({"message": "hi"}));
    assert_eq!(call()["isError"], false, "it can be recorded");
    fs::remove_dir_all(&logs).expect("the folder is ours");
    // The first of these is to be recorded before anybody knows that it cannot be.
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let result = call();
        if result["isError"] == true {
            return Failed::new(&result);
        }
    }
    panic!("calls run unrecorded")
}

/// Takes connections and says nothing.
pub fn mute() -> Upstream {
    Upstream::handling(|connection| {
        std::thread::park();
        drop(connection);
    })
}

/// Answers with more than a call may receive.
pub fn endless() -> Upstream {
    Upstream::answering(|_| ("text/plain", vec![b'x'; 17 << 20]))
}

pub fn without_tls(guest: &str) -> Failed {
    let server = Upstream::handling(|mut connection| {
        let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = connection.read_to_end(&mut Vec::new());
    });
    let url = server.url("").replace("http:", "https:");
    call(&format!("capabilities.network = [\"{url}\"]"), json!({"url": url}))(guest)
}

/// One question to a database at this URL, or without a URL where it is empty.
pub fn at_url(url: &str, arguments: Value) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let folder = postgres::folder("", "");
        let mut client = if url.is_empty() { folder.serve() } else { postgres::serve(&folder, url) };
        Failed::new(&client.call(guest, arguments))
    }
}

/// One question to a database that runs.
pub fn at(url: fn(&Postgres) -> String, arguments: Value) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let postgres = Postgres::start();
        at_url(&url(&postgres), arguments)(guest)
    }
}

pub fn slow_statement(guest: &str) -> Failed {
    let postgres = Postgres::start();
    let folder = postgres::folder("limits.deadline = \"3s\"", "");
    let mut client = postgres::serve(&folder, &postgres.url());
    Failed::new(&client.call(guest, json!({"sql": "SELECT pg_sleep(60)"})))
}

/// There is one connection, and another call holds it.
pub fn no_connection(guest: &str) -> Failed {
    let postgres = Postgres::start();
    let folder = postgres::folder("", "connections = 1\n");
    let mut client = postgres::serve(&folder, &postgres.url());
    client.begin_call(guest, json!({"sql": "SELECT pg_sleep(60)"}));
    postgres.wait_until_running("pg_sleep");
    Failed::new(&client.call(guest, json!({"sql": "SELECT 1"})))
}

/// All calls together may hold 64 MiB, and this one wants more.
pub fn no_memory(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, "")]);
    folder.write("toolcell.toml", "[sandbox]\nmemory = \"64MiB\"\n");
    Failed::new(&folder.lock().serve().call(guest, json!({"abort": true})))
}

/// One instance may live at a time, and a call of another plugin is waiting in it.
pub fn no_place(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, ""), ("echo", "limits.deadline = \"300ms\"")]);
    folder.write("toolcell.toml", "[sandbox]\nslots = 1\n");
    let mut client = folder.lock().serve();
    client.begin_call(guest, json!({"ms": 60_000}));
    loop {
        // Requests are handled at the same time, so these may come first.
        let result = client.call("echo", json!({"message": "hi"}));
        if result["isError"] == true {
            return Failed::new(&result);
        }
    }
}

/// One call of the plugin may run at a time, and takes all the time that those after it have.
pub fn no_turn(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, "[limits]\nconcurrency = 1\ndeadline = \"300ms\"")]);
    let mut client = folder.lock().serve();
    loop {
        // Of calls that end in the same moment, one may get the turn for the rest of it.
        let ids: Vec<_> = (0..20).map(|_| client.begin_call(guest, json!({"ms": 60_000}))).collect();
        let failed = ids.into_iter().map(|id| Failed::new(&client.end(id)["result"]));
        if let Some(busy) = failed.collect::<Vec<_>>().into_iter().find(|failed| failed.code == Code::Busy.as_str()) {
            return busy;
        }
    }
}

/// A call that is under way when the client closes its end is cancelled, and says so.
pub fn input_ended(guest: &str) -> Failed {
    let folder = Folder::new(&[(guest, "")]);
    let mut client = folder.lock().serve();
    let id = client.begin_call(guest, json!({}));
    client.ping();
    client.close_input();
    Failed::new(&client.end(id)["result"])
}

/// A call of a tool after something was done to its plugin.
pub fn withdrawn(change: fn(&Folder)) -> impl FnOnce(&str) -> Failed {
    move |guest| {
        let folder = Folder::new(&[(guest, "")]);
        let mut client = folder.lock().serve();
        assert_eq!(client.tools(), [guest]);
        change(&folder);
        client.wait_for("notifications/tools/list_changed");
        assert_eq!(client.tools(), [""; 0]);
        Failed::new(&client.call(guest, json!({"message": "hi"})))
    }
}
