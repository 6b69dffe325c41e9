use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::metadata::Metadata;

/// The linker argument that makes a fresh instance cheap.
///
/// The host gives an instance zeroed memory without a system call or a page fault as long as the instance's memory
/// stays within 256 KiB, and clears all of it again after the call, which costs a microsecond for every 64 KiB. Rust's
/// default is a stack of 1 MiB; this makes it 64 KiB. The heap begins with what the data leave of their last 64 KiB. To
/// get more, the guest asks the host, which costs a call ten microseconds, once or twice. A crate whose every call needs
/// more can have it from the start: `println!("cargo::rustc-link-arg-cdylib=--initial-heap=65536")` in its build script.
///
/// 64 KiB suffice for the deepest JSON that `serde_json` reads (128 levels): in a guest optimised for speed 48 KiB were
/// too little and 64 KiB enough, in one that is not optimised 128 KiB were needed. A crate that needs more says so in its
/// build script, which the linker reads later: `println!("cargo::rustc-link-arg-cdylib=-zstack-size=262144")`.
const LINKER: &str = "-Clink-arg=-zstack-size=65536";

/// The compiler's arguments for a guest.
pub(crate) fn rustc(metadata: &Metadata, sysroot: &Path) -> Vec<String> {
    std::iter::once(LINKER.to_owned()).chain(remappings(metadata, sysroot)).collect()
}

/// Arguments that keep the paths of this machine out of panic messages and debug information, so that a file is named
/// from its workspace (`plugins/text/src/lib.rs`) or its package (`serde_json-1.0.154/src/de.rs`).
///
/// The compiler applies the last one that matches: of two that do, the longer comes later.
fn remappings(metadata: &Metadata, sysroot: &Path) -> impl Iterator<Item = String> {
    let outside = metadata.packages.iter().filter(|package| !package.starts_with(&metadata.workspace));
    let roots: BTreeSet<PathBuf> = outside
        .filter_map(|package| package.parent())
        .chain([metadata.workspace.as_path()])
        .flat_map(|root| [Some(root.to_path_buf()), root.canonicalize().ok()])
        .flatten()
        .collect();
    let named = [(metadata.target_dir.clone(), "target"), (sysroot.to_path_buf(), "rust")];

    let unnamed = roots.into_iter().map(|root| (root, ""));
    let mut remappings: Vec<(PathBuf, &str)> = unnamed.chain(named).filter(|(from, _)| from.is_absolute()).collect();
    remappings.sort_by_key(|(from, _)| from.as_os_str().len());
    remappings.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_root_of_a_source_stays_in_a_component() {
        let metadata = Metadata {
            workspace: PathBuf::from("/no/such/work space"),
            target_dir: PathBuf::from("/no/such/work space/target"),
            packages: [
                "/no/such/work space/plugins/text",
                "/no/such/registry/serde-1.0.0",
                "/no/such/registry/url-2.5.0",
            ]
            .map(PathBuf::from)
            .to_vec(),
        };
        let flags = rustc(&metadata, Path::new("/no/such/rust"));
        assert_eq!(
            flags,
            [
                "-Clink-arg=-zstack-size=65536",
                "--remap-path-prefix=/no/such/rust=rust",
                "--remap-path-prefix=/no/such/registry=",
                "--remap-path-prefix=/no/such/work space=",
                "--remap-path-prefix=/no/such/work space/target=target",
            ]
        );
    }
}
