//! Python, with componentize-py: CPython and the plugin's modules in one component, its memory as it is once they are imported.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

use super::{BuildError, Project, pip, step::Step, tools};
use crate::plugin::Language;

/// The version that is installed, and that of the Python that it makes components of.
const COMPONENTIZE_PY: &str = "0.25.1";
const PYTHON: &str = "3.14";

/// The contract, from which componentize-py makes what the SDK imports.
const WIT: &str = include_str!("../../../wit/plugin.wit");

const INSTALL: &str = "Install Python 3.10 or newer: apt-get install python3 python3-pip, or brew install python.";
const NO_PACKAGES: &str =
    "Check that PyPI is within reach, and that `dependencies` in pyproject.toml names packages of pure Python.";
const NO_COMPONENT: &str =
    "Check the line that it names; a module that is not found has to be one of `dependencies` in pyproject.toml.";

/// What is read of a project's pyproject.toml.
#[derive(Debug, Default, Deserialize)]
struct PyProject {
    #[serde(default)]
    project: Metadata,
    #[serde(default)]
    tool: Tables,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    /// Requirements as pip takes them.
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Tables {
    #[serde(default)]
    toolcell: Settings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The folder of the SDK, from the project's; without it the SDK is among the dependencies.
    sdk: Option<PathBuf>,
}

pub(super) fn build(project: &Project, notify: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
    check_version()?;
    let folder = &project.folder;
    let manifest = folder.join("pyproject.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| BuildError::file(&manifest, error))?;
    let PyProject { project: Metadata { dependencies }, tool: Tables { toolcell } } =
        toml::from_str(&text).map_err(|error| BuildError::file(&manifest, error))?;
    let work = folder.join("build");
    fs::create_dir_all(work.join("wit")).map_err(|error| BuildError::file(&work, error))?;
    let wit = work.join("wit/plugin.wit");
    fs::write(&wit, WIT).map_err(|error| BuildError::file(&wit, error))?;

    let compiler = tools::tool("componentize-py", COMPONENTIZE_PY, |tool| {
        pip::install(tool, &format!("componentize-py=={COMPONENTIZE_PY}"), Language::Python, INSTALL, notify)
    })?;
    install(&dependencies, &work, notify)?;

    let site = compiler.join("site");
    let sdk = toolcell.sdk.iter().flat_map(|sdk| [Path::new("-p"), sdk]);
    notify("making a component of Python and its modules, which takes a while");
    Step::new("python3", Language::Python, INSTALL, NO_COMPONENT)
        .env("PYTHONPATH", &site)
        // The packages in its lib/site-packages are found, and none that only happen to be on this machine.
        .env("VIRTUAL_ENV", "build")
        // An exception of the plugin's has a traceback; that of the tool itself says nothing more.
        .env("RUST_BACKTRACE", "0")
        .args([site.join("bin/componentize-py")])
        .args(["-d", "build/wit", "-w", "plugin", "componentize", "-p", "."])
        .args(sdk)
        .args(["toolcell._component", "-o", "build/plugin.wasm"])
        .run(folder, notify)?;
    let component = work.join("plugin.wasm");
    fs::read(&component).map_err(|error| BuildError::file(&component, error))
}

fn check_version() -> Result<(), BuildError> {
    let mut python = Command::new("python3");
    let version = python.args(["-c", "import sys; print(*sys.version_info[:2])"]).output();
    let output = version.map_err(|error| BuildError::Missing {
        program: "python3".to_owned(),
        language: Language::Python,
        reason: error.to_string(),
        install: INSTALL,
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version: Vec<u32> = text.split_whitespace().filter_map(|part| part.parse().ok()).collect();
    if version.as_slice() < [3, 10].as_slice() {
        let found = text.trim().replace(' ', ".");
        return Err(BuildError::file(Path::new("python3"), format!("its version is {found}. {INSTALL}")));
    }
    Ok(())
}

/// Has pip put the plugin's packages into `lib/site-packages`, unless the same are there.
fn install(dependencies: &[String], work: &Path, notify: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let (packages, stamp) = (work.join("lib/site-packages"), work.join("lib/installed"));
    let asked = dependencies.join("\n");
    let unusable = |error| BuildError::file(&packages, error);
    if packages.is_dir() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == asked) {
        return Ok(());
    }
    match fs::remove_dir_all(&packages) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
        _ => fs::create_dir_all(&packages).map_err(unusable)?,
    }
    if !dependencies.is_empty() {
        pip::step(Language::Python, INSTALL, NO_PACKAGES, notify)?
            // What compiled wheels hold is for this machine, and not for the Python in the component.
            .args(["--only-binary", ":all:", "--platform", "any", "--implementation", "py"])
            .args(["--python-version", PYTHON, "--target", "lib/site-packages"])
            .args(dependencies)
            .run(work, notify)?;
    }
    fs::write(&stamp, asked).map_err(|error| BuildError::file(&stamp, error))
}
