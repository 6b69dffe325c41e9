//! This user's private state: which lock files they accepted, which components they built, and the key of the code cache.
//!
//! It decides what is trusted, so it is believed only where nobody else could have written it: the folder and its files
//! belong to this user, are closed to others, and are no symbolic links. Anything else is an error, and an error grants
//! nothing.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::{
    policy::Digest,
    write_file::{self, Readers},
};

/// The private state of the user who runs Toolcell.
#[derive(Debug)]
pub struct State {
    dir: File,
    path: PathBuf,
}

/// The private state cannot be used; what depends on it counts as not accepted.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct StateError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub problem: String,
}

impl State {
    /// Opens `toolcell` in the user's state folder (`$XDG_STATE_HOME`, or `~/.local/state`; where a platform has none, the
    /// folder for local data), and makes it if need be.
    ///
    /// # Errors
    ///
    /// There is no such folder, it cannot be made, or somebody else could have written in it.
    pub fn open() -> Result<Self, StateError> {
        let base = dirs::state_dir().or_else(dirs::data_local_dir).ok_or_else(|| StateError {
            path: "toolcell".into(),
            problem: "this user has no folder for private state; set HOME or XDG_STATE_HOME".to_owned(),
        })?;
        Self::at(&base.join("toolcell"))
    }

    /// Opens the state in this folder, and makes it if need be.
    ///
    /// # Errors
    ///
    /// As [`State::open`].
    pub fn at(path: &Path) -> Result<Self, StateError> {
        let error = |error: io::Error| at(path, problem(&error));
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(error)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = File::from(openat(CWD, path, flags, Mode::empty()).map_err(|errno| error(errno.into()))?);
        check_private(path, &dir, 0o700)?;
        Ok(Self { dir, path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this user accepted the lock file at this path with exactly this digest.
    ///
    /// # Errors
    ///
    /// The record is damaged, or somebody else could have written it.
    pub fn is_accepted(&self, lock: &Path, digest: &Digest) -> Result<bool, StateError> {
        Ok(self.record("accepted", lock)? == [*digest])
    }

    /// Accepts the lock file at this path with this digest, in place of the one accepted before.
    ///
    /// # Errors
    ///
    /// The record cannot be written.
    pub fn accept(&self, lock: &Path, digest: &Digest) -> Result<(), StateError> {
        self.write_record("accepted", lock, &[*digest])
    }

    /// Whether the component with this digest is one of the last two that were built at this path, here and by this user.
    ///
    /// # Errors
    ///
    /// The record is damaged, or somebody else could have written it.
    pub fn is_built(&self, component: &Path, digest: &Digest) -> Result<bool, StateError> {
        Ok(self.record("built", component)?.contains(digest))
    }

    /// Records that the component with this digest was built here and by this user, and is about to be put at this path. The one
    /// built before it counts until the next: it is still there, and servers may be reading it.
    ///
    /// # Errors
    ///
    /// The record cannot be written.
    pub fn record_build(&self, component: &Path, digest: &Digest) -> Result<(), StateError> {
        // A damaged record is replaced; what it said counts for nothing.
        let before = self.record("built", component).unwrap_or_default();
        let before = before.into_iter().find(|before| before != digest);
        let builds: Vec<_> = [*digest].into_iter().chain(before).collect();
        self.write_record("built", component, &builds)
    }

    /// 32 random bytes that only this user knows: the key of the code cache. Made once.
    ///
    /// # Errors
    ///
    /// The file is damaged, cannot be made, or somebody else could have read or written it.
    pub fn secret(&self) -> Result<[u8; 32], StateError> {
        const NAME: &str = "secret";
        let path = self.path.join(NAME);
        if let Some(bytes) = self.read(NAME)? {
            return bytes
                .try_into()
                .map_err(|_| at(&path, "is damaged; remove it, and another one is made".to_owned()));
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| at(&path, error.to_string()))?;
        match write_file::create(&path, &secret, Readers::Owner) {
            Ok(()) => Ok(secret),
            // Another process made it in the meantime: both have to use the same one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.secret(),
            Err(error) => Err(at(&path, problem(&error))),
        }
    }

    /// The first bytes of a file of the folder that was opened, whatever its path leads to by now; `None` where there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or somebody else could have read or written it.
    pub fn file(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.dir, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(at(&path, problem(&errno.into()))),
        };
        check_private(&path, &file, 0o600)?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).map_err(|error| at(&path, problem(&error)))?;
        Ok(Some(bytes))
    }

    /// A record is digests with spaces between them, a line feed, and the path that it is about. Where there is none, it has no
    /// digests.
    fn record(&self, kind: &str, about: &Path) -> Result<Vec<Digest>, StateError> {
        let about = canonical(about)?;
        let name = record_name(kind, &about);
        let Some(bytes) = self.read(&name)? else {
            return Ok(Vec::new());
        };
        let digests = bytes.iter().position(|byte| *byte == b'\n').and_then(|end| {
            let digests =
                std::str::from_utf8(&bytes[..end]).ok()?.split(' ').map(|digest| digest.parse().ok()).collect();
            (bytes[end + 1..] == *about.as_os_str().as_bytes()).then_some(digests)?
        });
        digests.ok_or_else(|| at(&self.path.join(name), "is damaged; remove it".to_owned()))
    }

    fn write_record(&self, kind: &str, about: &Path, digests: &[Digest]) -> Result<(), StateError> {
        let about = canonical(about)?;
        let path = self.path.join(record_name(kind, &about));
        let digests: Vec<_> = digests.iter().map(Digest::to_string).collect();
        let contents = [digests.join(" ").as_bytes(), b"\n", about.as_os_str().as_bytes()].concat();
        write_file::replace(&path, &contents, Readers::Owner).map_err(|error| at(&path, problem(&error)))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        const MOST: u64 = 16 << 10;
        self.file(name, MOST)
    }
}

/// Refuses what somebody else could have written or read. `mode` is what it should be.
fn check_private(path: &Path, file: &File, mode: u32) -> Result<(), StateError> {
    let metadata = file.metadata().map_err(|error| at(path, problem(&error)))?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(at(path, format!("belongs to user {}, not to this one; remove it", metadata.uid())));
    }
    if metadata.mode() & 0o077 != 0 {
        let is = metadata.mode() & 0o7777;
        return Err(at(
            path,
            format!("is open to other users (mode {is:04o}); check what it holds, then chmod it to {mode:o}"),
        ));
    }
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(at(path, "is not a regular file; remove it".to_owned()));
    }
    Ok(())
}

/// One file for each path, so that writing one record never has to read another.
fn record_name(kind: &str, about: &Path) -> String {
    format!("{kind}-{}", Digest::of(about.as_os_str().as_bytes()).hex())
}

/// The one name of a file, also before it is there.
fn canonical(path: &Path) -> Result<PathBuf, StateError> {
    let canonical = match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Err(error), Some(folder), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            fs::canonicalize(folder).map(|folder| folder.join(name))
        }
        (canonical, ..) => canonical,
    };
    canonical.map_err(|error| at(path, problem(&error)))
}

fn at(path: &Path, problem: String) -> StateError {
    StateError { path: path.to_owned(), problem }
}

fn problem(error: &io::Error) -> String {
    match rustix::io::Errno::from_io_error(error) {
        Some(rustix::io::Errno::LOOP) => "is a symbolic link; remove it".to_owned(),
        Some(rustix::io::Errno::NOTDIR) => "is not a folder, or a symbolic link to one; remove it".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A state folder and a lock file, both in a temporary folder that lives as long as the first value.
    fn state() -> (tempfile::TempDir, State, PathBuf) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let state = State::at(&dir.path().join("state/toolcell")).expect("the folder can be made");
        let lock = dir.path().join("toolcell.lock");
        fs::write(&lock, "").expect("a file");
        (dir, state, lock)
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file is ours");
    }

    fn only_file(state: &State) -> PathBuf {
        let mut files = fs::read_dir(&state.path).expect("the folder is readable");
        files.next().expect("there is a file").expect("it is readable").path()
    }

    #[test]
    fn exactly_what_was_accepted_is_accepted() {
        let (dir, state, lock) = state();
        let (first, second) = (Digest::of(b"first"), Digest::of(b"second"));
        let accepted = |digest| state.is_accepted(&lock, digest).expect("the state is good");
        assert!(!accepted(&first));
        state.accept(&lock, &first).expect("the state is writable");
        assert!(accepted(&first) && !accepted(&second));
        state.accept(&lock, &second).expect("the state is writable");
        assert!(accepted(&second) && !accepted(&first), "an older, perhaps wider, lock file does not count again");

        let other = dir.path().join("other.lock");
        fs::write(&other, "").expect("a file");
        assert!(!state.is_accepted(&other, &second).expect("the state is good"));
        let same = dir.path().join("state/../toolcell.lock");
        assert!(state.is_accepted(&same, &second).expect("the state is good"));
        assert!(!state.is_built(&lock, &second).expect("the state is good"));
    }

    #[test]
    fn the_last_two_builds_are_remembered_across_processes() {
        let (dir, state, _) = state();
        let component = dir.path().join("plugin.wasm");
        let counts = |state: &State| {
            ["first", "second", "third"]
                .map(|build| state.is_built(&component, &Digest::of(build.as_bytes())).expect("the state is good"))
        };
        let build = |build: &str| {
            state.record_build(&component, &Digest::of(build.as_bytes())).expect("the state is writable");
        };
        assert_eq!(counts(&state), [false, false, false]);
        build("first");
        fs::write(&component, "").expect("a file");
        assert_eq!(counts(&state), [true, false, false], "the file's name is the same before it is there");
        build("second");
        build("second");
        assert_eq!(counts(&state), [true, true, false]);
        build("third");
        let again = State::at(&state.path).expect("the folder exists");
        assert_eq!(counts(&again), [false, true, true]);
    }

    #[test]
    fn the_secret_is_made_once_and_private() {
        let (_dir, state, _) = state();
        let secret = state.secret().expect("it can be made");
        assert_ne!(secret, [0; 32]);
        assert_eq!(state.secret().expect("it exists"), secret);
        assert_eq!(fs::metadata(only_file(&state)).expect("it exists").mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&state.path).expect("it exists").mode() & 0o777, 0o700);
        let (_dir, other, _) = super::tests::state();
        assert_ne!(other.secret().expect("it can be made"), secret);
    }

    #[test]
    fn a_folder_that_others_could_write_is_refused() {
        let (dir, state, _) = state();
        chmod(&state.path, 0o755);
        let error = State::at(&state.path).expect_err("it is open to others");
        assert_eq!(error.problem, "is open to other users (mode 0755); check what it holds, then chmod it to 700");
        chmod(&state.path, 0o700);

        let link = dir.path().join("link");
        symlink(&state.path, &link).expect("a link");
        let error = State::at(&link).expect_err("it is a link");
        assert_eq!(error.problem, "is not a folder, or a symbolic link to one; remove it");
    }

    #[test]
    fn a_file_that_others_could_write_is_refused() {
        let (dir, state, lock) = state();
        let digest = Digest::of(b"");
        state.accept(&lock, &digest).expect("the state is writable");
        let record = only_file(&state);
        chmod(&record, 0o620);
        let error = state.is_accepted(&lock, &digest).expect_err("others could have written it");
        assert_eq!(error.problem, "is open to other users (mode 0620); check what it holds, then chmod it to 600");

        chmod(&record, 0o600);
        let elsewhere = dir.path().join("elsewhere");
        fs::rename(&record, &elsewhere).expect("both are ours");
        symlink(&elsewhere, &record).expect("a link");
        let error = state.is_accepted(&lock, &digest).expect_err("it is a link");
        assert_eq!(error.problem, "is a symbolic link; remove it");
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        // Giving a file away takes a privilege that tests rarely have, so this looks at a folder of another user's: the
        // root folder for an ordinary user. A privileged one gives a folder away.
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(dir.path(), Some(65534), None).expect("root may give files away");
            dir.path()
        } else {
            Path::new("/")
        };
        let error = State::at(path).expect_err("it belongs to somebody else");
        assert!(error.problem.starts_with("belongs to user "), "{error}");
    }

    #[test]
    fn damaged_files_are_refused() {
        let (_dir, state, lock) = state();
        let digest = Digest::of(b"");
        state.accept(&lock, &digest).expect("the state is writable");
        let record = only_file(&state);
        let good = fs::read(&record).expect("it exists");
        for bad in [Vec::new(), good[..40].to_vec(), [&good[..], b"x"].concat(), good.to_ascii_uppercase()] {
            fs::write(&record, bad).expect("the file is ours");
            let error = state.is_accepted(&lock, &digest).expect_err("it is damaged");
            assert_eq!(error.problem, "is damaged; remove it");
        }
        fs::remove_file(&record).expect("the file is ours");
        state.secret().expect("it can be made");
        fs::write(only_file(&state), [0; 31]).expect("the file is ours");
        assert_eq!(
            state.secret().expect_err("it is damaged").problem,
            "is damaged; remove it, and another one is made"
        );
    }
}
