//! Folders of plugins, each plugin granted what it asks for.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf, process::Command, sync::Arc};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use toolcell::{
    host::Host,
    plugin::{Environment, Registry, Sources, acceptance::State, files::PluginFolder, inspect, lock::LockFile},
    policy::{Entry, Policy},
    sandbox::{Sandbox, Settings},
};

/// A folder of plugins with private state of its own.
pub(crate) struct Folder {
    root: TempDir,
}

impl Folder {
    /// A folder of these plugins: name, component, and what its manifest says besides.
    pub(crate) fn new<'a>(plugins: impl IntoIterator<Item = (&'a str, &'a Path, &'a str)>) -> Self {
        let folder = Self { root: tempfile::tempdir().expect("a folder can be made") };
        for (name, component, manifest) in plugins {
            let plugin = folder.plugins().join(name);
            fs::create_dir_all(&plugin).expect("the folder is ours");
            fs::copy(component, plugin.join("guest.wasm")).expect("the component is there");
            let manifest = format!("component = \"guest.wasm\"\n{manifest}");
            fs::write(plugin.join("plugin.toml"), manifest).expect("the folder is ours");
        }
        folder.lock();
        folder
    }

    pub(crate) fn plugins(&self) -> PathBuf {
        self.root.path().join("plugins")
    }

    /// A host of this folder.
    pub(crate) fn host(&self, runtime: &Runtime, sandbox: &Arc<Sandbox>) -> Host {
        let registry = runtime.block_on(Registry::open(self.sources(), Arc::clone(sandbox)));
        Host::new(registry.expect("the folder can be read"), Arc::clone(sandbox))
    }

    pub(crate) fn sources(&self) -> Sources {
        Sources {
            folder: self.plugins(),
            policy: Policy::default(),
            state: self.state(),
            environment: Environment::default(),
            locked: true,
        }
    }

    pub(crate) fn state(&self) -> State {
        State::at(&self.root.path().join("state/toolcell")).expect("the folder is ours")
    }

    /// `PROGRAM serve --locked` of this folder.
    pub(crate) fn serve(&self, program: &Path) -> Command {
        self.toolcell(program, "serve")
    }

    /// A command of `PROGRAM` for this folder, with state and cache of its own.
    pub(crate) fn toolcell(&self, program: &Path, command: &str) -> Command {
        let mut toolcell = Command::new(program);
        toolcell
            .env("XDG_STATE_HOME", self.root.path().join("state"))
            .env("XDG_CACHE_HOME", self.root.path().join("cache"))
            .env("TOOLCELL_LOG", "error")
            // Where the plugins are unless somebody says otherwise.
            .current_dir(self.root.path())
            .args([command, "--locked"]);
        toolcell
    }

    fn lock(&self) {
        let runtime = Runtime::new().expect("a runtime starts");
        let sandbox = Arc::new(Sandbox::new(Settings { slots: 4, ..Settings::default() }).expect("a sandbox starts"));
        let folder = PluginFolder::open(&self.plugins()).expect("the folder is there");
        let mut entries = BTreeMap::new();
        for found in folder.list().expect("the folder can be listed").found {
            let seen = runtime.block_on(inspect(&sandbox, &folder, &found, &self.state())).expect("the plugin loads");
            let granted = seen.asked.granted_by_default();
            entries.insert(found.name, Entry::new(&seen.asked, granted, seen.loaded.tools, seen.loaded.component));
        }
        LockFile::write(&folder.lock_path(), &entries).expect("the folder is ours");
    }
}
