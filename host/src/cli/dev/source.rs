//! The source of a plugin as it is at one moment, without what builds and editors leave beside it.

use std::{
    fs, io,
    path::{Component, Path},
};

use blake3::Hash;

/// Folders that builds and package managers fill.
const MADE: [&str; 6] = ["target", "node_modules", "venv", "gen", "dist", "__pycache__"];

/// Whether a file or folder, by its path in the plugin's folder, is written by somebody and not made from that.
pub(super) fn is_source(inside: &Path) -> bool {
    let names = inside.components().map(|part| match part {
        Component::Normal(name) => name.to_string_lossy(),
        _ => "".into(),
    });
    // Hidden are `.venv` and `.git`, and what editors write while they save: `.lib.rs.swp`, `.#lib.rs`.
    let is_made = |name: &str| name.starts_with('.') || MADE.contains(&name);
    !names.into_iter().any(|name| is_made(&name) || is_left_by_a_tool(&name))
}

/// Components; the files that package managers lock versions in, which builds write, too; and those that editors keep for a
/// while: `lib.rs~`, `#lib.rs#`, and `4913`, by which vim finds out whether it may write.
fn is_left_by_a_tool(name: &str) -> bool {
    let endings = [".wasm", ".lock", "-lock.json", "~", "#", ".swp", ".tmp", ".bak", ".pyc"];
    endings.iter().any(|end| name.ends_with(end)) || ["go.sum", "4913"].contains(&name)
}

/// A hash of all source in a folder: names and contents. Equal to the one before where nothing changed that a build would
/// see. Links are not followed.
///
/// # Errors
///
/// A file or folder cannot be read, or went away meanwhile.
pub(super) fn fingerprint(folder: &Path) -> io::Result<Hash> {
    let mut hasher = blake3::Hasher::new();
    add(folder, folder, &mut hasher)?;
    Ok(hasher.finalize())
}

fn add(root: &Path, folder: &Path, hasher: &mut blake3::Hasher) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let inside = path.strip_prefix(root).unwrap_or(&path);
        if !is_source(inside) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            add(root, &path, hasher)?;
        } else if kind.is_file() {
            let contents = fs::read(&path)?;
            let name = inside.as_os_str().as_encoded_bytes();
            for part in [name, &contents] {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_and_editors_leave_is_no_source() {
        for source in ["src/lib.rs", "Cargo.toml", "plugin.toml", "app.py", "examples/ada.json", "src/target.rs"] {
            assert!(is_source(Path::new(source)), "{source}");
        }
        for made in [
            "target/debug/x",
            "node_modules/a/index.js",
            ".venv/lib/x.py",
            "gen/plugin.c",
            "src/__pycache__/app.pyc",
            "greet.wasm",
            "greet.wasm.tmp",
            "Cargo.lock",
            "package-lock.json",
            ".git/index",
            "src/.lib.rs.swp",
            "src/.#lib.rs",
            "src/#lib.rs#",
            "src/lib.rs~",
            "src/4913",
        ] {
            assert!(!is_source(Path::new(made)), "{made}");
        }
    }

    #[test]
    fn only_a_change_of_source_changes_the_fingerprint() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder is ours");
            fs::write(path, text).expect("the folder is ours");
            fingerprint(folder.path()).expect("it can be read")
        };
        let first = write("src/lib.rs", "a");
        assert_eq!(write("target/x", "made"), first);
        assert_eq!(write("greet.wasm", "made"), first);
        assert_eq!(write("src/lib.rs", "a"), first, "it was only saved again");
        let second = write("src/lib.rs", "b");
        assert_ne!(second, first);
        let third = write("src/new.rs", "");
        assert_ne!(third, second);
        fs::remove_file(folder.path().join("src/new.rs")).expect("the folder is ours");
        assert_eq!(write("src/lib.rs", "b"), second);
        // The same bytes in other files.
        assert_ne!(write("src/libb.rs", ""), write("src/lib.rs", "bb"));
    }
}
