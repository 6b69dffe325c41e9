//! Access tokens of an issuer on this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Server, exchange::Answer, folder};
use crate::{issuer::Issuer, signing::SigningKey};

const RESOURCE: &str = "https://tools.example.com/mcp";

fn serve(issuer: &Issuer) -> (crate::folder::Folder, Server) {
    let folder = folder(&format!(
        "[auth.oauth]\nissuer = \"{}\"\nresource = \"{RESOURCE}\"\nscopes = [\"mcp:tools\"]\n",
        issuer.url()
    ));
    let server = Server::start(&folder);
    (folder, server)
}

fn claims(issuer: &Issuer) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    json!({"iss": issuer.url(), "aud": RESOURCE, "sub": "alice", "iat": now, "exp": now + 600, "scope": "mcp:tools"})
}

fn with(issuer: &Issuer, name: &str, value: Value) -> Value {
    let mut claims = claims(issuer);
    claims[name] = value;
    claims
}

#[test]
fn access_tokens_of_the_issuer_call_and_no_others() {
    let (rsa, ec, ed) = (SigningKey::rs256("r"), SigningKey::es256("e"), SigningKey::eddsa("d"));
    let issuer = Issuer::with(&[&rsa, &ec, &ed]);
    let (_folder, server) = serve(&issuer);
    for key in [&rsa, &ec, &ed] {
        server.call_with(&key.token(&claims(&issuer))).is_answered();
    }
    assert_eq!(
        issuer.asked(),
        ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/keys"]
    );

    for (name, value) in [
        ("aud", json!("https://other.example.com/mcp")),
        ("iss", json!("https://evil.example")),
        ("exp", json!(1_700_000_000)),
        ("nbf", json!(4_000_000_000_u64)),
    ] {
        server.call_with(&ec.token(&with(&issuer, name, value))).is_refused(401, "invalid_token");
    }
    let message = |token: String| token.rsplit_once('.').expect("three parts").0.to_owned();
    let unsigned = message(ec.token_with(&json!({"alg": "none"}), &claims(&issuer)));
    server.call_with(&format!("{unsigned}.")).is_refused(401, "invalid_token");
    server.call_with(&SigningKey::es256("e").token(&claims(&issuer))).is_refused(401, "invalid_token");

    let narrow = server.call_with(&ec.token(&with(&issuer, "scope", json!("mcp:read"))));
    narrow.is_refused(403, "insufficient_scope");
    let challenge = challenge(&narrow);
    assert!(
        challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"mcp:tools\""),
        "{challenge}"
    );
    let nameless = server.call_with(&ec.token(&with(&issuer, "sub", json!("local"))));
    nameless.is_refused(403, "bad-user-name");
    let log = server.process.log();
    assert!(!log.contains(&unsigned[20..60]), "a token is in the log:\n{log}");
}

/// What a client that knows only the address of the server follows (MCP, basic/authorization).
#[test]
fn a_client_finds_the_issuer() {
    let issuer = Issuer::with(&[&SigningKey::eddsa("d")]);
    let (_folder, server) = serve(&issuer);
    let refused = server.call(&[]);
    refused.is_refused(401, "no-credentials");
    assert_eq!(
        challenge(&refused),
        "Bearer realm=\"toolcell\", scope=\"mcp:tools\", \
         resource_metadata=\"https://tools.example.com/.well-known/oauth-protected-resource/mcp\""
    );
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let metadata = server.get(path);
        assert_eq!(metadata.status, 200, "{metadata:?}");
        assert_eq!(metadata.body["resource"], RESOURCE);
        assert_eq!(metadata.body["authorization_servers"], json!([issuer.url()]));
        assert_eq!(metadata.body["scopes_supported"], json!(["mcp:tools"]));
    }
}

#[test]
fn keys_are_fetched_again_when_one_is_new_and_kept_while_the_issuer_is_down() {
    let (before, after) = (SigningKey::es256("before"), SigningKey::es256("after"));
    let issuer = Issuer::with(&[&before]);
    let (_folder, server) = serve(&issuer);
    server.call_with(&before.token(&claims(&issuer))).is_answered();
    issuer.publish(&[&before, &after]);
    server.call_with(&after.token(&claims(&issuer))).is_answered();

    issuer.set_down(true);
    server.call_with(&before.token(&claims(&issuer))).is_answered();
    let unknown = SigningKey::es256("unknown");
    let asked = issuer.asked().len();
    for _ in 0..6 {
        server.call_with(&unknown.token(&claims(&issuer))).is_refused(401, "invalid_token");
    }
    // One attempt was left, of two requests; a slow machine has time for another one.
    assert!(issuer.asked().len() - asked <= 4, "unknown keys ask the issuer again and again");
    server.process.wait_for_log("the keys of the issuer of access tokens could not be fetched");
    server.call_with(&after.token(&claims(&issuer))).is_answered();
}

#[test]
fn a_server_starts_while_its_issuer_is_down() {
    let key = SigningKey::eddsa("d");
    let issuer = Issuer::with(&[&key]);
    issuer.set_down(true);
    let (_folder, server) = serve(&issuer);
    server.process.wait_for_log("the keys of the issuer of access tokens could not be fetched");
    let token = key.token(&claims(&issuer));
    let refused = server.call_with(&token);
    refused.is_refused(503, "no-keys");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    issuer.set_down(false);
    server.call_with(&token).is_answered();
}

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate").unwrap_or_else(|| panic!("no challenge in {answer:?}"))
}
