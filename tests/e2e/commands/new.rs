//! `new`: from nothing to a tool that was called.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use insta::assert_snapshot;

use super::{root, run, terminal::Terminal};
use crate::{folder::Folder, languages};

fn sdk() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
    folder.canonicalize().expect("the SDK is in this repository")
}

/// A folder that looks like a checkout of Toolcell: a workspace, and the SDK beside the plugins.
pub fn checkout() -> Folder {
    let folder = Folder::new(&[]);
    fs::remove_dir(folder.plugins()).expect("it is empty");
    fs::write(root(&folder).join("Cargo.toml"), "[workspace]\nmembers = []\nresolver = \"3\"\n").expect("it is ours");
    symlink(sdk(), root(&folder).join("guest-sdk")).expect("it is ours");
    folder
}

/// What cargo needs to build in this test as in no other: everything was downloaded for the workspace, and the target
/// folder stays from run to run.
pub fn for_cargo(command: &mut Command) -> &mut Command {
    command
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-plugin"))
}

/// Tests that build one after the other: cargo lets only one at a time into the target folder, and a client does not wait long.
pub fn one_builds() -> MutexGuard<'static, ()> {
    static BUILDING: Mutex<()> = Mutex::new(());
    BUILDING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_new_plugin_is_tested_built_reviewed_and_called() {
    let _one = one_builds();
    let folder = checkout();
    assert_snapshot!("new", run(&folder, &["new", "first-one"]).shown());
    let plugin = folder.plugins().join("first-one");

    // The commands that it prints, and the one of its README.
    let cargo = env::var_os("CARGO").expect("cargo runs the tests");
    let tested = for_cargo(Command::new(cargo).args(["test", "--quiet"]).current_dir(&plugin)).output();
    let tested = tested.expect("cargo runs");
    let (said, told) = (String::from_utf8_lossy(&tested.stdout), String::from_utf8_lossy(&tested.stderr));
    assert!(tested.status.success() && said.contains("3 passed"), "{said}{told}");

    let built = for_cargo(folder.toolcell().args(["build", "first-one"])).output().expect("it runs");
    let (said, told) = (String::from_utf8_lossy(&built.stdout), String::from_utf8_lossy(&built.stderr));
    assert!(built.status.success(), "{told}");
    assert!(said.starts_with("built first-one: first-one (") && said.contains("toolcell allow first-one"), "{said}");

    let mut terminal = Terminal::start(folder.toolcell().args(["allow", "first-one"]));
    terminal.wait_for("Type yes to agree: ");
    terminal.type_line("yes");
    let (screen, code) = terminal.end();
    assert!(code == Some(0) && screen.contains("written to plugins/toolcell.lock"), "{screen}");

    languages::holds(&folder);
    assert_eq!(run(&folder, &["call", "first-one", r#"{"name": " "}"#]).code, Some(1));
}

#[test]
fn the_sdk_is_found_around_the_plugins_or_has_to_be_named() {
    let nowhere = Folder::new(&[]);
    fs::remove_dir(nowhere.plugins()).expect("it is empty");
    let refused = run(&nowhere, &["new", "x"]);
    assert_eq!(refused.code, Some(1));
    // The program that runs here was built in this checkout.
    let example = format!("--sdk {}", sdk().display());
    assert!(refused.stderr.contains("plugins is in no Toolcell checkout"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&example), "{} lacks {example}", refused.stderr);
    assert!(!nowhere.plugins().exists());
    assert_snapshot!("new_wrong_sdk", run(&nowhere, &["new", "x", "--sdk", "/"]).shown());

    let manifest = |folder: &Folder| fs::read_to_string(folder.plugins().join("x/Cargo.toml")).expect("it was made");
    let sdk = sdk().display().to_string();
    assert_eq!(run(&nowhere, &["new", "x", "--sdk", &sdk]).code, Some(0));
    assert!(manifest(&nowhere).contains(&format!("toolcell-sdk = {{ path = \"{sdk}\" }}")));

    let checkout = checkout();
    assert_eq!(run(&checkout, &["new", "x"]).code, Some(0));
    let dependency = manifest(&checkout).lines().find(|line| line.starts_with("toolcell-sdk")).map(str::to_owned);
    let dependency = dependency.expect("it depends on the SDK");
    assert!(dependency.starts_with("toolcell-sdk = { path = \"../../"), "{dependency}");
    // Nothing is left of the template's own words.
    for file in ["Cargo.toml", "plugin.toml", "src/lib.rs", "examples/ada.json", "README.md", ".gitignore"] {
        let text = fs::read_to_string(checkout.plugins().join("x").join(file)).expect("it was made");
        assert!(!text.contains("{{"), "{file}: {text}");
    }
}

#[test]
fn what_is_there_already_is_not_touched() {
    let folder = checkout();
    fs::create_dir_all(folder.plugins().join("x")).expect("the folder is ours");
    fs::write(folder.plugins().join("y.wasm"), "").expect("the folder is ours");
    assert_snapshot!("new_exists", run(&folder, &["new", "x"]).shown());
    assert_snapshot!("new_bare_exists", run(&folder, &["new", "y"]).shown());
    assert_eq!(fs::read_dir(folder.plugins().join("x")).expect("it is there").count(), 0);
}

#[test]
fn bad_names_are_refused() {
    let folder = checkout();
    assert_snapshot!("new_bad_name", run(&folder, &["new", "My_Tool"]).shown());
    assert_snapshot!("new_digit", run(&folder, &["new", "2fa"]).shown());
    assert!(!folder.plugins().exists());
}
