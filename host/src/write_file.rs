//! Writing a file all at once, so that a reader, or a crash, finds the old one or the new one.

use std::{
    fs::{File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Who may read a file, as far as the process's umask lets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// For files that are committed.
    Everybody,
    /// For private state.
    Owner,
}

/// Puts a file in place of whatever has its name; a symbolic link there is replaced, not followed.
pub(crate) fn replace(path: &Path, contents: &[u8], readers: Readers) -> io::Result<()> {
    let (file, dir) = beside(path, contents, readers)?;
    file.persist(path)?;
    dir.sync_all()
}

/// Puts a file where nothing has its name yet.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`], where something has.
pub(crate) fn create(path: &Path, contents: &[u8], readers: Readers) -> io::Result<()> {
    let (file, dir) = beside(path, contents, readers)?;
    file.persist_noclobber(path)?;
    dir.sync_all()
}

/// A complete file under another name in the same folder, and that folder.
fn beside(path: &Path, contents: &[u8], readers: Readers) -> io::Result<(tempfile::NamedTempFile, File)> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = match readers {
        Readers::Everybody => 0o644,
        Readers::Owner => 0o600,
    };
    let permissions = Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new().prefix(".toolcell-").permissions(permissions).tempfile_in(parent)?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    Ok((file, File::open(parent)?))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn files_are_replaced_whole_and_leave_nothing_beside_them() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("file");
        for (contents, readers) in [("a longer text", Readers::Owner), ("text", Readers::Owner)] {
            replace(&path, contents.as_bytes(), readers).expect("the folder is writable");
            assert_eq!(fs::read_to_string(&path).expect("it was written"), contents);
        }
        assert_eq!(fs::metadata(&path).expect("it exists").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("the folder is readable").count(), 1);
    }

    #[test]
    fn links_are_replaced_and_not_followed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "untouched").expect("a file");
        symlink(&target, &link).expect("a link");
        replace(&link, b"new", Readers::Everybody).expect("the folder is writable");
        assert_eq!(fs::read_to_string(target).expect("it exists"), "untouched");
    }

    #[test]
    fn what_exists_is_not_created_again() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("file");
        create(&path, b"first", Readers::Owner).expect("nothing is there");
        let error = create(&path, b"second", Readers::Owner).expect_err("the first is there");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(path).expect("it exists"), "first");
    }
}
