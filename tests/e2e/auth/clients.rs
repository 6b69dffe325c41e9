//! Other people's clients with each kind of proof: both SDKs and the Inspector, in both eras.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::process::Signal;
use serde_json::{Map, Value, json};

use super::folder;
use crate::{deploy::nginx::Gateway, issuer::Issuer, peers, server::Served, signing::SigningKey};

/// Fails unless each client gets its answer with this header.
fn all_call(url: &str, (name, value): (&str, &str)) {
    let headers = Map::from_iter([(name.to_owned(), json!(value))]);
    let said = json!({"message": "hi"});
    let call = json!({"do": "call", "tool": "echo", "arguments": said});
    for era in ["auto", "legacy"] {
        let plan = json!({"url": url, "era": era, "headers": headers, "steps": [call]});
        for answers in [peers::python(&plan), peers::typescript(&plan)] {
            assert_eq!(answers[1]["result"]["structuredContent"], said, "{era}: {answers:#?}");
        }
    }
    let files = tempfile::tempdir().expect("a folder can be made");
    let config = files.path().join("servers.json");
    for era in ["modern", "legacy"] {
        let server = json!({"type": "http", "url": url, "headers": headers, "protocolEra": era});
        fs::write(&config, json!({"mcpServers": {"toolcell": server}}).to_string()).expect("the folder is ours");
        let mut inspector = peers::inspector();
        inspector.arg("--config").arg(&config).args(["--server", "toolcell", "--format", "json"]);
        inspector.args(["--method", "tools/call", "--tool-name", "echo", "--tool-args-json", &said.to_string()]);
        let output = inspector.output().expect("it runs");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && shown.contains("\"structuredContent\""),
            "{era}: {shown}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn with_a_token() {
    let folder = folder("[auth]\ntokens = \"tokens.toml\"\n");
    let made = folder.toolcell().args(["token", "new", "alice"]).output().expect("it runs");
    let server = Served::start(&folder);
    all_call(&server.url(), ("Authorization", &format!("Bearer {}", String::from_utf8_lossy(&made.stdout).trim())));
}

#[test]
fn with_an_access_token() {
    let key = SigningKey::es256("e");
    let issuer = Issuer::with(&[&key]);
    let resource = "https://tools.example.com/mcp";
    let folder = folder(&format!("[auth.oauth]\nissuer = \"{}\"\nresource = \"{resource}\"\n", issuer.url()));
    let server = Served::start(&folder);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let claims: Value = json!({"iss": issuer.url(), "aud": resource, "sub": "alice", "iat": now, "exp": now + 600});
    all_call(&server.url(), ("Authorization", &format!("Bearer {}", key.token(&claims))));
}

#[test]
fn through_nginx_that_knows_them() {
    let mut gateway = Gateway::start();
    all_call(&format!("http://{}/mcp", gateway.nginx.address), ("Authorization", "Bearer of-alice"));
    gateway.server.signal(Signal::TERM);
    assert_eq!(gateway.server.ended().code(), Some(0), "{}", gateway.server.log());
}
