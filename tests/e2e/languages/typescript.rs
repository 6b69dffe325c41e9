//! TypeScript: its compiler checks what a build bundles.

use std::{fs, process::Command};

use super::{NAME, Node, build, holds, new, repository, said, source};

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
