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
    // The bindings' package allocates by a function of Go's runtime before that runs, for which the linker has to be asked.
    let for_linker = if project.line_tables { "-ldflags=-checklinkname=0" } else { "-ldflags=-checklinkname=0 -s -w" };
    let step = Step::new(go, Language::Go, INSTALL, CHECK_FIRST).args(["build", "-buildmode=c-shared", for_linker]);
    step.args(["-o", &module, &main]).env("GOOS", "wasip1").env("GOARCH", "wasm").run(folder, notify)?;
    world.component(&folder.join(module))
}

/// The path by which the project's packages are imported.
fn module_path(go_mod: &Path) -> Result<String, BuildError> {
    let text = fs::read_to_string(go_mod).map_err(|error| BuildError::file(go_mod, error))?;
    let path =
        text.lines().find_map(|line| line.strip_prefix("module ")).and_then(|rest| rest.split_whitespace().next());
    path.map(|path| path.trim_matches('"').to_owned())
        .ok_or_else(|| BuildError::file(go_mod, "it has no line `module PATH`"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for new_enough in ["go1.25", "go1.27.3", "go1.100rc1", "go1.26-custom"] {
            assert!(is_new_enough(new_enough), "{new_enough}");
        }
        for too_old in ["go1.24.9", "go1.9", "devel", ""] {
            assert!(!is_new_enough(too_old), "{too_old}");
        }
    }

    #[test]
    fn the_path_of_a_module_is_read_or_missed() {
        let folder = tempfile::tempdir().expect("a folder");
        let go_mod = folder.path().join("go.mod");
        fs::write(&go_mod, "// ours\nmodule example.com/a // first\n\ngo 1.25\n").expect("it is ours");
        assert_eq!(module_path(&go_mod).expect("it has one"), "example.com/a");
        fs::write(&go_mod, "go 1.25\n").expect("it is ours");
        let error = module_path(&go_mod).expect_err("it has none").to_string();
        assert!(error.ends_with("go.mod: it has no line `module PATH`"), "{error}");
    }
}
