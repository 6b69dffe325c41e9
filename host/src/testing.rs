//! What a plugin's own tests need to call it in the real host, within their process: load, call, assert.
//!
//! ```no_run
//! use serde_json::json;
//! use toolcell::{replay::Replay, testing::Plugin};
//!
//! let plugin = Plugin::load("plugins/story");
//! let api = Replay::new().answer("GET", "https://api.example.com/stories/1", 200, json!({"title": "A"}));
//! let answer = plugin.call("story", json!({"id": 1}), api).expect("it answers");
//! assert_eq!(answer.structured, Some(json!({"title": "A"})));
//! ```
//!
//! Each call has an instance of its own, the limits and all that the manifest asks for, and reaches nothing but what the
//! [`Replay`] answers.

use std::{path::Path, sync::Arc};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    failure::Report,
    outcome::{Outcome, Output},
    plugin::files::{Found, Layout, PluginFolder, component_at},
    replay::Replay,
    sandbox::{Sandbox, Settings},
    smoke,
    trial::Trial,
};

/// Instances at once: tests of one process run side by side.
const SLOTS: u32 = 64;

/// A plugin, loaded for a test.
#[derive(Debug)]
pub struct Plugin {
    runtime: Runtime,
    folder: PluginFolder,
    found: Found,
    trial: Trial,
}

impl Plugin {
    /// Loads the plugin of this folder, built as its manifest says.
    ///
    /// # Panics
    ///
    /// When it is not built, or its manifest or component is not valid.
    #[must_use]
    pub fn load(folder: impl AsRef<Path>) -> Self {
        Self::open(folder.as_ref(), None)
    }

    /// Loads the plugin of this folder with a component from elsewhere, such as one that a build script made.
    ///
    /// # Panics
    ///
    /// When its manifest or component is not valid.
    #[must_use]
    pub fn with_component(folder: impl AsRef<Path>, component: impl AsRef<Path>) -> Self {
        Self::open(folder.as_ref(), Some(component.as_ref()))
    }

    fn open(path: &Path, component: Option<&Path>) -> Self {
        let stop = |error: &dyn std::fmt::Display| -> ! { panic!("{}: {error}", path.display()) };
        let whole = path.canonicalize().unwrap_or_else(|error| stop(&error));
        let name = whole.file_name().unwrap_or_default().to_string_lossy().parse().unwrap_or_else(|error| stop(&error));
        let found = Found { name, layout: Layout::Folder };
        let around = whole.parent().unwrap_or(&whole);
        let folder = PluginFolder::open(around).unwrap_or_else(|error| stop(&error));
        let settings = Settings { slots: SLOTS, ..Settings::default() };
        let sandbox = Arc::new(Sandbox::new(settings).unwrap_or_else(|error| stop(&error)));
        let runtime = Runtime::new().unwrap_or_else(|error| stop(&error));
        let trial = runtime.block_on(async {
            match component {
                Some(component) => {
                    let manifest = folder.manifest(&found).unwrap_or_else(|error| stop(&error));
                    let wasm = component_at(component).unwrap_or_else(|error| stop(&error));
                    Trial::of_component(&sandbox, &found, manifest, wasm).await
                }
                None => Trial::load(&sandbox, &folder, &found).await,
            }
        });
        let trial = trial.unwrap_or_else(|reason| stop(&reason));
        Self { runtime, folder, found, trial }
    }

    /// Calls a tool as a client does.
    ///
    /// # Errors
    ///
    /// What a model would read instead of an answer.
    ///
    /// # Panics
    ///
    /// When there is no such tool, when it sends a request that has no answer, and when an answer is left.
    pub fn call(&self, tool: &str, arguments: Value, replay: Replay) -> Result<Output, Box<Report>> {
        let Value::Object(arguments) = arguments else { panic!("the arguments of {tool} are no object") };
        let replay = Arc::new(replay);
        let called = self.runtime.block_on(self.trial.call(tool, arguments, &replay));
        let Outcome { result, receipt } = called.unwrap_or_else(|unknown| panic!("{unknown}"));
        if let Some(request) = replay.unexpected().first() {
            panic!("{tool} sent a request that has no answer: {request}");
        }
        if let Some(request) = replay.unused().first() {
            panic!("{tool} never sent a request that has an answer: {request}");
        }
        result.map_err(|failure| Box::new(failure.report(tool, &receipt)))
    }

    /// Runs every example of the plugin's folder.
    ///
    /// # Panics
    ///
    /// When one cannot be read or does not hold, or there is none.
    pub fn examples(&self) {
        let examples = self.folder.examples(&self.found);
        assert!(!examples.is_empty(), "{} has no examples", self.found.name);
        for example in examples {
            let example = example.unwrap_or_else(|error| panic!("{error}"));
            let run = self.runtime.block_on(smoke::offline(&self.trial, &example));
            if let Some(problem) = run.problem {
                panic!("the example {} does not hold: {problem}", example.name);
            }
        }
    }
}
