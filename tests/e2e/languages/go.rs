use std::{path::PathBuf, process::Command};

use super::{build, holds, new, said, source};
use crate::folder::user;

/// The one that `toolcell build` takes.
fn go() -> Command {
    let debian = user().join("cache/toolcell/toolchain/go/usr/lib/go/bin/go");
    let mut go = Command::new(if debian.is_file() { debian } else { PathBuf::from("go") });
    // What is compiled stays from run to run.
    go.env("XDG_CACHE_HOME", user().join("cache"));
    go
}

#[test]
fn a_plugin_in_go_is_built_tested_reviewed_and_called() {
    let folder = new("go");
    let told = build(&mut folder.toolcell());
    assert!(told.contains("$ GOARCH=wasm GOOS=wasip1 "), "{told}");
    let tested = said(go().args(["test", "./..."]).current_dir(source(&folder)));
    assert!(tested.starts_with("ok  \texample.com/first-one\t"), "{tested}");
    holds(&folder);
}
