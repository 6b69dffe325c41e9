//! What an operator is told of credentials: names, never values.

use std::process::Output;

use super::{ASKS, TOKEN, folder};
use crate::folder::Folder;

fn run(folder: &Folder, arguments: &[&str]) -> (String, String) {
    let Output { stdout, stderr, .. } =
        folder.toolcell().args(arguments).args(["--locked", "--env-file=values.env"]).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints text");
    (text(stdout), text(stderr))
}

#[test]
fn check_and_list_say_which_plugins_get_which_credentials() {
    let folder = folder(&[("fetches", ASKS), ("echo", "")], "");
    folder.write("values.env", &format!("API_TOKEN={TOKEN}\n"));
    let (checked, aside) = run(&folder, &["check"]);
    // The lines are as wide as the terminal.
    let words = checked.split_whitespace().collect::<Vec<_>>().join(" ");
    let gets = " gets `authorization` for api.example.com, made of API_TOKEN, which it cannot read ";
    assert_eq!(words.matches(gets).count(), 1, "{checked}");
    assert!(!aside.contains("warning"), "{aside}");
    let (_, aside_of_list) = run(&folder, &["list"]);
    assert!(
        aside_of_list.contains("requests to api.example.com get a credential from the host: fetches\n"),
        "{aside_of_list}"
    );
    assert!(![checked, aside, aside_of_list].iter().any(|text| text.contains(TOKEN)));
}

#[test]
fn credentials_that_are_of_no_use_are_told() {
    let more = "plugins = [\"fetchs\"]\n[credentials.\"lonely.example.com\"]\nheader = \"X-Key\"\nvalue = \"${KEY}\"\n";
    let folder = folder(&[("fetches", ASKS)], more);
    folder.write("values.env", "KEY=short\n");
    for arguments in [["check"], ["list"]] {
        let (_, aside) = run(&folder, &arguments);
        for warning in [
            "toolcell.toml names plugin \"fetchs\" for the credential of api.example.com, which is not in the folder; did you \
             mean \"fetches\"?",
            "no plugin gets the credential for api.example.com: those that may reach it are not named in `plugins`",
            "no plugin gets the credential for lonely.example.com: no plugin that is served was granted that server",
            "API_TOKEN is not set on the host: requests to api.example.com fail for users who have no value of their own for it",
            "KEY has a value of fewer than 8 bytes, too few for a secret on the host: requests to lonely.example.com fail",
        ] {
            assert!(aside.contains(&format!("warning: {warning}")), "no {warning:?} in {aside}");
        }
    }
}

#[test]
fn a_secret_in_the_file_starts_nothing_and_is_not_repeated() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    folder.write("values.env", "");
    folder
        .write("toolcell.toml", &format!("[credentials.\"a.example\"]\nheader = \"A\"\nvalue = \"Bearer {TOKEN}\"\n"));
    let (_, aside) = run(&folder, &["list"]);
    assert!(aside.contains("toolcell.toml:3:9: expected a variable that holds the secret"), "{aside}");
    assert!(!aside.contains(TOKEN), "{aside}");
}
