use std::process::Command;

use super::{build, holds, new, said, source};

#[test]
fn a_plugin_in_c_is_tested_built_reviewed_and_called() {
    let folder = new("c");
    let tested = said(Command::new("make").arg("test").current_dir(source(&folder)));
    assert!(tested.ends_with("2 passed\n"), "{tested}");
    let told = build(&mut folder.toolcell());
    assert!(told.contains("$ make 'WASM_CC="), "{told}");
    holds(&folder);
}
