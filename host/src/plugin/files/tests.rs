//! Each test makes a folder of its own.

use std::{fs, os::unix::fs::symlink};

use super::*;

const MANIFEST: &str = "component = \"x.wasm\"\n";

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PluginFolder) {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let plugins = outside.path().join("plugins");
    fs::create_dir(&plugins).expect("an empty folder takes one more");
    fs::write(outside.path().join("secret"), "component = \"secret\"").expect("a file outside");
    for (path, contents) in files {
        let path = plugins.join(path);
        fs::create_dir_all(path.parent().expect("it is inside the folder")).expect("folders");
        fs::write(path, contents).expect("a file");
    }
    let opened = PluginFolder::open(&plugins).expect("the folder exists");
    (outside, opened)
}

fn found(name: &str, layout: Layout) -> Found {
    Found { name: name.parse().expect("the test writes a name"), layout }
}

/// The error without the temporary folder's path.
fn shown(folder: &PluginFolder, error: &SourceError) -> String {
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn folders_with_a_manifest_and_wasm_files_are_plugins() {
    let (_outside, folder) = folder(&[
        ("b/plugin.toml", MANIFEST),
        ("a.wasm", ""),
        ("source-only/readme.md", ""),
        (".hidden/plugin.toml", MANIFEST),
        (".hidden.wasm", ""),
        ("toolcell.lock", ""),
        ("notes.txt", ""),
    ]);
    let listing = folder.list().expect("the folder is readable");
    assert_eq!(listing.found, [found("a", Layout::Bare), found("b", Layout::Folder)]);
    assert_eq!(listing.problems, []);
}

#[test]
fn bad_names_and_doubles_are_problems() {
    let (_outside, folder) = folder(&[("Bad/plugin.toml", MANIFEST), ("x/plugin.toml", MANIFEST), ("x.wasm", "")]);
    let listing = folder.list().expect("the folder is readable");
    assert_eq!(listing.found, []);
    let problems: Vec<_> = listing.problems.iter().map(|problem| shown(&folder, problem)).collect();
    assert_eq!(
        problems,
        [
            "Bad: \"Bad\" cannot name a plugin; expected 1 to 48 of a-z, 0-9 and `-`, not starting with `-`",
            "x.wasm: there are both a folder x and a file x.wasm; remove one",
        ]
    );
}

#[test]
fn manifest_and_component_are_read() {
    let (_outside, folder) = folder(&[("x/plugin.toml", MANIFEST), ("x/x.wasm", "bytes"), ("y.wasm", "others")]);
    for (plugin, bytes) in [(found("x", Layout::Folder), "bytes"), (found("y", Layout::Bare), "others")] {
        let manifest = folder.manifest(&plugin).expect("the manifest is good");
        assert_eq!(folder.component(&plugin, &manifest).expect("the component exists"), bytes.as_bytes());
        assert_eq!(fs::read(folder.component_path(&plugin, &manifest)).expect("the same file"), bytes.as_bytes());
    }
}

#[test]
fn a_missing_component_is_named() {
    let (_outside, folder) = folder(&[("x/plugin.toml", MANIFEST)]);
    let x = found("x", Layout::Folder);
    let manifest = folder.manifest(&x).expect("the manifest is good");
    let error = folder.component(&x, &manifest).expect_err("there is no component");
    assert_eq!(shown(&folder, &error), "x/x.wasm: does not exist; plugin.toml names it as the component");
    assert!(!folder.has_component(&x, &manifest) && folder.language(&x).is_none());
    fs::write(folder.path().join("x/Cargo.toml"), "").expect("the folder is ours");
    assert_eq!(folder.language(&x), Some(Language::Rust));
}

#[test]
fn links_that_lead_out_are_not_followed() {
    let (outside, folder) = folder(&[("x/plugin.toml", MANIFEST), ("other/x.wasm", "another plugin's")]);
    let secret = outside.path().join("secret");
    for target in [secret.as_path(), Path::new("../../secret"), Path::new("../other/x.wasm")] {
        let link = folder.path().join("x/x.wasm");
        symlink(target, &link).expect("a link");
        let x = found("x", Layout::Folder);
        let error = folder.component(&x, &folder.manifest(&x).expect("good")).expect_err("the link leads out");
        assert_eq!(
            shown(&folder, &error),
            "x/x.wasm: is a link that leads out of the plugin's folder; copy the file there instead"
        );
        fs::remove_file(link).expect("the link is ours");
    }
    symlink(outside.path(), folder.path().join("y")).expect("a link");
    let listing = folder.list().expect("the folder is readable");
    assert!(listing.found.contains(&found("y", Layout::Folder)), "it is listed so that its problem is reported");
    let error = folder.manifest(&found("y", Layout::Folder)).expect_err("the link leads out");
    assert_eq!(
        shown(&folder, &error),
        "y/plugin.toml: is a link that leads out of the plugin's folder; copy the file there instead"
    );
}

#[test]
fn only_regular_files_of_a_bounded_size_are_read() {
    let big = "#".repeat(65 << 10);
    let (_outside, folder) = folder(&[("big/plugin.toml", &big), ("fifo/x", ""), ("folder/plugin.toml/x", "")]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("fifo/plugin.toml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a named pipe");
    for (name, expected) in [
        ("big", "big/plugin.toml: exceeds 64KiB"),
        ("fifo", "fifo/plugin.toml: is not a regular file"),
        ("folder", "folder/plugin.toml: is not a regular file"),
    ] {
        let error = folder.manifest(&found(name, Layout::Folder)).expect_err(name);
        assert_eq!(shown(&folder, &error), expected);
    }
}

#[test]
fn text_has_to_be_utf_8() {
    let (_outside, folder) = folder(&[("x/plugin.toml", "")]);
    fs::write(folder.path().join("x/plugin.toml"), b"a\xff").expect("a file");
    let error = folder.manifest(&found("x", Layout::Folder)).expect_err("it is not UTF-8");
    assert_eq!(shown(&folder, &error), "x/plugin.toml: is not UTF-8 text: the byte at 1 is not part of a character");
}

#[test]
fn no_lock_file_is_not_a_broken_one() {
    let (_outside, folder) = folder(&[]);
    assert_eq!(folder.lock(), Ok(None));
    fs::write(folder.lock_path(), "version = 2").expect("a file");
    assert!(folder.lock().is_err());
    fs::remove_file(folder.lock_path()).expect("the file is ours");
    symlink("../secret", folder.lock_path()).expect("a link");
    assert!(folder.lock().is_err());
}
