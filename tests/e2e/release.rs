//! What the archive of a release is made from: `host/examples/release`, without the building.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::read::GzDecoder;
use serde_json::Value;

#[path = "../../host/examples/release/archive.rs"]
mod archive;
#[path = "../../host/examples/release/dependencies.rs"]
mod dependencies;

use archive::Entry;
use dependencies::Dependencies;

#[test]
fn an_archive_depends_on_nothing_but_its_files() {
    let entry = |name, bytes: &str| Entry { name, mode: 0o755, bytes: bytes.as_bytes().to_vec() };
    let one = archive::make("folder", vec![entry("a", "x"), entry("b", "y")], 7).expect("memory does not fail");
    let other = archive::make("folder", vec![entry("b", "y"), entry("a", "x")], 7).expect("memory does not fail");
    assert_eq!(one, other);

    let mut unpacked = tar::Archive::new(GzDecoder::new(one.as_slice()));
    let mut files = Vec::new();
    for file in unpacked.entries().expect("it is an archive") {
        let mut file = file.expect("it is whole");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("it is whole");
        let path = file.path().expect("it has a path").into_owned();
        let header = file.header();
        assert_eq!((header.mtime().ok(), header.uid().ok(), header.mode().ok()), (Some(7), Some(0), Some(0o755)));
        files.push((path, text));
    }
    assert_eq!(
        files,
        [("folder/a", "x"), ("folder/b", "y")].map(|(path, text)| (PathBuf::from(path), text.to_owned()))
    );
}

#[test]
fn every_crate_is_listed_with_its_licence_and_checksum() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    // As the release does: of what other systems need, nothing was downloaded.
    cargo.args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform"]);
    let output = cargo.arg("x86_64-unknown-linux-gnu").current_dir(&root).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("it is there");
    let dependencies = Dependencies::read(&metadata, &lock).expect("it is as cargo writes it");

    let list = dependencies.cyclonedx();
    let components = list["components"].as_array().expect("a list");
    let named = |name: &str| components.iter().find(|component| component["name"] == name);
    for component in components {
        let is_ours = component["name"].as_str().is_some_and(|name| name.starts_with("toolcell"));
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
        assert!(
            is_ours || component["hashes"][0]["content"].as_str().is_some_and(|hash| hash.len() == 64),
            "{component}"
        );
    }
    let wasmtime = named("wasmtime").expect("the program is built with it");
    assert_eq!(wasmtime["purl"], format!("pkg:cargo/wasmtime@{}", wasmtime["version"].as_str().expect("a version")));
    assert!(named("criterion").is_none(), "only benchmarks need it");
    assert!(named("toolcell").is_none(), "it is what the list is about");

    let licences = dependencies.licences().expect("the sources are there");
    assert!(
        licences.contains("Permission is hereby granted") && licences.contains("--- LICENSE"),
        "{}",
        licences.len()
    );
}
