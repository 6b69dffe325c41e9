//! Builds a crate that belongs to no workspace, as `toolcell build` does with somebody's plugin.

use std::{fs, path::Path};

use toolcell_toolchain::{BuildError, GuestBuild, Targets, Toolchain};

const SOURCE: &str = r#"
    #[unsafe(no_mangle)]
    pub extern "C" fn divide(by: i32) -> i32 {
        assert!(by != 0, "divided by zero");
        100 / by
    }
"#;

fn toolchain(folder: &Path) -> Toolchain {
    Toolchain::locate(folder, &mut |_| ()).expect("a toolchain with the target")
}

fn guest(folder: &Path, crate_type: &str, source: &str) -> GuestBuild {
    let manifest = format!(
        "[package]\nname = \"a-guest\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = \
         [\"{crate_type}\"]\n[profile.release]\nlto = true\n[workspace]\n"
    );
    fs::create_dir_all(folder.join("src")).expect("a folder");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/lib.rs"), source).expect("a source");
    let target_dir = Some(folder.join("target"));
    GuestBuild { manifest_path: folder.join("Cargo.toml"), target_dir, targets: Targets::Library, line_tables: true }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_component_has_lines_and_no_path_of_this_machine() {
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = temporary.path().join("with a space");
    let build = guest(&folder, "cdylib", SOURCE);

    let artifacts = toolchain(temporary.path()).build(&build).expect("it builds");

    let [artifact] = artifacts.as_slice() else { panic!("one component, not {artifacts:?}") };
    assert_eq!(artifact.name, "a_guest");
    assert!(artifact.component.starts_with(folder.join("target")), "{artifact:?}");
    let bytes = fs::read(&artifact.component).expect("a component");
    // Preamble of a component: magic, version 13, layer 1 (Component Model, Binary.md).
    assert!(bytes.starts_with(b"\0asm\x0d\0\x01\0"));
    assert!(contains(&bytes, ".debug_line"), "the host finds source lines in it");
    assert!(contains(&bytes, "src/lib.rs"), "a file is named from its package");
    assert!(!contains(&bytes, &temporary.path().display().to_string()), "no path of this machine is in it");

    let stripped = toolchain(temporary.path()).build(&GuestBuild { line_tables: false, ..build }).expect("it builds");
    let stripped = fs::read(&stripped[0].component).expect("a component");
    assert!(!contains(&stripped, ".debug_line") && contains(&stripped, "src/lib.rs"), "panics still name their file");
}

#[test]
fn a_crate_is_found_by_any_path_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let build = guest(folder.path(), "cdylib", SOURCE);
    let build = GuestBuild { manifest_path: folder.path().join("src/../Cargo.toml"), ..build };
    assert_eq!(toolchain(folder.path()).build(&build).expect("it builds").len(), 1);
}

#[test]
fn a_crate_that_does_not_compile_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let build = guest(folder.path(), "cdylib", "compile_error!(\"on purpose\");");
    let error = toolchain(folder.path()).build(&build).expect_err("it does not compile");
    assert!(matches!(error, BuildError::Failed { .. }), "{error}");
}

#[test]
fn a_library_for_other_crates_becomes_a_component_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let build = guest(folder.path(), "rlib", SOURCE);
    assert_eq!(toolchain(folder.path()).build(&build).expect("it builds").len(), 1);
}

#[test]
fn a_crate_without_component_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let build = GuestBuild { targets: Targets::Examples, ..guest(folder.path(), "cdylib", SOURCE) };
    let error = toolchain(folder.path()).build(&build).expect_err("it has no examples");
    assert!(matches!(error, BuildError::NoComponent { .. }), "{error}");
}

#[test]
fn a_manifest_that_cargo_cannot_read_is_named_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let build = guest(folder.path(), "cdylib", SOURCE);
    fs::write(&build.manifest_path, "[package]\nnam = 3\n").expect("a manifest");
    let error = toolchain(folder.path()).build(&build).expect_err("it is no manifest").to_string();
    assert!(error.contains("Cargo.toml: cargo cannot read this crate"), "{error}");
}
