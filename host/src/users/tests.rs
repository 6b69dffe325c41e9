use std::{fs, path::Path};

use super::*;
use crate::{config::Config, env_file::EnvFile, plugin::Environment, source::Source};

fn users(toml: &str, beside: &Path, host: &str) -> Users {
    let config = Config::parse(&Source { file: "toolcell.toml", text: toml }).expect("the file is good");
    let file = EnvFile::parse(&Source { file: ".env", text: host }).expect("the lines are good");
    let values = read_values(&config.user_values, beside, &Environment { file });
    Users::new(config.policy.users, &values)
}

fn with(toml: &str) -> Users {
    users(toml, Path::new("/nowhere"), "")
}

fn refused(users: &Users, name: &str) -> String {
    users.get(name).expect_err("not let in").to_string()
}

#[test]
fn a_user_is_the_same_value_for_every_request() {
    let users = with("[users.alice]\nrate = \"1/h\"\n[users.\"*\"]\nrate = \"1/h\"\n");
    for name in ["alice", "bob", "carol"] {
        let user = users.get(name).expect("let in");
        assert_eq!(user.name(), name);
        assert!(user.count_call().is_ok(), "{name}");
        drop(user);
        let again = users.get(name).expect("let in");
        assert!(again.count_call().is_err(), "{name}: what they called is not forgotten between requests");
    }
}

#[test]
fn nobody_is_let_in_whom_the_file_shuts_out() {
    let only_listed = with("[users.\"*\"]\nenabled = false\n[users.alice]\n[users.mallory]\nenabled = false\n");
    assert!(only_listed.get("alice").is_ok());
    assert_eq!(refused(&only_listed, "mallory"), "toolcell.toml shuts this user out (enabled = false)");
    assert_eq!(
        refused(&only_listed, "bob"),
        "toolcell.toml lets in only those whom it names, and this user has no table under [users]"
    );
    let open = with("[users.mallory]\nenabled = false\n");
    assert!(open.get("bob").is_ok() && open.get("mallory").is_err());
    // Names are compared exactly: it is for the identity provider to have one for each user.
    assert!(open.get("Mallory").is_ok());
    for (name, problem) in
        [("local", InvalidUserName::Taken), ("*", InvalidUserName::Form), ("", InvalidUserName::Form)]
    {
        assert_eq!(open.get(name).err(), Some(NotLetIn::Name(problem)), "{name}");
    }
}

#[test]
fn no_more_users_are_remembered_than_there_is_room_for() {
    let users = Users::default();
    for number in 0..REMEMBERED + 2_000 {
        assert!(users.get(&format!("user-{number}")).is_ok());
    }
    users.met.run_pending_tasks();
    assert_eq!(users.met.entry_count(), REMEMBERED);
}

#[test]
fn own_values_come_from_the_users_file_and_the_hosts_variables() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("alice.env"), "TOKEN=of the file\nOTHER=alice's\n").expect("the folder is ours");
    let toml = r#"
        [users."*"]
        env = { TEAM = "TEAM_TOKEN", OTHER = "TEAM_TOKEN" }
        [users.alice]
        env-file = "alice.env"
        env = { TOKEN = "ALICE_TOKEN" }
        [users.bob]
        env = { TOKEN = "BOB_TOKEN" }
        [users.carol]
    "#;
    let users = users(toml, dir.path(), "ALICE_TOKEN=alice's own\nTEAM_TOKEN=the team's\n");
    let values = |name: &str| {
        let user = users.get(name).expect("let in");
        let value = |variable: &str| {
            let variable = variable.parse().expect("a name");
            user.value_or(&variable, Some("the host's")).unwrap_or("none").to_owned()
        };
        ["TOKEN", "OTHER", "TEAM", "REST"].map(value)
    };
    assert_eq!(values("alice"), ["alice's own", "alice's", "the team's", "the host's"]);
    assert_eq!(values("bob"), ["none", "the team's", "the team's", "the host's"]);
    for other in ["carol", "dave"] {
        assert_eq!(values(other), ["the host's", "the team's", "the team's", "the host's"], "{other}");
    }
    assert_eq!(
        users.problems(),
        ["user bob has no value of TOKEN: the variable that toolcell.toml names for it is not set"]
    );
}

#[test]
fn whose_values_cannot_be_read_is_not_let_in_and_others_are() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("bob.env"), "a secret\n").expect("the folder is ours");
    let toml = "[users.alice]\nenv-file = \"alice.env\"\n[users.bob]\nenv-file = \"bob.env\"\n[users.carol]\n";
    let users = users(toml, dir.path(), "");
    let problems = users.problems().join("\n").replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(problems, @r"
    user alice is not let in: DIR/alice.env cannot be read: No such file or directory (os error 2)
    user bob is not let in: DIR/bob.env:1:1: expected NAME=value
    ");
    assert!(matches!(users.get("alice"), Err(NotLetIn::Values(_))) && users.get("carol").is_ok());

    let everybody = with("[users.\"*\"]\nenv-file = \"all.env\"\n[users.alice]\n");
    assert!(matches!(everybody.get("alice"), Err(NotLetIn::Values(_))), "she was to have them too");
    assert!(matches!(everybody.get("bob"), Err(NotLetIn::Values(_))));
}

#[test]
fn without_a_file_everybody_may_do_everything() {
    let user = Users::default().get("anybody").expect("let in");
    assert_eq!((user.policy(), user.values()), (&UserPolicy::default(), &OwnValues::default()));
}

#[test]
fn values_are_not_formatted() {
    let users = users("[users.\"*\"]\nenv = { TOKEN = \"TOKEN_OF_ALL\" }\n", Path::new(""), "TOKEN_OF_ALL=secret\n");
    assert!(users.get("alice").is_ok_and(|user| user.value(&"TOKEN".parse().expect("a name")) == Some("secret")));
    assert!(!format!("{users:?}").contains("secret"));
}
