//! Finds the Go package that the bindings of `wit-bindgen-go` import. Its crate has the source with it, and the program takes that
//! along, so that a plugin in Go needs no download but those of its own.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The package's files that bindings need, and its licence.
const FILES: [&str; 11] = [
    "LICENSE",
    "wit/async/async.go",
    "wit/async/empty.s",
    "wit/runtime/empty.s",
    "wit/runtime/runtime.go",
    "wit/types/future.go",
    "wit/types/option.go",
    "wit/types/result.go",
    "wit/types/stream.go",
    "wit/types/tuple.go",
    "wit/types/unit.go",
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let package = crate_folder("wit-bindgen-go", &here)?.join("src/pkg");
    let mut source = String::new();
    for file in FILES {
        let path = package.join(file);
        if !path.is_file() {
            return Err(format!(
                "{} is missing: wit-bindgen-go no longer has what its bindings import",
                path.display()
            )
            .into());
        }
        let path = path.to_str().ok_or("cargo keeps its sources in a folder with a name in UTF-8")?;
        writeln!(source, "({file:?}, include_str!({path:?})),")?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("go_package.rs"), format!("[\n{source}]\n"))?;
    rerun_if_changed(Path::new("build.rs"));
    rerun_if_changed(&package);
    Ok(())
}

fn rerun_if_changed(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// Where cargo keeps the source of a crate that the one in `folder` depends on.
fn crate_folder(name: &str, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut cargo = Command::new(env::var_os("CARGO").ok_or("cargo runs this")?);
    cargo.args(["metadata", "--format-version=1", "--filter-platform", &env::var("TARGET")?]).current_dir(folder);
    let output = cargo.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.find(|package| package["name"] == name).ok_or("it is a dependency")?;
    let manifest = Path::new(package["manifest_path"].as_str().ok_or("cargo names its manifest")?);
    Ok(manifest.parent().ok_or("a manifest is in a folder")?.to_owned())
}
