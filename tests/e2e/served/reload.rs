//! A plugin is replaced while clients call it.

#[path = "../../../host/examples/reload/run.rs"]
mod run;

use crate::folder::{Folder, component};
use run::Plan;

#[test]
fn no_call_fails_while_its_plugin_is_replaced() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let echo = component("echo");
    let plan = Plan { reloads: 10, rate: 100, clients: 8 };
    let replace = |version: &[u8]| folder.build("echo", &[&echo, version].concat());
    let report = run::run(folder.toolcell().args(["serve", "--locked"]), plan, replace).expect("the server serves");
    assert_eq!((report.reloads, report.failed), (10, 0), "{report}: {:?}", report.failures);
    assert!(report.answered > 0);
}
