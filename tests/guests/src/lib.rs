//! The guests that the tests run, as files. The build script builds them, so a test that names one can count on it.
//!
//! At the root are the programs of `programs/examples`, small, odd and hostile; in [`plugins`] the ones that ship.
//! `ALL` has names and files, so that a test can insist on a case for each.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    #[test]
    fn every_program_and_every_plugin_is_built() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/");
        let names = |folder: &str, wanted: fn(&fs::DirEntry) -> bool| -> BTreeSet<String> {
            let entries = fs::read_dir(format!("{here}{folder}")).expect("a folder");
            let entries = entries.map(|entry| entry.expect("an entry")).filter(wanted);
            entries.map(|entry| entry.file_name().to_string_lossy().replace(".rs", "").replace('-', "_")).collect()
        };
        let built = |all: &[(&str, &str)]| all.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();

        assert_eq!(built(super::ALL), names("programs/examples", |_| true));
        let is_rust = |entry: &fs::DirEntry| entry.path().join("Cargo.toml").is_file();
        assert_eq!(built(super::plugins::ALL), names("../../plugins", is_rust));
    }

    #[test]
    fn each_is_a_component_without_paths_of_this_machine() {
        let home = std::env::home_dir().expect("a home").display().to_string();
        let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/").replace("tests/guests/", "");
        for (name, path) in super::ALL.iter().chain(super::plugins::ALL) {
            let bytes = fs::read(path).expect("a file");
            // Preamble of a component: magic, version 13, layer 1 (Component Model, Binary.md).
            assert!(bytes.starts_with(b"\0asm\x0d\0\x01\0"), "{name} is no component");
            for hidden in [&format!("{home}/"), &workspace] {
                let found = bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes());
                assert!(!found, "{name} contains the path {hidden}");
            }
        }
    }
}
