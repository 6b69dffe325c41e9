//! A browser for the tests of the status page: the machine's own Chromium, or Debian's, unpacked into the target
//! directory.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::peers::{installed, installs, node_and_npm, text};

/// Chromium, and where the libraries are that it came with.
struct Chromium {
    program: PathBuf,
    libraries: Option<PathBuf>,
}

/// Looks at a status page (see tests/peers/browser/page.mjs) and gives what was seen. Pictures are written into
/// `screenshots`.
pub fn look(url: &str, screenshots: Option<&Path>) -> Value {
    let folder = installed("browser", |folder| {
        let (node, npm) = node_and_npm();
        let mut command = Command::new(node);
        command.arg(npm).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        installs(&mut command, "npm's packages are fetched once: is there a network?");
    });
    let Chromium { program, libraries } = chromium();
    let plan = json!({ "url": url, "executable": program, "libraries": libraries, "screenshots": screenshots });
    let mut script = Command::new(node_and_npm().0);
    script.arg(folder.join("page.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = script.spawn().expect("node runs");
    let mut input = running.stdin.take().expect("it is piped");
    input.write_all(plan.to_string().as_bytes()).expect("the script reads its plan");
    drop(input);
    let output = running.wait_with_output().expect("the script ends");
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "the browser failed after\n{out}\n{err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

fn chromium() -> Chromium {
    const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let folders: Vec<_> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    let programs = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    match programs.into_iter().find(|program| program.is_file()) {
        Some(program) => Chromium { program, libraries: None },
        None => unpacked(),
    }
}

/// Debian's Chromium with those libraries that this machine does not have. Nothing of the system is touched, and no
/// step needs the rights of root. The machine's own loader starts it, because its processes start themselves again by
/// their path.
fn unpacked() -> Chromium {
    let folder = installed("chromium", |folder| {
        let hint = "a browser is needed for the tests of the status page: install Chromium or Google Chrome";
        let apt = folder.join("apt");
        for inner in ["archives/partial", "lists/partial"] {
            fs::create_dir_all(apt.join(inner)).expect("the target directory can be written");
        }
        // The machine's own sources and list of what is installed, so that its libraries are not fetched again.
        let state = |name: &str, path: &str| ["-o".to_owned(), format!("{name}={}", text(&apt.join(path)))];
        let options =
            [state("Dir::Cache", ""), state("Dir::Cache::archives", "archives"), state("Dir::State::lists", "lists")];
        let apt_get = |words: &[&str]| {
            let mut command = Command::new("apt-get");
            command.args(options.as_flattened()).args(["-qq", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]);
            command.args(words);
            installs(&mut command, hint);
        };
        apt_get(&["update"]);
        apt_get(&["install", "--download-only", "--yes", "--no-install-recommends", "chromium"]);
        for package in fs::read_dir(apt.join("archives")).expect("it was made above") {
            let package = package.expect("it was made above").path();
            if package.extension().is_some_and(|end| end == "deb") {
                installs(Command::new("dpkg").arg("-x").args([&package, &folder.join("root")]), hint);
            }
        }
        fs::remove_dir_all(apt).expect("the target directory can be written");
    });
    let root = folder.join("root");
    let libraries = root.join(format!("usr/lib/{}-linux-gnu", env::consts::ARCH));
    Chromium { program: root.join("usr/lib/chromium/chromium"), libraries: Some(libraries) }
}
