use super::*;
use crate::config::Config;

fn parse(text: &str) -> Result<AuthConfig, String> {
    let config = Config::parse(&Source { file: "toolcell.toml", text }).map_err(|error| error.to_string())?;
    Ok(config.auth.expect("the file has the section"))
}

#[test]
fn a_full_section_means_what_it_says() {
    let text = r#"
[auth]
tokens = "tokens.toml"

[auth.oauth]
issuer = "https://login.example.com"
resource = "https://tools.example.com/mcp"
jwks-url = "https://login.example.com/keys"
user-claim = "email"
scopes = ["mcp:tools"]

[auth.gateway]
header = "X-Forwarded-User"
from = ["10.0.0.0/8", "192.0.2.7", "fd00::/8", "unix"]
secret-env = "GATEWAY_SECRET"
"#;
    let config = parse(text).expect("the file is good");
    assert_eq!(config.tokens, Some(TokensConfig::File("tokens.toml".into())));
    let oauth = config.oauth.expect("it is there");
    assert_eq!((oauth.issuer.as_str(), oauth.user_claim.as_str()), ("https://login.example.com", "email"));
    assert_eq!(oauth.audience, "https://tools.example.com/mcp", "the resource, unless the issuer calls it otherwise");
    assert_eq!(oauth.scopes, ["mcp:tools"]);
    let gateway = config.gateway.expect("it is there");
    assert_eq!(
        gateway.from.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]
    );
    assert!(gateway.over_unix_socket);
    assert_eq!(
        (gateway.header.as_str(), gateway.secret_header.as_str()),
        ("x-forwarded-user", "x-toolcell-gateway-secret")
    );

    assert_eq!(parse("[auth]\ntokens = true").expect("the file is good").tokens, Some(TokensConfig::Private));
    let local = "[auth.oauth]\nissuer = \"http://127.0.0.1:8000\"\nresource = \"http://localhost:8080/mcp\"";
    assert!(parse(local).is_ok(), "a server on this machine needs no TLS");
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let oauth = |line: &str| {
        format!(
            "[auth.oauth]\n{line}\nissuer = \"https://login.example.com\"\nresource = \"https://tools.example.com/mcp\""
        )
    };
    let gateway = |line: &str| {
        let more = "header = \"X-User\"\nfrom = [\"10.0.0.1\"]\nsecret-env = \"S\"";
        let key = line.split(' ').next().unwrap_or_default();
        let others: Vec<_> = more.lines().filter(|more| !more.starts_with(key)).collect();
        format!("[auth.gateway]\n{line}\n{}", others.join("\n"))
    };
    let only = |line: &str| format!("[auth.oauth]\n{line}\nresource = \"https://tools.example.com/mcp\"");
    let shown: Vec<_> = [
        "[auth]".to_owned(),
        "[auth]\ntokens = false".to_owned(),
        "[auth]\ntokens = \"tc_abc\"".to_owned(),
        "[auth]\ntoken = true".to_owned(),
        "[auth.oauth]\nissuer = \"https://login.example.com\"".to_owned(),
        only("issuer = \"http://login.example.com\""),
        only("issuer = \"login.example.com\""),
        only("issuer = \"ftp://login.example.com\""),
        only("issuer = \"https://user:secret@login.example.com\""),
        only("issuer = \"https://login.example.com?tenant=1\""),
        oauth("jwks-url = \"http://keys.example.com\""),
        oauth("scopes = [\"a b\"]"),
        oauth("user-claim = \"\""),
        oauth("audience = \"\""),
        gateway("header = \"Authorization\""),
        gateway("header = \"X User\""),
        gateway("header = \"X-Toolcell-Gateway-Secret\""),
        gateway("from = []"),
        gateway("from = [\"10.0.0.0/33\"]"),
        gateway("from = [\"0.0.0.0/0\"]"),
        gateway("secret-env = \"not-a-name\""),
        gateway("secret = \"hunter2\""),
    ]
    .iter()
    .map(|text| parse(text).expect_err("something is wrong"))
    .collect();
    insta::assert_snapshot!("errors", shown.join("\n"));
}
