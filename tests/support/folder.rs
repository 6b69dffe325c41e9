//! A folder of plugins made of guests, and `toolcell` run on it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, LazyLock},
};

use serde_json::json;
use tempfile::{NamedTempFile, TempDir};
use tokio::runtime::Runtime;
use toolcell::{
    plugin::{
        acceptance::State,
        files::{Found, PluginFolder},
        inspect,
        lock::LockFile,
    },
    policy::{Digest, Entry, PluginName},
    sandbox::{CodeCache, Sandbox, Settings},
};

use crate::client::Client;

/// A folder with plugins in `plugins`.
pub struct Folder {
    root: TempDir,
}

impl Folder {
    /// A folder with these guests, each with the given manifest after its `component` line.
    pub fn new(guests: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a folder can be made");
        let folder = Self { root };
        fs::create_dir(folder.plugins()).expect("the folder is ours");
        for (name, manifest) in guests {
            folder.add(name, manifest);
        }
        folder
    }

    /// Adds the guest of this name, or writes its plugin again.
    pub fn add(&self, name: &str, manifest: &str) {
        self.add_as(name, name, manifest);
    }

    /// Adds a plugin of another name than its guest.
    pub fn add_as(&self, plugin: &str, guest: &str, manifest: &str) {
        self.add_component(plugin, manifest, &component(guest));
    }

    /// Adds a plugin with these bytes for its component.
    pub fn add_component(&self, plugin: &str, manifest: &str, bytes: &[u8]) {
        fs::create_dir_all(self.plugins().join(plugin)).expect("the folder is ours");
        self.write(&format!("plugins/{plugin}/plugin.toml"), &format!("component = \"guest.wasm\"\n{manifest}"));
        self.write_component(plugin, bytes);
    }

    /// Adds a plugin with a whole manifest of its own, which calls its component after the plugin; built here.
    pub fn add_built(&self, plugin: &str, manifest: &str, bytes: &[u8]) {
        let folder = self.plugins().join(plugin);
        fs::create_dir_all(&folder).expect("the folder is ours");
        self.write(&format!("plugins/{plugin}/plugin.toml"), manifest);
        let component = folder.join(plugin).with_extension("wasm");
        fs::write(&component, bytes).expect("the folder is ours");
        state().record_build(&component, &Digest::of(bytes)).expect("the state is ours");
    }

    /// Replaces a plugin's component as builds do: whole, at once.
    pub fn write_component(&self, plugin: &str, bytes: &[u8]) {
        let component = self.plugins().join(plugin).join("guest.wasm");
        let new = component.with_extension("new");
        fs::write(&new, bytes).and_then(|()| fs::rename(new, component)).expect("the folder is ours");
    }

    /// Replaces a plugin's component as `toolcell build` does: what this user built needs no new review.
    pub fn build(&self, plugin: &str, bytes: &[u8]) {
        self.record_build(plugin, bytes);
        self.write_component(plugin, bytes);
    }

    /// What `toolcell build` does before it replaces a plugin's component.
    pub fn record_build(&self, plugin: &str, bytes: &[u8]) {
        let component = self.plugins().join(plugin).join("guest.wasm");
        state().record_build(&component, &Digest::of(bytes)).expect("the state is ours");
    }

    pub fn remove(&self, plugin: &str) {
        fs::remove_dir_all(self.plugins().join(plugin)).expect("the folder is ours");
    }

    /// Writes a file beside or in the plugins: whole, at once, so that no server reads half of it.
    pub fn write(&self, path: &str, text: &str) {
        let mut whole = NamedTempFile::new_in(self.root.path()).expect("the folder is ours");
        whole.write_all(text.as_bytes()).expect("the folder is ours");
        whole.persist(self.root.path().join(path)).expect("the folder is ours");
    }

    pub fn plugins(&self) -> PathBuf {
        self.root.path().join("plugins")
    }

    /// Grants every plugin all that it asks for.
    pub fn lock(&self) -> &Self {
        self.edit_lock(|folder, entries| {
            *entries = folder
                .list()
                .expect("the folder can be listed")
                .found
                .iter()
                .filter_map(|found| review(folder, found))
                .collect();
        })
    }

    /// Grants one plugin all that it asks for.
    pub fn lock_one(&self, plugin: &str) -> &Self {
        self.edit_lock(|folder, entries| {
            let listing = folder.list().expect("the folder can be listed");
            let found =
                listing.found.iter().find(|found| found.name.as_str() == plugin).expect("a plugin of that name");
            entries.extend(review(folder, found));
        })
    }

    /// Writes the lock file again, with other entries.
    pub fn edit_lock(&self, edit: impl FnOnce(&PluginFolder, &mut Entries)) -> &Self {
        let folder = PluginFolder::open(&self.plugins()).expect("the folder is there");
        let mut entries =
            folder.lock().expect("the lock file can be read").map(|lock| lock.entries).unwrap_or_default();
        edit(&folder, &mut entries);
        LockFile::write(&folder.lock_path(), &entries).expect("the folder is ours");
        self
    }

    /// The program, run beside the plugins.
    pub fn toolcell(&self) -> Command {
        let mut command = toolcell();
        command.current_dir(self.root.path());
        command
    }

    /// Has everything compiled, which a server does while it serves: for clients that look once and find all of it.
    pub fn compile(&self) -> &Self {
        let listed = self.toolcell().args(["list", "--locked"]).output().expect("it runs");
        assert!(!listed.stdout.is_empty(), "{}", String::from_utf8_lossy(&listed.stderr));
        self
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

/// The entries of a lock file.
pub type Entries = BTreeMap<PluginName, Entry>;

/// The entry of a plugin that is granted all that it asks for; none of one that cannot be loaded.
fn review(folder: &PluginFolder, found: &Found) -> Option<(PluginName, Entry)> {
    let (runtime, sandbox) = &*SANDBOX;
    let seen = runtime.block_on(inspect(sandbox, folder, found, &state())).ok()?;
    let granted = seen.asked.granted_by_default();
    let entry = Entry::new(&seen.asked, granted, seen.loaded.tools, seen.loaded.component);
    Some((found.name.clone(), entry))
}

/// The bytes of a guest.
pub fn component(guest: &str) -> Vec<u8> {
    let (_, file) = toolcell_test_guests::ALL.iter().find(|(name, _)| *name == guest).expect("a guest of that name");
    fs::read(file).expect("the guest is there")
}

/// The program, run by the user of the tests.
pub fn toolcell() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolcell"));
    command.env("XDG_STATE_HOME", user().join("state")).env("XDG_CACHE_HOME", user().join("cache"));
    command
}

/// The folder of the user who runs the tests: one secret and one cache, so that each guest is compiled once.
pub fn user() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("user")
}

/// What this user decided and built before.
pub fn state() -> State {
    State::at(&user().join("state/toolcell")).expect("the folder is ours")
}

/// A sandbox in this process, which takes compiled guests from the user's cache.
pub fn sandbox(settings: Settings) -> Arc<Sandbox> {
    let secret = state().secret().expect("the state is ours");
    let cache = CodeCache::open(&user().join("cache/toolcell/code"), secret).expect("the folder is ours");
    Arc::new(Sandbox::new(Settings { code_cache: Some(cache), ..settings }).expect("a sandbox starts"))
}

/// What lock files are made with.
static SANDBOX: LazyLock<(Runtime, Arc<Sandbox>)> = LazyLock::new(|| {
    (Runtime::new().expect("a runtime starts"), sandbox(Settings { slots: 16, ..Settings::default() }))
});
