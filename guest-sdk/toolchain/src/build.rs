use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{BuildError, TARGET, Toolchain, environment, flags, messages, metadata::Metadata, process::output};

/// What to build.
#[derive(Clone, Debug)]
pub struct GuestBuild {
    /// The `Cargo.toml` of the crate.
    pub manifest_path: PathBuf,
    /// Where to build; `None` for where cargo would. A build script names a folder of its own: the one of the build
    /// that it belongs to is locked.
    pub target_dir: Option<PathBuf>,
    /// Which components of the crate to build.
    pub targets: Targets,
    /// Whether components keep their line tables, several times the size of their code. With them a trap that is no
    /// panic names its source line; a panic names it without.
    pub line_tables: bool,
}

/// Which parts of a crate to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// The library, of whatever crate type: a plugin.
    Library,
    /// Every example of crate type `cdylib`.
    Examples,
}

/// A component that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The name of the library or example.
    pub name: String,
    /// The component's file.
    pub component: PathBuf,
}

impl Toolchain {
    /// Builds a crate for `wasm32-wasip2` with the crate's release profile, and returns its components in the order of
    /// their names. What the compiler says goes to stderr as it comes.
    ///
    /// Whatever the profile says, a library is optimised as a whole, which makes it smaller by a third, and debug
    /// information is as `line_tables` says.
    ///
    /// # Errors
    ///
    /// When cargo does not run, the crate does not compile or has no such target.
    pub fn build(&self, build: &GuestBuild) -> Result<Vec<Artifact>, BuildError> {
        // As cargo then names it in its messages, by which the components are found.
        let manifest_path = &build.manifest_path;
        let manifest_path = manifest_path.canonicalize().map_err(|error| unusable(manifest_path, &error))?;
        let metadata = self.metadata(&manifest_path)?;
        let mut command = self.cargo(&manifest_path);
        match build.targets {
            // A library that is also built for other crates (`rlib`) would be linked without link-time optimisation.
            Targets::Library => command.args(["rustc", "--lib", "--crate-type", "cdylib"]),
            Targets::Examples => command.args(["build", "--examples"]),
        };
        command.args(["--release", "--message-format=json-render-diagnostics", "--target", TARGET]);
        command.arg("--manifest-path").arg(&manifest_path);
        if let Some(target_dir) = &build.target_dir {
            let target_dir = absolute(target_dir)?;
            command.arg(config("build.build-dir", &target_dir.to_string_lossy().into()));
            command.arg("--target-dir").arg(target_dir);
        }
        let flags = flags::rustc(&metadata, &self.sysroot);
        command.arg(config(&format!("target.{TARGET}.rustflags"), &flags.into()));
        if build.targets == Targets::Library {
            command.arg(config("profile.release.lto", &true.into()));
        }
        let (debug, strip) = if build.line_tables { ("line-tables-only", "none") } else { ("none", "debuginfo") };
        command.arg(config("profile.release.debug", &debug.into()));
        command.arg(config("profile.release.strip", &strip.into()));

        let mut artifacts = run(&mut command, &manifest_path)?;
        if artifacts.is_empty() {
            return Err(BuildError::NoComponent { manifest_path });
        }
        artifacts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(artifacts)
    }

    fn metadata(&self, manifest_path: &Path) -> Result<Metadata, BuildError> {
        let mut command = self.cargo(manifest_path);
        command.args(["metadata", "--format-version", "1", "--filter-platform", TARGET, "--manifest-path"]);
        let text = output(command.arg(manifest_path))
            .map_err(|reason| BuildError::Unreadable { manifest_path: manifest_path.to_path_buf(), reason })?;
        Metadata::parse(&text).ok_or_else(|| BuildError::Cargo("`cargo metadata` printed something else".to_owned()))
    }

    /// A cargo that builds with this toolchain, in the crate's folder, so that the configuration there holds.
    fn cargo(&self, manifest_path: &Path) -> Command {
        let mut command = Command::new(&self.cargo);
        environment::scrub(&mut command);
        command.env("RUSTC", &self.rustc);
        if !self.linker.is_empty() {
            let path = env::var_os("PATH").unwrap_or_default();
            let folders = self.linker.iter().cloned().chain(env::split_paths(&path));
            // A folder with a `:` in its name cannot be on PATH; then the linker is missing, and rustc says so.
            command.env("PATH", env::join_paths(folders).unwrap_or(path));
        }
        command.current_dir(manifest_path.parent().unwrap_or(Path::new(".")));
        command
    }
}

fn absolute(path: &Path) -> Result<PathBuf, BuildError> {
    std::path::absolute(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> BuildError {
    BuildError::Cargo(format!("{}: {error}", path.display()))
}

/// A `--config` argument. JSON's strings and lists of strings are TOML's, too.
fn config(key: &str, value: &serde_json::Value) -> String {
    format!("--config={key}={value}")
}

fn run(command: &mut Command, manifest_path: &Path) -> Result<Vec<Artifact>, BuildError> {
    let failed = |error: std::io::Error| BuildError::Cargo(error.to_string());
    let mut cargo = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut artifacts = Vec::new();
    if let Some(stdout) = cargo.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            artifacts.extend(messages::component(&line.map_err(failed)?, manifest_path));
        }
    }
    let status = cargo.wait().map_err(failed)?;
    if status.success() {
        Ok(artifacts)
    } else {
        Err(BuildError::Failed { manifest_path: manifest_path.to_path_buf(), status })
    }
}
