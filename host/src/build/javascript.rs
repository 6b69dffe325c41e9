//! JavaScript and TypeScript, with the user's own Node.js: npm installs, esbuild bundles, and an engine becomes part of the
//! component. QuickJS is small and quick to start; StarlingMonkey has the APIs of the web, and is taken when asked for.
//!
//! javascript/ holds what is installed for each engine, at exact versions, and what programs expect and QuickJS lacks.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

use super::{BuildError, Project, step::Step, tools};
use crate::plugin::Language;

const NODE: &str = "Install Node.js 20 or newer with npm, such as from https://nodejs.org.";
/// The first major version whose module loader, test runner and `fetch` are as plugins expect.
const OLDEST_NODE: u32 = 20;

/// Where a build keeps what lies between source and component. Nobody commits `node_modules`.
const WORK: &str = "node_modules/.toolcell";

/// What is used of package.json.
#[derive(Deserialize)]
struct Package {
    /// The module that exports `tools`.
    main: Option<String>,
    #[serde(default)]
    toolcell: Settings,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    engine: Engine,
}

/// What runs the program within the component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Engine {
    #[default]
    QuickJs,
    StarlingMonkey,
}

type File = (&'static str, &'static str);

const WIT: [File; 6] = [
    ("wit/world.wit", include_str!("javascript/wit/world.wit")),
    ("wit/deps/cli.wit", include_str!("javascript/wit/cli.wit")),
    ("wit/deps/clocks.wit", include_str!("javascript/wit/clocks.wit")),
    ("wit/deps/io.wit", include_str!("javascript/wit/io.wit")),
    ("wit/deps/random.wit", include_str!("javascript/wit/random.wit")),
    ("wit/deps/plugin.wit", include_str!("../../../wit/plugin.wit")),
];

const BUNDLER: [File; 3] = [
    ("bundle.js", include_str!("javascript/bundle.js")),
    ("described.js", include_str!("javascript/described.js")),
    ("schemas.js", include_str!("javascript/schemas.js")),
];

const QUICKJS: [File; 9] = [
    ("package.json", include_str!("javascript/quickjs/package.json")),
    ("package-lock.json", include_str!("javascript/quickjs/package-lock.json")),
    ("prelude.js", include_str!("javascript/quickjs/prelude.js")),
    ("random.js", include_str!("javascript/quickjs/random.js")),
    ("timers.js", include_str!("javascript/quickjs/timers.js")),
    ("globals/clone.js", include_str!("javascript/quickjs/globals/clone.js")),
    ("globals/encoding.js", include_str!("javascript/quickjs/globals/encoding.js")),
    ("globals/fetch.js", include_str!("javascript/quickjs/globals/fetch.js")),
    ("globals/url.js", include_str!("javascript/quickjs/globals/url.js")),
];

const STARLINGMONKEY: [File; 2] = [
    ("package.json", include_str!("javascript/starlingmonkey/package.json")),
    ("package-lock.json", include_str!("javascript/starlingmonkey/package-lock.json")),
];

pub(super) fn build(project: &Project, notify: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
    let Project { language, folder, .. } = project;
    check_node(*language)?;
    let package = read_package(folder)?;
    let tools = package.toolcell.engine.install(*language, notify)?;
    install_dependencies(project, notify)?;
    let types = folder.join("node_modules/typescript/bin/tsc");
    if *language == Language::TypeScript && types.is_file() {
        let check_first = "Correct the types, or what tsconfig.json asks of them.";
        let step = Step::new("node", *language, NODE, check_first);
        step.args(["node_modules/typescript/bin/tsc", "--noEmit"]).run(folder, notify)?;
    }
    let main = package.main.as_deref().unwrap_or("index.js");
    package.toolcell.engine.componentize(project, main, &tools, notify)
}

impl Engine {
    /// The folder with its packages and all that a build reads beside the project.
    fn install(self, language: Language, notify: &mut dyn FnMut(&str)) -> Result<PathBuf, BuildError> {
        let own: &[File] = match self {
            Self::QuickJs => &QUICKJS,
            Self::StarlingMonkey => &STARLINGMONKEY,
        };
        let files: Vec<_> = own.iter().chain(&WIT).chain(&BUNDLER).collect();
        let mut version = blake3::Hasher::new();
        for (path, text) in &files {
            version.update(path.as_bytes()).update(text.as_bytes());
        }
        tools::tool(self.name(), &version.finalize().to_hex()[..12], |folder| {
            for (path, text) in files {
                write(&folder.join(path), text)?;
            }
            npm(language, &["ci", "--ignore-scripts"]).run(folder, notify)
        })
    }

    /// Bundles the module `main` with all that it imports, and makes a component of the bundle.
    fn componentize(
        self,
        project: &Project,
        main: &str,
        tools: &Path,
        notify: &mut dyn FnMut(&str),
    ) -> Result<Vec<u8>, BuildError> {
        let Project { language, folder, .. } = project;
        let bundle = format!("{WORK}/bundle.js");
        let check_first = "Correct what it names, or install a package that is missing: npm install NAME.";
        let bundler = Step::new("node", *language, NODE, check_first).args([tools.join("bundle.js")]);
        bundler.args([self.name(), main, &bundle]).run(folder, notify)?;

        let component = format!("{WORK}/component.wasm");
        let (program, options): (_, &[&str]) = match self {
            Self::QuickJs => ("componentize-qjs", &["--sync", "--opt-size", "--js"]),
            Self::StarlingMonkey => ("componentize-js", &[]),
        };
        let check_first = "What stands at the top of a module runs while the component is made: correct what it names, or move \
                           it into the tool's function.";
        Step::new(tools.join("node_modules/.bin").join(program), *language, NODE, check_first)
            .args(options)
            .args([&bundle, "-n", "plugin", "-o", &component, "--wit"])
            .args([tools.join("wit")])
            .run(folder, notify)?;
        let component = folder.join(component);
        fs::read(&component).map_err(|error| BuildError::file(&component, error))
    }

    fn name(self) -> &'static str {
        match self {
            Self::QuickJs => "quickjs",
            Self::StarlingMonkey => "starlingmonkey",
        }
    }
}

fn check_node(language: Language) -> Result<(), BuildError> {
    let missing = |reason: String| BuildError::Missing { program: "node".to_owned(), language, reason, install: NODE };
    let output = Command::new("node").arg("--version").output().map_err(|error| missing(error.to_string()))?;
    // Such as `v20.20.2`.
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.strip_prefix('v').and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    match major {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        Some(_) => Err(BuildError::Outdated { program: "node", language, version, install: NODE }),
        None => Err(missing(format!("it does not tell its version ({})", output.status))),
    }
}

fn read_package(folder: &Path) -> Result<Package, BuildError> {
    let path = folder.join("package.json");
    let text = fs::read(&path).map_err(|error| BuildError::file(&path, error))?;
    serde_json::from_slice(&text).map_err(|error| BuildError::file(&path, error))
}

/// What package.json asks for, where that was not installed since it or its lock file changed. npm keeps to the lock file as long
/// as that fits.
fn install_dependencies(project: &Project, notify: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let Project { language, folder, .. } = project;
    let changed = |file: &str| folder.join(file).metadata().and_then(|file| file.modified()).ok();
    // npm writes it last.
    let installed = changed("node_modules/.package-lock.json");
    let is_newer = |file: &str| changed(file) > installed;
    if installed.is_some() && !is_newer("package.json") && !is_newer("package-lock.json") {
        return Ok(());
    }
    npm(*language, &["install"]).run(folder, notify)
}

fn npm(language: Language, arguments: &[&str]) -> Step {
    let check_first = "Check that its registry can be reached, and the names and versions in package.json.";
    Step::new("npm", language, NODE, check_first).args(arguments).args(["--no-audit", "--no-fund"])
}

fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.map_err(|error| BuildError::file(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(text: &str) -> Result<(Option<String>, Engine), String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::write(folder.path().join("package.json"), text).expect("it is ours");
        let package = read_package(folder.path()).map_err(|error| error.to_string())?;
        Ok((package.main, package.toolcell.engine))
    }

    #[test]
    fn a_package_names_its_module_and_may_ask_for_an_engine() {
        assert_eq!(package(r#"{"name": "a", "main": "src/a.js"}"#), Ok((Some("src/a.js".to_owned()), Engine::QuickJs)));
        let asked = r#"{"toolcell": {"engine": "starlingmonkey"}}"#;
        assert_eq!(package(asked), Ok((None, Engine::StarlingMonkey)));
    }

    #[test]
    fn a_package_that_asks_for_something_else_is_refused_with_its_place() {
        for (text, says) in [
            (
                r#"{"toolcell": {"engine": "v8"}}"#,
                "package.json: unknown variant `v8`, expected `quickjs` or `starlingmonkey` at line 1 column 28",
            ),
            (
                r#"{"toolcell": {"engin": "quickjs"}}"#,
                "package.json: unknown field `engin`, expected `engine` at line 1 column 21",
            ),
            ("{", "package.json: EOF while parsing an object at line 1 column 1"),
        ] {
            let refused = package(text).expect_err(text);
            assert!(refused.ends_with(says), "{refused} does not end with {says}");
        }
    }
}
