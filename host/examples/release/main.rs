//! Makes the archive of a release: `cargo run --release --example release`.
//!
//! In `target/release-archive`: one archive with the program, its licences, a list of what it is made of (`CycloneDX`)
//! and the licences of that; and the archive's SHA-256 beside it. The same program gives the same bytes.

mod archive;
mod dependencies;

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anstream::{eprintln, println};
use sha2::{Digest, Sha256};

use archive::Entry;
use dependencies::Dependencies;

fn main() -> ExitCode {
    match release() {
        Ok(archive) => {
            println!("{}", archive.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The path of the archive.
fn release() -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let target = host_target()?;
    // For a target that is named, so that the program and the list of what it is made of are about the same one.
    let mut build = cargo();
    build
        .args(["build", "--release", "--locked", "--package", "toolcell", "--bin", "toolcell", "--target"])
        .arg(&target);
    // Symbols are for debuggers.
    output(build.env("CARGO_PROFILE_RELEASE_STRIP", "symbols").current_dir(&root))?;
    let metadata = ["metadata", "--format-version", "1", "--locked", "--filter-platform", target.as_str()];
    let metadata: serde_json::Value = serde_json::from_str(&output(cargo().args(metadata).current_dir(&root))?)?;
    let target_folder = Path::new(metadata["target_directory"].as_str().ok_or("no target folder")?);
    let program = fs::read(target_folder.join(&target).join("release/toolcell"))?;

    let dependencies = Dependencies::read(&metadata, &fs::read_to_string(root.join("Cargo.lock"))?)?;
    let text = |name: &str| fs::read(root.join(name));
    let entries = vec![
        Entry { name: "toolcell", mode: 0o755, bytes: program },
        Entry { name: "README.md", mode: 0o644, bytes: text("README.md")? },
        Entry { name: "LICENSE-APACHE", mode: 0o644, bytes: text("LICENSE-APACHE")? },
        Entry { name: "LICENSE-MIT", mode: 0o644, bytes: text("LICENSE-MIT")? },
        Entry { name: "sbom.cdx.json", mode: 0o644, bytes: serde_json::to_vec_pretty(&dependencies.cyclonedx())? },
        Entry { name: "THIRD-PARTY-LICENSES.txt", mode: 0o644, bytes: dependencies.licences()?.into_bytes() },
    ];

    let name = format!("toolcell-{}-{target}", env!("CARGO_PKG_VERSION"));
    let archive = archive::make(&name, entries, time(&root)?)?;
    let folder = target_folder.join("release-archive");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.tar.gz"));
    let digest: String = Sha256::digest(&archive).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(&path, archive)?;
    // The form that `sha256sum --check` reads.
    fs::write(folder.join(format!("{name}.tar.gz.sha256")), format!("{digest}  {name}.tar.gz\n"))?;
    Ok(path)
}

/// The cargo that runs this example.
fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The machine's own target, such as `x86_64-unknown-linux-gnu`.
fn host_target() -> Result<String, Box<dyn Error>> {
    let version = output(Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV"))?;
    let target = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(target.ok_or("rustc does not say for which target it is")?.to_owned())
}

/// The time of all files in the archive, in seconds since 1970: `SOURCE_DATE_EPOCH` (reproducible-builds.org), or else
/// that of the last commit.
fn time(root: &Path) -> Result<u64, Box<dyn Error>> {
    let seconds = match env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds,
        Err(_) => output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root))?,
    };
    let seconds = seconds.trim();
    seconds.parse().map_err(|_| format!("{seconds:?} is not a number of seconds; set SOURCE_DATE_EPOCH to one").into())
}

/// What a command prints; what it says about itself goes where this example's does.
fn output(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} failed: {}", command.get_program().display(), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
