//! The server under attack: a folder of plugins, this program as `toolcell serve`, and a pipe.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use toolcell::{
    plugin::{acceptance::State, files::PluginFolder, inspect, lock::LockFile},
    policy::Entry,
    sandbox::{Sandbox, Settings},
};

use crate::attack::{self, Upstream};

pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start(upstream: &Upstream) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let plugins = folder.path().join("plugins");
        fs::create_dir(&plugins)?;
        add_plugins(&plugins, upstream)?;
        lock(&plugins)?;
        let program = env::current_exe()?;
        let toolcell = |command: &str| {
            let mut toolcell = Command::new(&program);
            // What it logs goes nowhere, and what it keeps goes away with the folder.
            toolcell
                .current_dir(folder.path())
                .args([command, "--locked"])
                .env("XDG_STATE_HOME", folder.path().join(".state"))
                .env("XDG_CACHE_HOME", folder.path().join(".cache"))
                .env("TOOLCELL_LOG", "off");
            toolcell
        };
        // Compiles them, which a server does while it serves: on a slow machine the first calls would come too early.
        ensure!(toolcell("list").stdout(Stdio::null()).status()?.success(), "the plugins cannot be loaded");
        let mut child = toolcell("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server does not start")?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            anyhow::bail!("the server has no pipes")
        };
        let mut server = Self { child, input, output: BufReader::new(output), next: 1, _folder: folder };
        let client = json!({"name": "worst", "version": "1"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        server.request("initialize", &hello)?;
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(server)
    }

    /// The result of a call.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        self.request("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Closes the pipe; the server ends with it.
    pub(crate) fn close(self) -> Result<()> {
        let Self { mut child, input, .. } = self;
        drop(input);
        let status = child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value> {
        let id = self.next;
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "the server closed its pipe");
            let mut message: Value = serde_json::from_str(&line).context("the server does not speak JSON-RPC")?;
            if message["id"] == id {
                ensure!(message["error"].is_null(), "{method}: {}", message["error"]);
                return Ok(message["result"].take());
            }
        }
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        Ok(writeln!(self.input, "{message}")?)
    }
}

fn add_plugins(folder: &Path, upstream: &Upstream) -> Result<()> {
    for (guest, manifest) in attack::guests(upstream) {
        let (_, file) = toolcell_test_guests::ALL.iter().find(|(name, _)| *name == guest).context("no such guest")?;
        let plugin = folder.join(guest);
        fs::create_dir(&plugin)?;
        fs::copy(file, plugin.join("guest.wasm"))?;
        fs::write(plugin.join("plugin.toml"), format!("component = \"guest.wasm\"\n{manifest}\n"))?;
    }
    Ok(())
}

/// Grants every plugin what it asks for, as a person would with `toolcell allow`.
fn lock(path: &Path) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let sandbox = Arc::new(Sandbox::new(Settings { slots: 16, ..Settings::default() })?);
    let folder = PluginFolder::open(path)?;
    let state = State::at(&path.join(".state/toolcell"))?;
    let mut entries = BTreeMap::new();
    for found in folder.list()?.found {
        let seen =
            runtime.block_on(inspect(&sandbox, &folder, &found, &state)).map_err(|why| anyhow::anyhow!("{why}"))?;
        let granted = seen.asked.granted_by_default();
        entries.insert(found.name, Entry::new(&seen.asked, granted, seen.loaded.tools, seen.loaded.component));
    }
    LockFile::write(&folder.lock_path(), &entries)?;
    Ok(())
}
