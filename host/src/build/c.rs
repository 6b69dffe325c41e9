//! C, and what links against it, by the project's Makefile: it gets bindings and a compiler, and makes a WebAssembly module, which
//! becomes a component here.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use wit_bindgen_c::Opts;

use super::{
    BuildError, Project, pip,
    step::Step,
    tools,
    wit::{GENERATED, World},
};
use crate::{plugin::Language, text::shell_word};

/// The version of `ziglang`, which pip installs where there is no clang for WASI.
const ZIG: &str = "0.17.1";
const MAKE: &str = "Install make (apt-get install make, or Xcode's command line tools), then try again.";
const COMPILER: &str = "Install clang with a C library for WASI (apt-get install clang lld wasi-libc libclang-rt-dev-wasm32, or \
                        wasi-sdk with WASI_SDK_PATH), or Python with pip or venv (apt-get install python3-pip), by which zig comes; \
                        then try again.";
const CHECK_FIRST: &str = "Check the lines of the source or of the Makefile that it names.";

pub(super) fn build(project: &Project, notify: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
    let world = World::of(&project.folder)?;
    world.write(&world.bindings(Opts::default().build())?)?;
    let module = format!("{GENERATED}/module.wasm");
    let compiler = compiler(notify)?;
    let variables = compiler.into_iter().map(|(name, program)| format!("{name}={program}"));
    let make = Step::new("make", Language::C, MAKE, CHECK_FIRST);
    make.args(variables).args([&module]).run(&project.folder, notify)?;
    world.component(&project.folder.join(module))
}

/// Variables for make, and what is run for them.
type Variables = Vec<(&'static str, String)>;

/// The compilers for WebAssembly: clang where it finds a C library for WASI, else zig, which has its own.
fn compiler(notify: &mut dyn FnMut(&str)) -> Result<Variables, BuildError> {
    let sdk = env::var_os("WASI_SDK_PATH").map(|sdk| PathBuf::from(sdk).join("bin"));
    // A name alone is looked for on PATH.
    for folder in sdk.into_iter().chain([PathBuf::new()]) {
        if links(&folder.join("clang")) {
            // The stack comes first, so that what overflows it traps.
            let called = |name| format!("{} --target=wasm32-wasi -Wl,--stack-first", word(&folder.join(name)));
            return Ok(vec![("WASM_CC", called("clang")), ("WASM_CXX", called("clang++"))]);
        }
    }
    let folder = tools::tool("ziglang", ZIG, |folder| {
        notify("installing zig, for the lack of a clang that builds for WASI");
        pip::install(folder, &format!("ziglang=={ZIG}"), Language::C, COMPILER, notify)
    })?;
    let zig = word(&folder.join("site/ziglang/zig"));
    let called = |name| format!("{zig} {name} -target wasm32-wasi");
    Ok(vec![("WASM_CC", called("cc")), ("WASM_CXX", called("c++")), ("ZIG", zig.clone())])
}

/// Whether it makes a module of a program that uses the C library.
fn links(clang: &Path) -> bool {
    let Ok(folder) = tempfile::tempdir() else { return false };
    let source = folder.path().join("probe.c");
    let mut probe = Command::new(clang);
    probe
        .args(["--target=wasm32-wasi", "-mexec-model=reactor", "-o"])
        .arg(folder.path().join("probe.wasm"))
        .arg(&source);
    fs::write(&source, "#include <stdlib.h>\nvoid *probe(void) { return malloc(1); }\n").is_ok()
        && probe.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

fn word(program: &Path) -> String {
    shell_word(&program.to_string_lossy()).replace('$', "$$")
}
