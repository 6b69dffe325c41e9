//! Debian's own compilers, unpacked into a private folder: Rust with the target for guests, and Go. And its other packages, for
//! tests that need a server as people run it.
//!
//! Debian's suite `forky` has the target as a package, `libstd-rust-dev-wasm32`, which works with Debian's own
//! compiler only. apt resolves and verifies packages as if nothing but a C compiler were installed; nothing of the system
//! is touched, and no step needs the rights of root. Rust's compiler runs with the C library that came with it; Go's needs none.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    TARGET,
    locate::has_target,
    mirror::{self, Mirror},
    process::output,
};

const SUITE: &str = "forky";
const RUST: Packages =
    Packages { what: "Rust", megabytes: Some(190), names: &["rustc", "libstd-rust-dev-wasm32"], stand_ins: &STAND_INS };
const GO: Packages = Packages { what: "Go", megabytes: Some(48), names: &["golang-go"], stand_ins: &STAND_INS };
/// What Debian's compiler depends on and the machine's own compiler, which builds the host, stands in for: about 65 MB
/// less.
const STAND_INS: [&str; 3] = ["binutils", "gcc", "libc-dev"];
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// What is downloaded.
struct Packages<'a> {
    what: &'a str,
    /// About how much of it there is.
    megabytes: Option<u32>,
    names: &'a [&'a str],
    /// What they depend on and do without.
    stand_ins: &'a [&'a str],
}

/// Packages of Debian, unpacked.
#[derive(Debug)]
pub struct Unpacked(PathBuf);

impl Unpacked {
    /// Unpacks a package, and all that it depends on but `without`, into `cache` unless it is there. The caller sees to it that
    /// nobody else does so at the same time.
    ///
    /// # Errors
    ///
    /// In one line why it cannot be done: packages are for Debian on x86-64, and need a mirror within reach.
    pub fn get(package: &str, without: &[&str], cache: &Path) -> Result<Self, String> {
        let folder = cache.join(package);
        if !folder.is_dir() {
            let packages = Packages { what: package, megabytes: None, names: &[package], stand_ins: without };
            unpacked(&packages, cache, &folder, &mut |_| {}, |_| Ok(()))?;
        }
        Ok(Self(folder))
    }

    /// One of the programs, by its path, such as `usr/sbin/nginx`. It runs with the libraries that came with it, whatever the
    /// machine has.
    #[must_use]
    pub fn program(&self, path: &str) -> Command {
        let libraries = self.0.join(LIBRARIES);
        let mut program = Command::new(libraries.join("ld-linux-x86-64.so.2"));
        program.arg("--library-path").arg(libraries).arg(self.0.join(path));
        program
    }
}

/// Debian's compiler.
#[derive(Debug)]
pub(crate) struct Rust {
    pub(crate) rustc: PathBuf,
    pub(crate) sysroot: PathBuf,
}

/// The compiler that an earlier [`set_up`] left in `cache`.
pub(crate) fn existing(cache: &Path) -> Option<Rust> {
    let folder = cache.join(SUITE);
    let rust = Rust { rustc: folder.join("rustc"), sysroot: folder.join("usr") };
    (rust.rustc.is_file() && has_target(&rust.sysroot)).then_some(rust)
}

/// Downloads and unpacks the compiler into `cache`; says in one line why it cannot. The caller holds the lock of
/// `cache`.
pub(crate) fn set_up(cache: &Path, notify: &mut dyn FnMut(&str)) -> Result<Rust, String> {
    let folder = cache.join(SUITE);
    unpacked(&RUST, cache, &folder, notify, |root| {
        if !has_target(&root.join("usr")) {
            return Err(format!("the packages of {SUITE} do not hold {TARGET}"));
        }
        write_wrapper(&root.join("rustc"), &folder).map_err(|error| format!("{}: {error}", root.display()))
    })?;
    let rust = existing(cache).ok_or_else(|| format!("{} is incomplete", folder.display()))?;
    output(Command::new(&rust.rustc).arg("--version"))?;
    Ok(rust)
}

/// The program `go` in `cache`, where it is downloaded and unpacked unless it is there; says in one line why it cannot. The caller
/// holds the lock of `cache`.
pub(crate) fn go(cache: &Path, notify: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
    let folder = cache.join("go");
    let go = folder.join("usr/lib/go/bin/go");
    if !go.is_file() {
        unpacked(&GO, cache, &folder, notify, |_| Ok(()))?;
        output(Command::new(&go).arg("version"))?;
    }
    Ok(go)
}

/// Downloads packages and unpacks them into `folder`, which is there once it is `complete`.
fn unpacked(
    packages: &Packages<'_>,
    cache: &Path,
    folder: &Path,
    notify: &mut dyn FnMut(&str),
    complete: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<(), String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("they are for Linux on x86-64 only".to_owned());
    }
    let mirrors = mirror::configured(Path::new("/etc"))?;
    let work = cache.join("unfinished");
    let io = |error: io::Error| format!("{}: {error}", cache.display());
    // What an interrupted attempt, or one with an older layout, left behind.
    remove(&work).and_then(|()| remove(folder)).map_err(io)?;

    download(packages, &mirrors, &work.join("apt"), notify)?;
    notify(&format!("Unpacking {} from Debian's packages", packages.what));
    let root = work.join("root");
    unpack(&work.join("apt/archives"), &root)?;
    complete(&root)?;
    fs::rename(&root, folder).and_then(|()| remove(&work)).map_err(io)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Downloads the packages into `apt/archives`, from the first mirror that has the suite.
fn download(
    packages: &Packages<'_>,
    mirrors: &[Mirror],
    apt: &Path,
    notify: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let mut reasons = Vec::new();
    for mirror in mirrors {
        prepare(apt, mirror, packages.stand_ins).map_err(|error| format!("{}: {error}", apt.display()))?;
        let apt_get = || {
            let mut command = Command::new("apt-get");
            command.arg("-c").arg(apt.join("apt.conf")).arg("-qq");
            command
        };
        notify("Reading the lists of Debian's packages");
        if let Err(reason) = output(apt_get().args(["update", "--error-on=any"])) {
            reasons.push(reason);
            continue;
        }
        let size = packages.megabytes.map(|megabytes| format!(" (about {megabytes} MB)")).unwrap_or_default();
        notify(&format!("Downloading {} from Debian's packages{size}", packages.what));
        match output(apt_get().args(["install", "--download-only", "--yes"]).args(packages.names)) {
            Ok(_) => return Ok(()),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

/// Makes an empty state for apt in the folder `apt`, in which only `mirror` and the stand-ins exist.
fn prepare(apt: &Path, mirror: &Mirror, stand_ins: &[&str]) -> io::Result<()> {
    remove(apt)?;
    for folder in ["archives/partial", "lists/partial", "sources"] {
        fs::create_dir_all(apt.join(folder))?;
    }
    fs::write(apt.join("sources/debian.sources"), mirror.stanza(SUITE))?;
    let status: String = stand_ins.iter().copied().map(stand_in).collect();
    fs::write(apt.join("status"), status)?;
    fs::write(apt.join("apt.conf"), configuration(apt))
}

/// What dpkg would note of a package that is installed.
fn stand_in(package: &str) -> String {
    format!(
        "Package: {package}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 999\nDescription: the machine's \
         own\n\n"
    )
}

/// Read after the machine's own configuration of apt, whose proxies and certificates hold; its hooks do not.
fn configuration(apt: &Path) -> String {
    let apt = apt.display();
    format!(
        r#"#clear APT::Update;
#clear DPkg;
APT::Architecture "amd64";
APT::Install-Recommends "0";
APT::Sandbox::User "";
Dir::Cache "{apt}";
Dir::Cache::archives "{apt}/archives";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{apt}/sources";
Dir::Log "{apt}";
Dir::State "{apt}";
Dir::State::lists "{apt}/lists";
Dir::State::status "{apt}/status";
"#
    )
}

fn unpack(archives: &Path, root: &Path) -> Result<(), String> {
    let io = |error: io::Error| format!("{}: {error}", archives.display());
    fs::create_dir_all(root).map_err(io)?;
    for entry in fs::read_dir(archives).map_err(io)? {
        let package = entry.map_err(io)?.path();
        if package.extension().is_some_and(|end| end == "deb") {
            output(Command::new("dpkg").arg("-x").args([&package, root]))?;
        }
    }
    Ok(())
}

/// Writes a script that runs the compiler of `folder` with the C library and the loader that came with it.
fn write_wrapper(path: &Path, folder: &Path) -> io::Result<()> {
    let quoted = |inner: &str| format!("'{}'", folder.join(inner).display().to_string().replace('\'', r"'\''"));
    let (libraries, rustc, sysroot) = (quoted(LIBRARIES), quoted("usr/bin/rustc"), quoted("usr"));
    let loader = quoted(&format!("{LIBRARIES}/ld-linux-x86-64.so.2"));
    let script = format!("#!/bin/sh\nexec {loader} --library-path {libraries} {rustc} --sysroot {sysroot} \"$@\"\n");
    fs::write(path, script)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_folder_counts_as_set_up() {
        let cache = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(cache.path().join("forky/usr/lib/rustlib/wasm32-wasip2/lib")).expect("a folder");
        assert!(existing(cache.path()).is_none(), "the compiler is missing");
        fs::write(cache.path().join("forky/rustc"), "").expect("a file");
        let rust = existing(cache.path()).expect("complete");
        assert_eq!(rust.sysroot, cache.path().join("forky/usr"));
    }

    #[test]
    fn the_wrapper_runs_the_compiler_of_a_folder_with_any_name() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("it's a folder");
        fs::create_dir_all(folder.join(LIBRARIES)).expect("a folder");
        let loader = folder.join(LIBRARIES).join("ld-linux-x86-64.so.2");
        // In the loader's place a program that prints its arguments.
        std::os::unix::fs::symlink("/bin/echo", &loader).expect("a link");
        let wrapper = folder.join("rustc");
        write_wrapper(&wrapper, &folder).expect("a file");

        let printed = output(Command::new("sh").arg(&wrapper).args(["--crate-name", "a  b"])).expect("it runs");
        let folder = folder.display();
        assert_eq!(
            printed,
            format!(
                "--library-path {folder}/{LIBRARIES} {folder}/usr/bin/rustc --sysroot {folder}/usr --crate-name a  b\n"
            )
        );
    }

    #[test]
    fn apt_knows_one_mirror_and_nothing_but_a_c_compiler() {
        let apt = tempfile::tempdir().expect("a folder");
        let mirror = Mirror { uri: "http://mirror.example/debian".to_owned(), signed_by: None };
        prepare(apt.path(), &mirror, &STAND_INS).expect("a state");
        let sources = fs::read_to_string(apt.path().join("sources/debian.sources")).expect("a file");
        assert_eq!(
            sources,
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: forky\nComponents: main\nTargets: Packages\n"
        );
        let status = fs::read_to_string(apt.path().join("status")).expect("a file");
        assert_eq!(status.matches("Package: ").count(), STAND_INS.len());
    }
}
