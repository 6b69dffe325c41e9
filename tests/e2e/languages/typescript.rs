//! TypeScript: its compiler checks what a build bundles.

use std::{fs, process::Command};

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{NAME, Node, build, holds, new, repository, said, source};
use crate::folder::Folder;

#[test]
fn a_new_plugin_in_typescript_is_built_tested_and_called() {
    let (folder, node) = (new("typescript"), Node::new());
    let told = build(node.first(&mut folder.toolcell()));
    assert!(told.contains("\n$ node node_modules/typescript/bin/tsc --noEmit\n"), "{told}");
    let tested = said(node.first(&mut Command::new("npm")).arg("test").current_dir(source(&folder)));
    assert!(tested.contains("pass 4") && tested.contains("fail 0"), "{tested}");
    holds(&folder);

    // What the SDK's types infer is checked with the same compiler.
    let checks = "node_modules/typescript/bin/tsc --noEmit --strict --module nodenext --target es2022";
    let mut compiler = Command::new("node");
    compiler.args(checks.split(' ')).arg(repository().join("guest-sdk/javascript/types/inference.ts"));
    said(node.first(&mut compiler).current_dir(source(&folder)));

    // A result that the schema does not have is found before there is a component.
    let path = source(&folder).join("src/plugin.ts");
    let wrong = fs::read_to_string(&path).expect("it was made").replace("return { text:", "return { txt:");
    fs::write(&path, wrong).expect("it is ours");
    let refused = node.first(folder.toolcell().args(["build", NAME])).output().expect("it runs");
    let (said, told) = (String::from_utf8_lossy(&refused.stdout), String::from_utf8_lossy(&refused.stderr));
    assert!(said.contains("src/plugin.ts(") || told.contains("src/plugin.ts("), "{said}{told}");
    assert!(told.contains("Correct the types, or what tsconfig.json asks of them."), "{told}");
    assert_eq!(refused.status.code(), Some(1), "{told}");
}

/// A new plugin in this language, whose module is that of ./types.
fn with_module(language: &str, module: &str) -> Folder {
    let folder = new(language);
    let (types, ending) =
        (repository().join("tests/e2e/languages/types"), module.rsplit_once('.').expect("an ending").1);
    fs::copy(types.join(module), source(&folder).join(format!("src/plugin.{ending}"))).expect("it is ours");
    // They are about another module.
    fs::remove_dir_all(source(&folder).join("test")).expect("it is ours");
    folder
}

#[test]
fn comments_and_types_become_descriptions_and_schemas() {
    for (language, module) in [("typescript", "every.ts"), ("javascript", "every.js")] {
        let folder = with_module(language, module);
        build(Node::new().first(&mut folder.toolcell()));
        let mut client = folder.lock().serve();
        let list = client.request("tools/list", json!({}));
        let shown = |tool: &Value| {
            let [name, title, description] = ["name", "title", "description"].map(|member| &tool[member]);
            let [input, output] = ["inputSchema", "outputSchema"].map(|member| &tool[member]);
            format!("{name} {title} {description}\ninput: {input:#}\noutput: {output:#}\n\n")
        };
        let tools: String = list["result"]["tools"].as_array().expect("a list").iter().map(shown).collect();
        assert_snapshot!(format!("types_{language}"), tools);
    }
}

#[test]
fn a_type_without_a_schema_is_refused_with_its_place() {
    let folder = with_module("typescript", "none.ts");
    let refused = Node::new().first(folder.toolcell().args(["build", NAME])).output().expect("it runs");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    let places: Vec<_> = told.lines().filter(|line| line.starts_with("src/")).collect();
    assert_snapshot!("types_without_a_schema", places.join("\n"));
}
