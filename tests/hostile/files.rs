//! Files in the folder of plugins that are not what a person reviewed, or nothing that can run. Each comes with an entry in
//! the lock file, while the server serves.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::{Pid, Resource, Rlimit, prlimit},
};
use serde_json::json;
use toolcell::policy::{Digest, Entry};

use crate::{
    client::PATIENCE,
    components::{ByHand, with_instances},
    folder::Folder,
    oracle::{
        Attack, Case,
        Expected::{Answers, Refused},
        Seen,
    },
    process,
    scene::{Scene, add_by_hand, deadline, guest},
};

/// The plugin that is replaced.
const PLUGIN: &str = "newcomer";

/// A name that no plugin had: the log tells the same reason of the same plugin only once.
fn newcomer() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("{PLUGIN}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Lets the lock file grant these bytes to the newcomer, whatever they are.
pub fn review_unseen(folder: &Folder, plugin: &str, bytes: &[u8]) {
    folder.edit_lock(|_, entries| {
        let (nothing, tools) = (toolcell::policy::Capabilities::default(), Digest::of(b"unseen"));
        let entry = Entry::new(&nothing, nothing.clone(), tools, Digest::of(bytes));
        entries.insert(plugin.parse().expect("a plugin's name"), entry);
    });
}

/// Takes a plugin away, and its entry in the lock file.
pub fn forget(scene: &Scene, plugin: &str) {
    scene.folder.edit_lock(|_, entries| entries.retain(|name, _| name.as_str() != plugin));
    scene.folder.remove(plugin);
}

/// Waits for the log to refuse the plugin with these words.
pub fn refusal(scene: &Scene, plugin: &str, from: usize, words: &str) -> Result<Seen, String> {
    let line = scene.session.wait_for_log(from, &[&format!("plugin {plugin} is not served: "), words])?;
    Ok(Seen::Refusal { plugin: plugin.to_owned(), line })
}

/// Adds a component with an entry in the lock file, and takes it away when it was refused with these words.
fn adds(bytes: impl Fn() -> Vec<u8> + 'static, words: &'static str) -> Attack {
    places(
        move |scene, plugin| {
            let bytes = bytes();
            review_unseen(&scene.folder, plugin, &bytes);
            scene.folder.add_component(plugin, "", &bytes);
        },
        words,
    )
}

/// Puts something in the place of a new plugin.
fn places(place: impl Fn(&Scene, &str) + 'static, words: &'static str) -> Attack {
    Box::new(move |scene| {
        let (plugin, from) = (newcomer(), scene.session.log_length());
        place(scene, &plugin);
        let seen = refusal(scene, &plugin, from, words);
        forget(scene, &plugin);
        seen
    })
}

/// Adds what is no regular file for a component.
fn links(make: impl Fn(&Path) + 'static, words: &'static str) -> Attack {
    places(
        move |scene, plugin| {
            review_unseen(&scene.folder, plugin, b"");
            let folder = scene.folder.plugins().join(plugin);
            fs::create_dir_all(&folder).expect("the folder is ours");
            make(&folder.join("guest.wasm"));
            scene.folder.write(&format!("plugins/{plugin}/plugin.toml"), "component = \"guest.wasm\"\n");
        },
        words,
    )
}

pub fn cases() -> Vec<Case> {
    let case = |name: &str, guest, expected, attack| Case { name: name.to_owned(), guest, expected, attack };
    let bytes = |name, words, bytes: fn() -> Vec<u8>| case(name, "", Refused(words), adds(bytes, words));
    let guests =
        |name, words, program: &'static str| case(name, program, Refused(words), adds(move || guest(program), words));
    let made = |name, words, parts: fn() -> ByHand<'static>| {
        case(name, "", Refused(words), adds(move || parts().component(PLUGIN), words))
    };
    let instances = |name, words, module: &'static str, instances| {
        let component = move || with_instances(&ByHand::default().component(PLUGIN), module, instances);
        case(name, "", Refused(words), adds(component, words))
    };
    vec![
        bytes("empty file", "it is not WebAssembly", Vec::new),
        bytes("text", "it is not WebAssembly", || b"#!/bin/sh\nrm -rf /\n".to_vec()),
        bytes("core module", "a core WebAssembly module, not a component", || b"\0asm\x01\0\0\0".to_vec()),
        bytes("component cut in half", "component not valid", || guest("echo")[..30_000].to_vec()),
        bytes("component with a byte changed", "component not valid", || {
            let mut bytes = guest("echo");
            bytes[40] ^= 0x40;
            bytes
        }),
        bytes("nothing but a header", "exports neither toolcell:plugin/tools@0.1.0 nor a function", || {
            b"\0asm\x0d\0\x01\0".to_vec()
        }),
        bytes("file of 65 MiB", "exceeds 64MiB", || vec![0; 65 << 20]),
        case(
            "link that leads out",
            "",
            Refused("a link that leads out"),
            links(|path| symlink("/etc/passwd", path).expect("the folder is ours"), "a link that leads out"),
        ),
        case(
            "named pipe",
            "",
            Refused("is not a regular file"),
            links(
                |path| mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).expect("the folder is ours"),
                "is not a regular file",
            ),
        ),
        guests("unknown import", "strange:host/backdoor@1.0.0", "strangeimport"),
        guests("panic in list-tools", "listing its tools failed", "listtraps"),
        guests("exit in list-tools", "exit status 1", "listexits"),
        guests("hidden character in a description", "hidden character U+", "bidi"),
        guests("tool name with a path in it", "tool name", "badname"),
        guests("schema of another server", "leads out of the schema", "badschema_ref"),
        guests("schema that is not JSON", "not JSON", "badschema_json"),
        guests("schema of an older draft", "2020-12", "badschema_draft"),
        guests("schema of an array", "object", "badschema_root"),
        made("trap at the start", "listing its tools failed", || ByHand {
            fields: "(func $first unreachable) (start $first)",
            ..ByHand::default()
        }),
        made("recursion at the start", "call stack is exhausted", || ByHand {
            fields: "(func $first (call $first) (call $first)) (start $first)",
            ..ByHand::default()
        }),
        made("20 memories", "memories count of 20", || ByHand {
            fields: "(memory 1)".repeat(19).leak(),
            ..ByHand::default()
        }),
        made("100 tables", "tables count of 100", || ByHand {
            fields: "(table 1 funcref)".repeat(100).leak(),
            ..ByHand::default()
        }),
        instances("modules with 7 memories", "contains 7 Wasm linear memories", "(module (memory 1))", 6),
        instances("modules with 70 tables", "contains 70 tables", "(module (table 1 funcref))", 70),
        instances("memories of 270 MiB together", "ran out of memory", "(module (memory 1440))", 3),
        instances("tables of 480,000 together", "component not valid", "(module (table 80000 funcref))", 6),
        instances("300 instances", "component not valid", "(module)", 300),
        made("memory of 4 GiB at the start", "ran out of memory", || ByHand { pages: 65_536, ..ByHand::default() }),
        made("table of 10 million", "component not valid", || ByHand {
            fields: "(table 10000000 funcref)",
            ..ByHand::default()
        }),
        case("compile bomb", "", Refused("60 s of processor time"), Box::new(bomb)),
        case("replaced 100 times while it is called", "", Answers("done"), Box::new(replaced)),
    ]
}

/// Loops in loops, which take the compiler minutes.
fn bomb(scene: &Scene) -> Result<Seen, String> {
    const DEPTH: usize = 2_000;
    let locals = "(local i32)".repeat(100);
    let step = |at: usize| {
        format!("local.get {} br_if 0 local.get {} local.set {}\nend\n", at % 100, at * 5 % 100, (at + 1) % 100)
    };
    let fields = format!("(func {locals} {}{})", "loop\n".repeat(DEPTH), (0..DEPTH).map(step).collect::<String>());
    let bytes = ByHand { fields: &fields, ..ByHand::default() }.component(PLUGIN);
    let (plugin, from) = (newcomer(), scene.session.log_length());
    review_unseen(&scene.folder, &plugin, &bytes);
    scene.folder.add_component(&plugin, "", &bytes);
    // A minute is the compiler's; its last second is enough to see it end.
    let compiler = process::child(scene.session.process(), PATIENCE).ok_or("nothing was compiled")?;
    let limits = fs::read_to_string(format!("/proc/{compiler}/limits")).map_err(|error| error.to_string())?;
    let has = |name: &str, limit: &str| limits.lines().any(|line| line.starts_with(name) && line.contains(limit));
    if !has("Max cpu time", " 60 ") || !has("Max address space", " 2147483648 ") {
        return Err(format!("the compiler has other limits: {limits}"));
    }
    let pid = i32::try_from(compiler).ok().and_then(Pid::from_raw);
    prlimit(pid, Resource::Cpu, Rlimit { current: Some(1), maximum: Some(1) }).map_err(|error| error.to_string())?;
    let seen = refusal(scene, &plugin, from, "60 s of processor time");
    forget(scene, &plugin);
    seen
}

/// Two builds of one plugin, now one and now the other, sometimes half of it.
fn replaced(scene: &Scene) -> Result<Seen, String> {
    let builds = ["", "(global i32 (i32.const 7))"].map(|fields| ByHand { fields, ..ByHand::default() });
    add_by_hand(&scene.folder, PLUGIN, &builds[0], "");
    scene.folder.lock_one(PLUGIN);
    scene.session.wait_for_tool(PLUGIN, true)?;
    let builds = builds.map(|parts| parts.component(PLUGIN));
    let mut calls = Vec::new();
    for number in 0..100 {
        let build = &builds[number % 2];
        if number % 10 == 5 {
            scene.folder.write_component(PLUGIN, &build[..build.len() / 2]);
        } else {
            scene.folder.build(PLUGIN, build);
        }
        for _ in 0..3 {
            calls.push(scene.session.begin_call(PLUGIN, &json!({})).wait()?);
        }
    }
    forget(scene, PLUGIN);
    scene.session.wait_for_tool(PLUGIN, false)?;
    Ok(Seen::Calls(calls, deadline(PLUGIN)))
}
