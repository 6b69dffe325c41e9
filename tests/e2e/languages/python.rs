//! Python: one component, of the template and of a module that uses all that the SDK has, since each takes its time to build.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    process::{Command, Output},
};

use serde_json::json;

use super::{NAME, answers_alike, build, call, new, said, source};

const ASKS: &str = r#"
network = ["https://api.example.com"]
env = ["TOKEN"]
postgres = ["replica"]

[capabilities.cache]
max = "1MiB"
ttl-max = "1h"
"#;

/// What the checklist looks for once a plugin asks for something.
const EXPLAINS: &str = r#"
`TOKEN` is sent to api.example.com, whose page of the account has it. The database stands in toolcell.toml:

    [postgres.replica]
    url-env = "REPLICA_URL"
"#;

#[test]
fn a_python_plugin_is_tested_built_reviewed_and_called() {
    let folder = new("python");
    let plugin = source(&folder);
    // As its README has it.
    let tested = python(&["-m", "unittest"], &plugin);
    let told = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success() && told.contains("Ran 4 tests"), "{told}");

    add_module(&plugin);
    let told = build(&mut folder.toolcell());
    assert!(told.contains("$ PYTHONPATH="), "{told}");
    answers_alike(&folder);
    append(&plugin, "plugin.toml", ASKS);
    folder.lock();
    said(folder.toolcell().args(["--locked", "check", NAME]));
    // All is well but the tool that crashes on purpose, also where that became an error.
    let strict = folder.toolcell().args(["check", NAME, "--strict"]).output().expect("it runs");
    let strict = String::from_utf8_lossy(&strict.stdout);
    assert!(strict.contains("fifth: it crashes in the example fifth (crashed)"), "{strict}");
    assert!(strict.contains("9 of ten pass"), "{strict}");

    // The same examples in the component and in plain Python.
    let smoked = said(folder.toolcell().args(["smoke", NAME]));
    assert!(smoked.contains("All 12 examples of 1 plugin hold"), "{smoked}");
    let run = "import extra, plugin; from toolcell import testing; testing.examples('examples')";
    let examples = python(&["-c", run], &plugin);
    assert!(examples.status.success(), "{}", String::from_utf8_lossy(&examples.stderr));

    let parts = folder.serve().call("parts", json!({}));
    let expected = json!([
        {"type": "text", "text": "text"},
        {"type": "image", "data": "AAE=", "mimeType": "image/png"},
        {"type": "audio", "data": "Ag==", "mimeType": "audio/wav"},
        {
            "type": "resource_link", "uri": "https://example.com/a", "name": "a", "description": "A page.",
            "mimeType": "text/html",
        },
        {"type": "resource", "resource": {"uri": "note:1", "mimeType": "text/plain", "text": "a note"}},
        {"type": "resource", "resource": {"uri": "note:2", "blob": "Aw=="}},
        {"type": "text", "text": "other"},
    ]);
    assert_eq!(parts["content"], expected, "{parts}");

    // What a component draws is not what it drew when it was built.
    let draw = || call(&folder, "draw", &json!({}))["structured"]["number"].clone();
    let (first, second) = (draw(), draw());
    assert!(first.is_f64() && first != second, "{first} {second}");
}

#[test]
fn the_sdk_for_python_passes_its_own_tests() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/python");
    let tested = python(&["-m", "unittest", "discover", "tests"], &sdk);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}

#[test]
fn what_keeps_python_from_a_component_is_told() {
    let folder = new("python");
    let project = source(&folder).join("pyproject.toml");
    let text = fs::read_to_string(&project).expect("it was made");
    fs::write(&project, text.replace("dependencies = []", "dependencies = [\"no requirement\"]")).expect("it is ours");
    let told = failed(&mut folder.toolcell());
    assert!(told.contains("--target lib/site-packages 'no requirement'"), "{told}");
    assert!(told.contains("Invalid requirement") && told.contains("names packages of pure Python."), "{told}");

    // A Python that is not there, and one that is too old.
    let programs = tempfile::tempdir().expect("a folder can be made");
    let told = failed(folder.toolcell().env("PATH", programs.path()));
    assert!(told.contains("python3 is needed to build plugins in Python and could not be started"), "{told}");
    assert!(told.contains("Install Python 3.10 or newer"), "{told}");
    // Written by a process of its own: one that is started at the same time would hold the file open.
    let write = "printf '#!/bin/sh\\necho 3 9\\n' > python3; chmod +x python3";
    assert!(Command::new("sh").args(["-c", write]).current_dir(&programs).status().expect("it runs").success());
    let told = failed(folder.toolcell().env("PATH", programs.path()));
    assert!(told.contains("python3: its version is 3.9. Install Python 3.10 or newer"), "{told}");
}

/// What is told by a build that does not succeed.
fn failed(command: &mut Command) -> String {
    let output = command.args(["build", NAME]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    told
}

/// Adds what this test brings to the template: a module, its examples, and what explains it.
fn add_module(plugin: &Path) {
    let extra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/e2e/languages/python");
    fs::copy(extra.join("extra.py"), plugin.join("extra.py")).expect("the folder is ours");
    for example in fs::read_dir(extra.join("examples")).expect("they are in this repository") {
        let example = example.expect("they are in this repository");
        fs::copy(example.path(), plugin.join("examples").join(example.file_name())).expect("the folder is ours");
    }
    append(plugin, "plugin.py", "\n\nimport extra\n");
    append(plugin, "README.md", EXPLAINS);
}

fn append(plugin: &Path, file: &str, more: &str) {
    let mut file = OpenOptions::new().append(true).open(plugin.join(file)).expect("it was made");
    file.write_all(more.as_bytes()).expect("the folder is ours");
}

/// Python in the plugin's folder, with the SDK from its own.
fn python(arguments: &[&str], plugin: &Path) -> Output {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/python");
    let mut python = Command::new("python3");
    python.args(arguments).current_dir(plugin).env("PYTHONPATH", sdk).env("PYTHONDONTWRITEBYTECODE", "1");
    python.output().expect("python3 is needed for plugins in Python: apt-get install python3 python3-pip")
}
