//! `check --strict`: a plugin that passes all ten questions, and for each question one that fails it and no other.

use std::{fs, path::Path};

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{root, run};
use crate::folder::Folder;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins");

/// A folder with the guest as the plugin `story`, and with all that a good plugin has beside its component.
fn story(guest: &str) -> Folder {
    let folder = Folder::new(&[]);
    folder.add_as("story", guest, "capabilities.network = [\"https://api.example.com\"]\n");
    let plugin = folder.plugins().join("story");
    fs::create_dir(plugin.join("src")).and_then(|()| fs::create_dir(plugin.join("examples"))).expect("it is ours");
    let source = "// Compiled elsewhere.\n#[test]\nfn the_examples_hold() {\n    \
                  toolcell_sdk::testing::examples(&tools(), \"examples\");\n}\n";
    folder.write("plugins/story/src/lib.rs", source);
    let readme = "# story\n\nInstall it with `toolcell allow story` and add it with `toolcell connect CLIENT`.\n";
    folder.write("plugins/story/README.md", readme);
    folder.write("plugins/story/examples/seven.json", &example("Cells").to_string());
    folder
}

fn example(title: &str) -> Value {
    json!({
        "description": "A story that is there.",
        "tool": "story",
        "arguments": {"id": 7},
        "upstream": [{
            "method": "GET", "url": "https://api.example.com/stories/7", "status": 200, "body": {"title": "Cells"},
        }],
        "expect": {"structured": {"title": title}},
    })
}

/// The rules that failed, or did not quite pass.
fn not_passed(folder: &Folder) -> Vec<u64> {
    let ran = run(folder, &["check", "story", "--strict", "--json"]);
    let checked: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.shown()));
    let answers = checked[0]["answers"].as_array().expect("it was checked");
    assert_eq!(answers.len(), 10, "{checked:#}");
    let not_passed = answers.iter().filter(|answer| answer["verdict"] != "pass");
    let rules: Vec<_> = not_passed.map(|answer| answer["rule"].as_u64().expect("a number")).collect();
    assert_eq!(ran.code, Some(i32::from(!rules.is_empty())), "{checked:#}");
    rules
}

#[test]
pub fn each_bad_plugin_fails_its_rule_alone() {
    assert_eq!(not_passed(&story("story")), Vec::<u64>::new());
    let guests = [
        (1, "story_mute"),
        (2, "story_trace"),
        (3, "story_terse"),
        (4, "story_vague"),
        (5, "story_shapeless"),
        (6, "story_moody"),
        (7, "story_hiding"),
    ];
    for (rule, guest) in guests {
        assert_eq!(not_passed(&story(guest)), [rule], "{guest}");
    }
    let folder = story("story_moody");
    let mut varying = example("Cells");
    varying["varies"] = true.into();
    folder.write("plugins/story/examples/seven.json", &varying.to_string());
    assert_eq!(not_passed(&folder), Vec::<u64>::new());
    let files = [
        (8, "src/lib.rs", "fn tools() {}\n".to_owned()),
        (9, "examples/seven.json", example("Rooms").to_string()),
        (10, "README.md", "# story\n".to_owned()),
    ];
    for (rule, file, text) in files {
        let folder = story("story");
        folder.write(&format!("plugins/story/{file}"), &text);
        assert_eq!(not_passed(&folder), [rule]);
    }
}

#[test]
fn a_plugin_that_waits_for_its_whole_deadline_is_told() {
    let folder = Folder::new(&[]);
    folder.add_as("story", "fetches", "capabilities.network = [\"https://api.example.com\"]\n");
    fs::create_dir(folder.plugins().join("story/examples")).expect("it is ours");
    let mut example = example("");
    example["tool"] = json!("fetches");
    example["arguments"] = json!({"url": "https://api.example.com/stories/7"});
    example["expect"] = json!({"structured": {"status": 200}});
    folder.write("plugins/story/examples/seven.json", &example.to_string());
    let ran = run(&folder, &["check", "story", "--strict", "--json"]);
    let checked: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    let says = checked[0]["answers"][6]["findings"].to_string();
    assert!(says.contains("waits for its whole deadline while https://api.example.com does not answer"), "{says}");
}

/// Without what follows the compiler and the machine.
fn shown(folder: &Folder, arguments: &[&str]) -> String {
    let shown = run(folder, arguments).shown();
    let lines = shown.lines().filter(|line| !line.contains("note      component of"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn people_read_a_table_with_the_line_to_change() {
    let folder = story("story");
    assert_snapshot!("strict_good", shown(&folder, &["check", "story", "--strict"]));
    folder.write("plugins/story/src/lib.rs", "fn tools() {}\n// Reads one story from\n");
    folder.write("plugins/story/examples/seven.json", "{}");
    folder.write(
        "plugins/story/plugin.toml",
        "component = \"guest.wasm\"\n[capabilities]\nnetwork = [\"https://api.example.com\"]\nenv = [\"TOKEN\"]\n",
    );
    fs::remove_file(folder.plugins().join("story/README.md")).expect("it is there");
    assert_snapshot!("strict_bad", shown(&folder, &["check", "--strict"]));
    fs::remove_file(folder.plugins().join("story/guest.wasm")).expect("it is there");
    assert_snapshot!("strict_no_component", shown(&folder, &["check", "--strict"]));
    assert_eq!(run(&folder, &["check", "--json"]).code, Some(2));
}

/// Copies what a plugin that ships has beside its component, to where its component is.
fn ship(folder: &Folder, name: &str, component: &str) {
    let source = Path::new(SHIPPED).join(name);
    let manifest = fs::read_to_string(source.join("plugin.toml")).expect("it ships");
    folder.add_built(name, &manifest, &fs::read(component).expect("it is built"));
    copy(&source, &root(folder).join("plugins").join(name));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it is ours");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else if from.extension().is_none_or(|end| end != "wasm") {
            fs::copy(from, to).expect("it is ours");
        }
    }
}

#[test]
fn the_plugins_that_ship_pass_all_ten() {
    let folder = Folder::new(&[]);
    for (name, component) in toolcell_test_guests::plugins::ALL {
        ship(&folder, &name.replace('_', "-"), component);
    }
    let ran = run(&folder, &["check", "--strict"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(
        ran.stdout.matches("All ten pass.").count(),
        toolcell_test_guests::plugins::ALL.len(),
        "{}",
        ran.shown()
    );
    let smoked = run(&folder, &["smoke"]);
    assert_eq!(smoked.code, Some(0), "{}", smoked.shown());
    assert!(smoked.stdout.contains("hold, and nothing left this machine."), "{}", smoked.shown());
}
