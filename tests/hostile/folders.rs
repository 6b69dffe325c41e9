//! Guests that look for a way out of the folders that they were granted, or fill them.

use std::{fs, os::unix::fs::symlink};

use serde_json::{Value, json};
use toolcell::failure::Code;

use crate::{
    folder::Folder,
    oracle::{
        Case,
        Expected::{self, Fails, ToolFails},
    },
    scene::{call, calls, manifest},
};

const ASKS: &str = "capabilities.files = [{ path = \"data\" }, { path = \"out\", access = \"read-write\" }]";

/// A plugin with two folders, and what must stay out of its reach beside them.
pub fn add(folder: &Folder) {
    folder.add("files", &format!("{}\n{ASKS}", manifest("files")));
    let own = folder.plugins().join("files");
    for folder in ["data", "out"] {
        fs::create_dir(own.join(folder)).expect("the folder is ours");
    }
    fs::write(own.join("private"), "private").expect("the folder is ours");
    fs::write(own.join("out/here"), "").expect("the folder is ours");
    for (target, link) in [("/", "data/root"), ("..", "data/around"), ("../private", "out/private")] {
        symlink(target, own.join(link)).expect("the folder is ours");
    }
    let pipe = own.join("out/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("the folder is ours");
}

pub fn cases() -> Vec<Case> {
    let case = |name: &str, expected: Expected, step: Value| Case {
        name: name.to_owned(),
        guest: "files",
        expected,
        attack: call("files", json!({"steps": [step], "crash": true})),
    };
    let denied = |words| Fails(Code::DeniedFiles, words);
    let (out, limit) = (denied("leads out of the folder"), |words| Fails(Code::ResourceLimit, words));
    vec![
        case("a file of the host", denied("/etc/passwd"), json!(["read", "/etc/passwd"])),
        case("the environment of the host", denied("/proc/self/environ"), json!(["read", "/proc/self/environ"])),
        case("out of its folder by ..", out, json!(["read", "/data/../private"])),
        case("out of its folder by a link to /", out, json!(["read", "/data/root/etc/passwd"])),
        case("out of its folder by a link to ..", out, json!(["read", "/data/around/private"])),
        case("out of its folder by a slash after a link", out, json!(["list", "/data/around/"])),
        case("writing through a link that leads out", out, json!(["write", "/out/private", "x"])),
        case("making a link that leads out", out, json!(["link", "../private", "/out/link"])),
        case("moving a file out of its folder", out, json!(["rename", "/out/../private", "/out/taken"])),
        case("writing its own manifest", denied("in no folder"), json!(["write", "/plugin.toml", "x"])),
        case("writing where it may read", denied("asks to read there"), json!(["write", "/data/new", "x"])),
        case("a file of 65 MiB", limit("disk space"), json!(["write", "/out/large", 65 << 20])),
        case("a file of 1 TiB", limit("disk space"), json!(["truncate", "/out/large", 1_u64 << 40])),
        case("20,000 files", limit("disk space"), json!(["make", "/out", 20_000])),
        case("1,000 open files", limit("open files"), json!(["hold", "/out/here", 1_000])),
        Case {
            name: "a named pipe that nobody writes to, 64 times".to_owned(),
            guest: "files",
            expected: ToolFails("no_file", "ot supported"),
            attack: calls(64, "files", json!({"steps": [["read", "/out/pipe"]]})),
        },
    ]
}
