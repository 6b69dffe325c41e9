//! A `toolcell serve` of some guests, and a client of it that sends and reads plain JSON-RPC lines.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::Arc,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolcell::{
    plugin::{acceptance::State, files::PluginFolder, inspect, lock::LockFile},
    policy::Entry,
    sandbox::{Sandbox, Settings},
};

/// A folder of plugins with private state of its own.
pub struct Folder {
    root: TempDir,
}

impl Folder {
    /// A folder with these guests, each with the given manifest after its `component` line.
    pub fn new(guests: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a folder can be made");
        let folder = Self { root };
        for (name, manifest) in guests {
            folder.add(name, manifest);
        }
        folder
    }

    pub fn add(&self, name: &str, manifest: &str) {
        let (_, guest) =
            toolcell_test_guests::ALL.iter().find(|(guest, _)| guest == &name).expect("a guest of that name");
        let plugin = self.plugins().join(name);
        fs::create_dir_all(&plugin).expect("the folder is ours");
        fs::copy(guest, plugin.join("guest.wasm")).expect("the guest is there");
        fs::write(plugin.join("plugin.toml"), format!("component = \"guest.wasm\"\n{manifest}")).expect("it is ours");
    }

    pub fn plugins(&self) -> PathBuf {
        self.root.path().join("plugins")
    }

    /// Grants every plugin all that it asks for.
    pub fn lock(&self) -> &Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        let sandbox = Arc::new(Sandbox::new(Settings { slots: 16, ..Settings::default() }).expect("a sandbox starts"));
        let state = State::at(&self.root.path().join("locking")).expect("the folder is ours");
        let folder = PluginFolder::open(&self.plugins()).expect("the folder is there");
        let mut entries = BTreeMap::new();
        for found in folder.list().expect("the folder can be listed").found {
            let seen = runtime.block_on(inspect(&sandbox, &folder, &found, &state));
            let Ok(seen) = seen else { continue };
            let granted = seen.asked.granted_by_default();
            entries.insert(found.name, Entry::new(&seen.asked, granted, seen.loaded.tools, seen.loaded.component));
        }
        LockFile::write(&folder.lock_path(), &entries).expect("the folder is ours");
        self
    }

    /// The program, with state and cache in this folder.
    pub fn toolcell(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolcell"));
        command
            .env("XDG_STATE_HOME", self.root.path().join("state"))
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .current_dir(self.root.path());
        command
    }

    /// Serves the folder with `--locked` and opens a session of the older era.
    pub fn serve(&self) -> Client {
        self.serve_with(&["--locked"])
    }

    pub fn serve_with(&self, options: &[&str]) -> Client {
        let mut client = Client::start(self.toolcell().arg("serve").args(options));
        let hello =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        client.instructions = client.request("initialize", hello)["result"]["instructions"].to_string();
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        client
    }
}

/// A client that reads every line as JSON: one that is not fails the test.
pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
    pub instructions: String,
    /// What came that answered no request.
    pub notifications: Vec<Value>,
}

impl Client {
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("it starts");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        let output = BufReader::new(output);
        Self { child, input, output, next: 1, instructions: String::new(), notifications: Vec::new() }
    }

    pub fn send(&mut self, line: &str) {
        self.send_bytes(line.as_bytes());
    }

    pub fn send_bytes(&mut self, line: &[u8]) {
        let input = self.input.as_mut().expect("stdin is open");
        input
            .write_all(line)
            .and_then(|()| input.write_all(b"\n"))
            .and_then(|()| input.flush())
            .expect("the server reads");
    }

    pub fn read(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the server writes");
        assert!(!line.is_empty(), "the server closed its stdout");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Sends a request and returns its id.
    pub fn begin(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        id
    }

    /// Reads until the answer to this request.
    pub fn end(&mut self, id: u64) -> Value {
        loop {
            let message = self.read();
            if message["id"] == id {
                return message;
            }
            self.notifications.push(message);
        }
    }

    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.end(id)
    }

    pub fn begin_call(&mut self, tool: &str, arguments: Value) -> u64 {
        self.begin("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// The result of a call.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let id = self.begin_call(tool, arguments);
        self.end(id)["result"].take()
    }

    /// The text of a call that fails, without what differs from run to run.
    pub fn failure(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        assert!(result["structuredContent"].is_null(), "{result}");
        let text = result["content"][0]["text"].as_str().expect("a failure has a text").to_owned();
        assert!(text.chars().count() <= 800, "{text}");
        for leak in ["wasm backtrace", "0x", "/home/", env!("CARGO_MANIFEST_DIR")] {
            assert!(!text.contains(leak), "{text}");
        }
        let error = &result["_meta"]["toolcell/error"];
        let code = error["code"].as_str().expect("a failure has a code");
        let call = error["call"].as_str().expect("a failure has a call id");
        assert!(text.ends_with(&format!("({code}, call {call})")), "{text}");
        text.replace(call, "CALL")
    }

    pub fn ping(&mut self) {
        let answer = self.request("ping", json!({}));
        assert!(answer["result"].is_object(), "{answer}");
    }

    /// Closes stdin and waits for the server to end.
    pub fn close(mut self) -> ExitStatus {
        drop(self.input.take());
        self.child.wait().expect("the server is a child")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
