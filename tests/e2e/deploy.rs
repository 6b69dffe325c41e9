//! What `docs/deploy.md` tells people to run: its settings are settings, its options exist, and its repository is
//! served.

pub mod nginx;

use std::{collections::BTreeSet, fs, path::Path};

use toolcell::{config::Config, policy::Digest, source::Source};

use crate::folder::{Folder, toolcell};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
const REPOSITORY: &str = "deploy/shared-repository";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(DOCS).join(path)).expect("it is documented")
}

fn parses(file: &str, text: &str) -> Config {
    Config::parse(&Source { file, text }).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn every_toolcell_toml_is_one() {
    let page = read("deploy.md");
    let blocks: Vec<_> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 3);
    let [central, gateway] = ["deploy/central.toml", "deploy/gateway.toml"].map(|file| parses(file, &read(file)));
    // The page shows the files without their comments.
    assert_eq!((parses("deploy.md", blocks[0]), parses("deploy.md", blocks[1])), (central, gateway));
    assert!(parses("deploy.md", blocks[2]).redis_url.is_some());

    parses(REPOSITORY, &read(&format!("{REPOSITORY}/toolcell.toml")));

    let manifests = read("deploy/kubernetes.yaml");
    let (_, settings) = manifests.split_once("  toolcell.toml: |\n").expect("a ConfigMap");
    let settings: Vec<_> = settings.lines().take_while(|line| *line != "---").map(str::trim).collect();
    let config = parses("kubernetes.yaml", &settings.join("\n"));
    let grace = manifests.split("terminationGracePeriodSeconds: ").nth(1).and_then(|rest| rest.lines().next());
    let grace: u64 = grace.and_then(|seconds| seconds.parse().ok()).expect("seconds");
    assert!((config.http.drain_delay + config.http.drain).as_secs() < grace);
}

#[test]
fn every_option_exists() {
    let mut wanted = BTreeSet::new();
    for file in ["deploy.md", "deploy/toolcell.service"] {
        let text = read(file);
        let commands = text.lines().filter_map(|line| line.split_once("toolcell ").map(|(_, rest)| rest));
        for command in commands {
            let words: Vec<_> = command.split([' ', '`', ';']).collect();
            let known = ["serve", "connect", "check", "audit", "list", "allow", "build"];
            let Some(name) = words.iter().find(|word| known.contains(word)) else { continue };
            let options = words.iter().filter(|word| word.starts_with("--")).map(|word| (*word).to_owned());
            wanted.extend(options.map(|option| ((*name).to_owned(), option)));
        }
    }
    assert!(wanted.contains(&("serve".to_owned(), "--http".to_owned())), "{wanted:?}");
    assert!(wanted.contains(&("connect".to_owned(), "--token-env".to_owned())), "{wanted:?}");
    for (name, option) in wanted {
        let output = toolcell().args([name.as_str(), "--help"]).output().expect("it runs");
        let help = String::from_utf8(output.stdout).expect("it prints text");
        assert!(help.contains(&option), "toolcell {name} has no {option}:\n{help}");
    }
}

#[test]
fn the_shared_repository_is_served_as_it_is_committed() {
    let folder = Folder::new(&[]);
    let mut lock = read(&format!("{REPOSITORY}/plugins/toolcell.lock"));
    for (name, component) in toolcell_test_guests::plugins::ALL {
        let plugin = name.replace('_', "-");
        if !lock.contains(&format!("[plugins.{plugin}]")) {
            continue;
        }
        let bytes = fs::read(component).expect("it is built");
        // Components are not committed here, and follow the compiler.
        let (before, entry) = lock.split_once(&format!("[plugins.{plugin}]")).expect("it is there");
        let (kept, rest) = entry.split_once("component = \"").expect("each entry has one");
        let (_, after) = rest.split_once('"').expect("it ends");
        lock = format!("{before}[plugins.{plugin}]{kept}component = \"{}\"{after}", Digest::of(&bytes));
        fs::create_dir(folder.plugins().join(&plugin)).expect("the folder is ours");
        let manifest = format!("plugins/{plugin}/plugin.toml");
        folder.write(&manifest, &read(&format!("{REPOSITORY}/{manifest}")));
        fs::write(folder.plugins().join(&plugin).join(format!("{plugin}.wasm")), bytes).expect("the folder is ours");
    }
    folder.write("plugins/toolcell.lock", &lock);
    folder.write("toolcell.toml", &read(&format!("{REPOSITORY}/toolcell.toml")));
    folder.write("mine.env", "REDDIT_TOKEN=not a real one\n");
    let mut check = folder.toolcell();
    let output = check.args(["check", "--locked", "--env-file", "mine.env"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("ok text") && said.contains("ok content-opportunity"), "{said}");

    for (client, file) in [("claude-code", ".mcp.json"), ("cursor", ".cursor/mcp.json"), ("vscode", ".vscode/mcp.json")]
    {
        let home = if client == "claude-code" { "${HOME}" } else { "${userHome}" };
        let env_file = format!("{home}/.config/tools.env");
        let mut connect = folder.toolcell();
        connect.args(["connect", client, "--scope", "project", "--locked", "--env-file", env_file.as_str()]);
        let printed = connect.output().expect("it runs").stdout;
        assert_eq!(String::from_utf8_lossy(&printed), read(&format!("{REPOSITORY}/{file}")), "{client}");
    }
}
