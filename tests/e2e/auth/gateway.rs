//! Behind a gateway that names the user in a header.

use super::{Server, folder};
use crate::folder::Folder;

const SECRET: &str = "6f1d8c0b5a3e4972b8d60c1f2e3a4b5c";

/// A server behind a gateway at these addresses, which takes this token, too.
fn behind(from: &str) -> (Folder, Server, String) {
    let folder = folder(&format!(
        "[auth]\ntokens = \"tokens.toml\"\n\n[auth.gateway]\nheader = \"X-Forwarded-User\"\nfrom = [\"{from}\"]\n\
         secret-env = \"GATEWAY_SECRET\"\n"
    ));
    let made = folder.toolcell().args(["token", "new", "alice"]).output().expect("it runs");
    let bearer = format!("Bearer {}", String::from_utf8_lossy(&made.stdout).trim());
    let server = Server::start_with(&folder, &[("GATEWAY_SECRET", SECRET)]);
    (folder, server, bearer)
}

#[test]
fn the_gateway_is_believed_and_nobody_else() {
    let (_folder, server, bearer) = behind("127.0.0.0/8");
    let (user, secret) = (("X-Forwarded-User", "alice"), ("X-Toolcell-Gateway-Secret", SECRET));
    let (wrong, token) = (("X-Toolcell-Gateway-Secret", &SECRET[1..]), ("Authorization", bearer.as_str()));
    server.call(&[user, secret]).is_answered();
    server.call(&[token]).is_answered();
    for forged in [
        &[user][..],
        &[secret],
        &[user, wrong],
        &[user, wrong, secret],
        &[user, user, secret],
        &[user, token],
        &[user, wrong, token],
    ] {
        server.call(forged).is_refused(401, "forged-gateway");
    }
    let line = server.process.wait_for_log("forged-gateway");
    assert!(line.contains("user=\"alice\"") && line.contains("address=\"127.0.0.1\""), "{line}");
    assert!(!server.process.log().contains(&SECRET[1..]), "the secret is in the log");
    server.call(&[("X-Forwarded-User", "alice smith"), secret]).is_refused(403, "bad-user-name");
}

#[test]
fn the_secret_is_no_use_at_another_address() {
    let (_folder, server, bearer) = behind("192.0.2.0/24");
    let headers = [("X-Forwarded-User", "alice"), ("X-Toolcell-Gateway-Secret", SECRET), ("Authorization", &bearer)];
    server.call(&headers).is_refused(401, "forged-gateway");
    server.process.wait_for_log("they come from an address that is not the gateway's");
}

#[test]
fn a_server_without_the_secret_does_not_start() {
    let settings = "[auth.gateway]\nheader = \"X-User\"\nfrom = [\"unix\"]\nsecret-env = \"TOOLCELL_TEST_SECRET\"\n";
    let folder = folder(settings);
    for (secret, expected) in [
        ("", "the secret in the variable TOOLCELL_TEST_SECRET is shorter than 32 characters"),
        ("short", "the secret in the variable TOOLCELL_TEST_SECRET is shorter than 32 characters"),
    ] {
        let mut command = folder.toolcell();
        command.args(["serve", "--locked", "--http", "127.0.0.1:0"]).env("TOOLCELL_TEST_SECRET", secret);
        let output = command.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(expected), "{told}");
    }
    let mut command = folder.toolcell();
    let output = command.args(["serve", "--locked", "--http", "127.0.0.1:0"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("the variable TOOLCELL_TEST_SECRET is not set"), "{told}");
}
