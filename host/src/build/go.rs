//! Go, with the compiler that everybody has: it makes a WebAssembly module, which becomes a component here.

mod package;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use wit_bindgen_go::{Format, Opts};

use super::{
    BuildError, Project,
    step::Step,
    wit::{GENERATED, World},
};
use crate::plugin::Language;

/// The oldest that builds plugins, `1.OLDEST`: the bindings ask for it.
const OLDEST: u32 = 25;
const INSTALL: &str = "Install Go 1.25 or newer (https://go.dev/doc/install), then try again.";
const CHECK_FIRST: &str = "Check the lines of the source that it names; where packages could not be downloaded, the network and \
                           `go env GOPROXY`.";

pub(super) fn build(project: &Project, notify: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
    let folder = &project.folder;
    let world = World::of(folder)?;
    let own = module_path(&folder.join("go.mod"))?;
    let go = compiler(notify)?;
    let (module, main) = (format!("{GENERATED}/module.wasm"), format!("{own}/{GENERATED}"));
    let options = Opts { format: Format::False, pkg_name: Some(main.clone()), quiet: true, ..Opts::default() };
    world.write(&package::complete(&world.bindings(options.build())?, &own))?;
    let mut step = Step::new(go, Language::Go, INSTALL, CHECK_FIRST).args(["build", "-buildmode=c-shared"]);
    if !project.line_tables {
        step = step.args(["-ldflags=-s -w"]);
    }
    step.args(["-o", &module, &main]).env("GOOS", "wasip1").env("GOARCH", "wasm").run(folder, notify)?;
    world.component(&folder.join(module))
}

/// The path by which the project's packages are imported.
fn module_path(go_mod: &Path) -> Result<String, BuildError> {
    let text = fs::read_to_string(go_mod).map_err(|error| BuildError::file(go_mod, error))?;
    let path = text.lines().find_map(|line| line.strip_prefix("module ")).map(|path| path.trim().trim_matches('"'));
    path.map(ToOwned::to_owned).ok_or_else(|| BuildError::file(go_mod, "it has no line `module PATH`"))
}

/// The `go` on PATH, if it is new enough; else, on Debian, one of its packages in a folder of its own.
fn compiler(notify: &mut dyn FnMut(&str)) -> Result<PathBuf, BuildError> {
    let found = version(Path::new("go"));
    if found.as_ref().is_some_and(|version| is_new_enough(version)) {
        return Ok("go".into());
    }
    let reason = match found {
        Some(version) => format!("the one on PATH is {version}"),
        None => "there is none on PATH".to_owned(),
    };
    toolcell_toolchain::debian_go(notify).map_err(|debian| BuildError::Missing {
        program: "go".to_owned(),
        language: Language::Go,
        reason: format!("{reason}, and Debian's packages cannot stand in: {debian}"),
        install: INSTALL,
    })
}

/// For example `go1.27.3`.
fn version(go: &Path) -> Option<String> {
    let output = Command::new(go).args(["env", "GOVERSION"]).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches("go").split(|c: char| !c.is_ascii_digit());
    let (major, minor) = (numbers.next(), numbers.next().and_then(|minor| minor.parse::<u32>().ok()));
    major == Some("1") && minor.is_some_and(|minor| minor >= OLDEST)
}
