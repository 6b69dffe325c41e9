//! Leaves traces in every place that a guest can write to, and tells which traces it found.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};
use std::{env, fs};
use toolcell_test_programs::{Answer, Value, json, plugin, structured, tool};

static CALLS: AtomicU64 = AtomicU64::new(0);
static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ZEROED: [AtomicU64; 8192] = [const { AtomicU64::new(0) }; 8192];

const VARIABLE: &str = "TOOLCELL_TEST_TRACE";
const FILES: [&str; 3] = ["trace", "/trace", "/tmp/trace"];

plugin!(tool("counter", "Tells what an earlier call left behind, then leaves `mark` everywhere."), counter);

fn counter(arguments: &Value) -> Answer {
    let mark = arguments["mark"].as_str().unwrap_or("mark");
    let mut buffer = BUFFER.lock().expect("no call panics while it holds the lock");
    let found = json!({
        "calls": CALLS.fetch_add(1, Ordering::Relaxed),
        "buffer": String::from_utf8_lossy(&buffer),
        "memory": ZEROED.iter().filter(|word| word.swap(u64::MAX, Ordering::Relaxed) != 0).count(),
        "variable": env::var(VARIABLE).ok(),
        "files": FILES.iter().filter(|path| fs::exists(path).unwrap_or(false)).collect::<Vec<_>>(),
    });

    buffer.extend_from_slice(mark.as_bytes());
    #[allow(unsafe_code, reason = "leaving a variable behind is what the program is for")]
    // SAFETY: a guest has one thread.
    unsafe {
        env::set_var(VARIABLE, mark);
    }
    let written: Vec<&str> = FILES.into_iter().filter(|path| fs::write(path, mark).is_ok()).collect();

    structured(json!({ "found": found, "files_written": written }))
}
