//! What the program is made of, by what cargo says of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Value, json};

/// A crate that the program is built with.
struct Package {
    name: String,
    version: String,
    /// The licence as an SPDX expression, where the crate has one.
    licence: Option<String>,
    /// The SHA-256 of what the registry has; none for crates of this repository.
    checksum: Option<String>,
    folder: PathBuf,
}

/// The crates that the program is built with, sorted by name and version.
pub(super) struct Dependencies {
    version: String,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Dependencies {
    /// Reads what `cargo metadata` prints and the text of Cargo.lock.
    pub(super) fn read(metadata: &Value, lock: &str) -> Result<Self, Box<dyn Error>> {
        let lock: Lock = toml::from_str(lock)?;
        let checksums: BTreeMap<_, _> =
            lock.package.into_iter().map(|locked| ((locked.name, locked.version), locked.checksum)).collect();
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned).ok_or("cargo metadata lacks a text");
        let all = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
        let program = all.iter().find(|package| package["name"] == "toolcell").ok_or("there is no toolcell")?;
        let reached = reached(metadata, program["id"].as_str().ok_or("toolcell has no id")?);
        let mut packages = Vec::new();
        for package in all.iter().filter(|package| package["id"].as_str().is_some_and(|id| reached.contains(id))) {
            if package["id"] == program["id"] {
                continue;
            }
            let (name, version) = (text(&package["name"])?, text(&package["version"])?);
            let manifest = PathBuf::from(text(&package["manifest_path"])?);
            packages.push(Package {
                checksum: checksums.get(&(name.clone(), version.clone())).cloned().flatten(),
                // Before SPDX had a word for it, crates wrote a slash for `OR`.
                licence: package["license"].as_str().map(|licence| licence.replace('/', " OR ")),
                folder: manifest.parent().ok_or("a manifest is in no folder")?.to_owned(),
                name,
                version,
            });
        }
        packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Ok(Self { version: text(&program["version"])?, packages })
    }

    /// The list as `CycloneDX` 1.6 has it (cyclonedx.org/docs/1.6/json), without the serial number and the time,
    /// which would differ each time.
    pub(super) fn cyclonedx(&self) -> Value {
        let components: Vec<_> = self.packages.iter().map(component).collect();
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": {
                "type": "application",
                "bom-ref": format!("pkg:cargo/toolcell@{}", self.version),
                "name": "toolcell",
                "version": self.version,
                "licenses": [{"expression": "Apache-2.0 OR MIT"}],
            }},
            "components": components,
        })
    }

    /// The licence of each crate, and the texts that come with it; some crates come without.
    pub(super) fn licences(&self) -> std::io::Result<String> {
        let mut text = String::from("What Toolcell is made of, and the licences of that.\n");
        for Package { name, version, licence, folder, .. } in &self.packages {
            let licence = licence.as_deref().unwrap_or("see below");
            text.push_str(&format!("\n{}\n{name} {version}: {licence}\n", "=".repeat(80)));
            for file in licence_files(folder)? {
                let shown = file.file_name().unwrap_or_default().to_string_lossy();
                let contents = fs::read(&file)?;
                text.push_str(&format!("\n--- {shown}\n\n{}\n", String::from_utf8_lossy(&contents).trim_end()));
            }
        }
        Ok(text)
    }
}

fn component(package: &Package) -> Value {
    let Package { name, version, licence, checksum, .. } = package;
    let purl = format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"));
    let mut component = json!({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl});
    if let Some(licence) = licence {
        component["licenses"] = json!([{"expression": licence}]);
    }
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// The ids of all that this package is built with: its dependencies and theirs, but for tests.
fn reached<'a>(metadata: &'a Value, root: &'a str) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<_, _> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| Some((node["id"].as_str()?, node["deps"].as_array()?)))
        .collect();
    let (mut reached, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            let dependencies = nodes.get(id).into_iter().copied().flatten();
            open.extend(
                dependencies.filter(|dependency| is_built(dependency)).filter_map(|found| found["pkg"].as_str()),
            );
        }
    }
    reached
}

/// Whether a dependency is more than one of tests: those have the kind `dev`.
fn is_built(dependency: &Value) -> bool {
    dependency["dep_kinds"].as_array().is_none_or(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
}

/// The files of a crate that are named like a licence, sorted.
fn licence_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    const WORDS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];
    let is_licence = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
        path.is_file() && WORDS.iter().any(|word| name.starts_with(word))
    };
    let entries: Result<Vec<_>, _> = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files: Vec<_> = entries?.into_iter().filter(is_licence).collect();
    files.sort();
    Ok(files)
}
