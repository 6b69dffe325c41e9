//! Who may do what: the lock file, its acceptance, and what a client is told of plugins that are not served.

use std::fs;

use crate::{
    failure::changed,
    folder::{Folder, component},
};

#[test]
fn a_plugin_that_nobody_reviewed_is_not_served() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    folder.lock();
    folder.add("sleeps", "");
    let mut client = folder.serve();
    assert_eq!(client.tools(), ["echo", "toolerror"]);
    let told = "2 of 3 plugins are served. Not served: sleeps (permissions not reviewed). A person runs `toolcell allow \
                sleeps` in a terminal; do not run it yourself.";
    assert!(client.instructions.contains(told), "{}", client.instructions);
}

#[test]
fn a_lock_file_that_came_with_the_folder_grants_nothing() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let mut client = folder.serve_with(&[]);
    assert_eq!(client.tools(), [""; 0]);
    assert!(client.instructions.contains("echo (lock file not accepted by this user)"), "{}", client.instructions);
}

#[test]
fn a_damaged_lock_file_grants_nothing() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let lock = fs::read_to_string(folder.plugins().join("toolcell.lock")).expect("it is there");
    for (damaged, said) in [
        (lock.replace("version = 1", "version = 2"), "version"),
        (lock.replace("sha256:", "md5:"), "sha256"),
        (lock.replace("[plugins.echo]", "[plugins.echo]\nnetwrok = []"), "did you mean \"network\"?"),
        (lock.replace("[plugins.echo]", "[plugins.echo]\nnetwork = [\"ftp://x\"]"), "ftp://x"),
        (lock[..lock.len() - 20].to_owned(), "toolcell.lock:"),
        (format!("{lock}\0"), "toolcell.lock:"),
    ] {
        folder.write("plugins/toolcell.lock", &damaged);
        let mut client = folder.serve();
        assert_eq!(client.tools(), [""; 0], "{damaged}");
        assert!(client.instructions.contains("echo (lock file not usable)"), "{}", client.instructions);
        let line = client.wait_for_log("plugins/toolcell.lock:");
        assert!(line.contains("ERROR") && line.contains(said), "{line}");
    }
}

#[test]
fn a_damaged_configuration_starts_nothing() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    folder.write("toolcell.toml", "[sandbox]\nslots = 0\n");
    let output = folder.toolcell().args(["serve", "--locked"]).output().expect("it runs");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    let text = String::from_utf8(output.stderr).expect("it prints text");
    assert!(text.contains("toolcell.toml:2:9: slots has to be a number from 1 to 10000"), "{text}");
}

#[test]
fn a_changed_component_is_not_served_and_the_others_are() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    folder.lock();
    folder.write_component("echo", &changed("echo"));
    let mut client = folder.serve();
    assert_eq!(client.tools(), ["toolerror"]);
    assert!(client.instructions.contains("echo (component changed since it was reviewed)"), "{}", client.instructions);
    let check = folder.toolcell().args(["check", "--locked", "echo"]).output().expect("it runs");
    let text = String::from_utf8(check.stdout).expect("it prints text");
    let told = "not served echo: component changed since it was reviewed\n   to mend: toolcell allow echo\n";
    assert!(text.starts_with(told), "{text}");
    assert_eq!(check.status.code(), Some(1));
}

#[test]
fn a_bad_manifest_keeps_only_its_own_plugin_from_being_served() {
    let folder = Folder::new(&[("echo", ""), ("sleeps", "")]);
    folder.lock();
    folder.add("sleeps", "[capabilities]\nnetwork = [\"hn.algolia.com\"]\n");
    let mut client = folder.serve();
    assert_eq!(client.tools(), ["echo"]);
    let check = folder.toolcell().args(["check", "--locked", "sleeps"]).output().expect("it runs");
    let text = String::from_utf8(check.stdout).expect("it prints text");
    assert!(text.contains("sleeps/plugin.toml:3:12: ") && text.contains("https://hn.algolia.com"), "{text}");
}

#[test]
pub fn bad_components_are_named() {
    for (guest, said) in [
        ("badname", "tool name"),
        ("badschema_draft", "2020-12"),
        ("badschema_json", "not JSON"),
        ("badschema_ref", "leads out of the schema"),
        ("badschema_root", "object"),
        ("bidi", "hidden character U+"),
        ("listtraps", "listing its tools failed"),
        ("strangeimport", "an import does not fit"),
    ] {
        let name = guest.replace('_', "-");
        let folder = Folder::new(&[]);
        fs::write(folder.plugins().join(format!("{name}.wasm")), component(guest)).expect("the folder is ours");
        let allow = folder.toolcell().args(["allow", &name]).output().expect("it runs");
        let text = String::from_utf8(allow.stderr).expect("it prints text");
        assert!(text.contains(said), "{guest}: {text}");
    }
}

#[test]
fn allowing_needs_a_terminal() {
    let folder = Folder::new(&[("echo", "")]);
    let mut command = folder.toolcell();
    // A session of its own has no controlling terminal.
    let command = command.args(["allow", "echo"]);
    let output = std::process::Command::new("setsid")
        .arg("--wait")
        .arg(command.get_program())
        .args(command.get_args())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(command.get_current_dir().expect("it is set"))
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stderr).expect("it prints text");
    assert!(text.contains("this asks a person, and there is no terminal"), "{text}");
    assert!(!folder.plugins().join("toolcell.lock").exists());
}
