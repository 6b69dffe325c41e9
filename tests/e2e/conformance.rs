//! MCP's own conformance suite against the real server, with what each revision of the specification asks of servers.

use std::{fs, path::Path};

use crate::{over_http::Changing, peers};

#[test]
fn the_older_era() {
    conforms("2025-11-25");
}

#[test]
pub fn the_newer_era() {
    conforms("2026-07-28");
}

/// Runs the suite. What it may fail is listed, with the reason for each, in `tests/peers`; what is listed and passes fails the
/// run, too.
fn conforms(revision: &str) {
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/peers/conformance-{revision}.yml"));
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("conformance-{revision}"));
    let _ = fs::remove_dir_all(&results);
    let changing = Changing::serve(&[]);
    let mut suite = peers::conformance();
    suite.args(["server", "--url", &changing.server.url(), "--requirements", revision]);
    suite.arg("--expected-failures").arg(expected).arg("--output-dir").arg(&results);
    let output = suite.output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}\ndetails are in {}", String::from_utf8_lossy(&said), results.display());
}
