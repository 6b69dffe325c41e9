use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{SetupError, TARGET, debian, process::output};

/// A Rust compiler that has the target `wasm32-wasip2`, and the cargo that calls it.
#[derive(Clone, Debug)]
pub struct Toolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) sysroot: PathBuf,
    /// Folders to put before those of `PATH`: they hold the linker, where `rustc` does not find it by itself.
    pub(crate) linker: Vec<PathBuf>,
}

impl Toolchain {
    /// Finds the toolchain for a crate in `folder` (whose `rust-toolchain.toml` counts), and sets up what it lacks.
    ///
    /// It takes the first of these that works:
    /// 1. the active compiler (`RUSTC`, else `rustc`), when it has the target already;
    /// 2. the same, after `rustup target add`;
    /// 3. on Debian for x86-64, Debian's own compiler and target, in a private folder under `$XDG_CACHE_HOME/toolcell`
    ///    or `~/.cache/toolcell`. Once it is there, it goes before the second.
    ///
    /// `notify` gets a line before each step that can take longer than a second. Several processes can call this at
    /// once: one sets up, the others wait.
    ///
    /// # Errors
    ///
    /// When no compiler runs or no step works: the error lists what was tried and why each failed.
    pub fn locate(folder: &Path, notify: &mut dyn FnMut(&str)) -> Result<Self, SetupError> {
        let sysroot = active_sysroot(folder).map_err(SetupError::NoCompiler)?;
        if has_target(&sysroot) {
            return Ok(Self::in_sysroot(sysroot));
        }
        let mut tried = vec![format!("the active Rust, {}: it lacks the target", sysroot.display())];
        Self::set_up(folder, sysroot, &mut tried, notify).map_err(|reason| {
            tried.push(reason);
            SetupError::NoTarget { tried }
        })
    }

    /// Gets the target. Ways that failed go to `tried`, the last one into the error.
    fn set_up(
        folder: &Path,
        sysroot: PathBuf,
        tried: &mut Vec<String>,
        notify: &mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        let cache = cache_folder()?;
        let _lock = lock(&cache, notify)?;
        // Whoever held the lock before may have set it up.
        if has_target(&sysroot) {
            return Ok(Self::in_sysroot(sysroot));
        }
        if let Some(debian) = debian::existing(&cache) {
            return Ok(Self::of_debian(debian, &sysroot));
        }
        match add_with_rustup(folder, &sysroot, notify) {
            Ok(()) => return Ok(Self::in_sysroot(sysroot)),
            Err(reason) => tried.push(format!("rustup target add {TARGET}: {reason}")),
        }
        let debian = debian::set_up(&cache, notify).map_err(|reason| format!("Debian's packages: {reason}"))?;
        Ok(Self::of_debian(debian, &sysroot))
    }

    fn in_sysroot(sysroot: PathBuf) -> Self {
        Self { cargo: cargo_of(&sysroot), rustc: sysroot.join("bin/rustc"), sysroot, linker: Vec::new() }
    }

    /// Debian's compiler with the cargo and the linker of the toolchain at `active`.
    fn of_debian(debian: debian::Rust, active: &Path) -> Self {
        let tools = active.join("lib/rustlib/x86_64-unknown-linux-gnu/bin");
        Self {
            cargo: cargo_of(active),
            rustc: debian.rustc,
            sysroot: debian.sysroot,
            linker: vec![tools.join("gcc-ld"), tools],
        }
    }
}

/// Debian's Go, in the same private folder: for machines that have no Go of their own, or one that is too old. It is downloaded
/// where it is not there yet. `notify` is told of each step that can take longer than a second.
///
/// # Errors
///
/// In one line why there is none: it is for Debian on x86-64, and needs a mirror within reach.
pub fn debian_go(notify: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
    let cache = cache_folder()?;
    let _lock = lock(&cache, notify)?;
    debian::go(&cache, notify)
}

/// Where the compiler that is active in `folder` keeps its libraries.
fn active_sysroot(folder: &Path) -> Result<PathBuf, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let sysroot = output(Command::new(rustc).args(["--print", "sysroot"]).current_dir(folder))?;
    Ok(PathBuf::from(sysroot.trim()))
}

pub(crate) fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

/// The cargo of the same toolchain, so that rustup has no say in which compiler it calls.
fn cargo_of(sysroot: &Path) -> PathBuf {
    let cargo = sysroot.join("bin/cargo");
    if cargo.is_file() { cargo } else { PathBuf::from("cargo") }
}

fn add_with_rustup(folder: &Path, sysroot: &Path, notify: &mut dyn FnMut(&str)) -> Result<(), String> {
    notify(&format!("Adding the Rust target {TARGET} with rustup"));
    output(Command::new("rustup").args(["target", "add", TARGET]).current_dir(folder))?;
    if has_target(sysroot) { Ok(()) } else { Err(format!("it did not add the target to {}", sysroot.display())) }
}

/// `$XDG_CACHE_HOME/toolcell/toolchain`, else `~/.cache/toolcell/toolchain` (XDG Base Directory Specification 0.8).
fn cache_folder() -> Result<PathBuf, String> {
    env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .map(|cache| cache.join("toolcell/toolchain"))
        .ok_or_else(|| "a folder for a private toolchain: neither XDG_CACHE_HOME nor HOME is set".to_owned())
}

/// Waits until no other process sets up. The lock ends when the file is dropped.
fn lock(cache: &Path, notify: &mut dyn FnMut(&str)) -> Result<File, String> {
    let path = cache.join("lock");
    let file = fs::create_dir_all(cache)
        .and_then(|()| File::create(&path))
        .map_err(|error| format!("a private toolchain in {}: {error}", cache.display()))?;
    if file.try_lock().is_err() {
        notify("Waiting for another process that sets up a compiler");
        file.lock().map_err(|error| format!("locking {}: {error}", path.display()))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sysroot_has_the_target_only_with_its_libraries() {
        let sysroot = tempfile::tempdir().expect("a folder");
        assert!(!has_target(sysroot.path()));
        fs::create_dir_all(sysroot.path().join("lib/rustlib/wasm32-wasip2/lib")).expect("a folder");
        assert!(has_target(sysroot.path()));
    }

    #[test]
    fn the_second_to_set_up_waits_for_the_first() {
        let cache = tempfile::tempdir().expect("a folder");
        let mut first = Some(lock(cache.path(), &mut |_| panic!("nobody holds it")).expect("the lock"));
        let _second = lock(cache.path(), &mut |_| drop(first.take())).expect("the lock");
        assert!(first.is_none(), "it said that it waits, and went on when the first was done");
    }
}
