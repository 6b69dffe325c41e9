use http::{Request, Response, StatusCode};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Authentication with all three kinds, and the token of alice.
struct Everything {
    _dir: tempfile::TempDir,
    auth: Auth,
    token: String,
}

fn gateway() -> GatewayConfig {
    GatewayConfig {
        header: "x-forwarded-user".parse().expect("a header"),
        from: vec!["10.0.0.0/8".parse().expect("a network")],
        over_unix_socket: false,
        secret_env: "GATEWAY_SECRET".parse().expect("a name"),
        secret_header: GatewayConfig::SECRET_HEADER.parse().expect("a header"),
    }
}

/// Of an issuer that does not answer: nobody listens at its port.
fn oauth() -> OauthConfig {
    OauthConfig {
        issuer: "http://127.0.0.1:9".to_owned(),
        issuer_url: "http://127.0.0.1:9".parse().expect("a URL"),
        resource: "https://tools.example.com/mcp".parse().expect("a URL"),
        audience: "https://tools.example.com/mcp".to_owned(),
        jwks_url: None,
        user_claim: "sub".to_owned(),
        scopes: vec!["mcp:tools".to_owned(), "mcp:read".to_owned()],
    }
}

fn everything() -> Everything {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = TokenFile::At(dir.path().join("tokens.toml"));
    let alice = "alice".parse().expect("a name");
    let token = file.change(|list| list.add(alice, None)).expect("it can be written").expect("random bits");
    let proofs = Proofs {
        tokens: Some(file),
        oauth: Some(oauth()),
        gateway: Some((gateway(), Some(SECRET.to_owned()))),
        is_default: false,
    };
    let auth = Auth::start(proofs).expect("all of it can be used");
    Everything { _dir: dir, auth, token: token.reveal().to_owned() }
}

fn head(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn peer(text: &str) -> Peer {
    Peer::Address(text.parse().expect("an address"))
}

impl Everything {
    async fn user(&self, from: &str, headers: &[(&str, &str)]) -> Result<String, Refused> {
        let user = self.auth.identify(&head("/mcp", headers), peer(from), &Users::default()).await;
        user.map(|user| user.name().to_owned())
    }
}

fn shown(answer: &Response<String>) -> String {
    let headers = answer.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("text")));
    format!("{}\n{}{}\n", answer.status(), headers.collect::<String>(), answer.body())
}

#[tokio::test]
async fn the_first_proof_decides_and_none_makes_up_for_a_bad_one() {
    let everything = everything();
    let bearer = format!("Bearer {}", everything.token);
    let token = ("authorization", bearer.as_str());
    let forwarded = ("x-forwarded-user", "bob");
    let secret = (GatewayConfig::SECRET_HEADER, SECRET);
    let named = async |from: &str, headers: &[(&str, &str)]| {
        everything.user(from, headers).await.map_err(|refused| refused.reason().code())
    };
    assert_eq!(named("192.0.2.1", &[token]).await, Ok("alice".to_owned()));
    assert_eq!(
        named("192.0.2.1", &[("authorization", &bearer.replace("Bearer", "bearer"))]).await,
        Ok("alice".to_owned())
    );
    assert_eq!(named("10.0.0.1", &[forwarded, secret]).await, Ok("bob".to_owned()));
    assert_eq!(named("10.0.0.1", &[forwarded, secret, token]).await, Ok("bob".to_owned()), "the gateway comes first");
    assert_eq!(named("10.0.0.1", &[token]).await, Ok("alice".to_owned()), "others may come from its network");

    let wrong = (GatewayConfig::SECRET_HEADER, "x");
    for (from, headers) in [
        ("192.0.2.1", &[forwarded, secret, token][..]),
        ("10.0.0.1", &[forwarded, token]),
        ("10.0.0.1", &[forwarded, wrong, token]),
    ] {
        assert_eq!(named(from, headers).await, Err("forged-gateway"), "{headers:?}");
    }
    assert_eq!(named("192.0.2.2", &[]).await, Err("no-credentials"));
    assert_eq!(named("192.0.2.2", &[("authorization", "Basic YTpi")]).await, Err("no-credentials"));
    assert_eq!(named("192.0.2.2", &[("authorization", "Bearer ")]).await, Err("no-credentials"));
    assert_eq!(named("192.0.2.2", &[token, token]).await, Err("two-credentials"));
    assert_eq!(named("192.0.2.2", &[("authorization", "Bearer tc_x")]).await, Err("unknown-token"));
    assert_eq!(named("192.0.2.2", &[("authorization", "Bearer x")]).await, Err("bad-access-token"));
}

#[tokio::test]
async fn a_token_in_the_address_is_refused_whatever_else_there_is() {
    let everything = everything();
    let bearer = format!("Bearer {}", everything.token);
    let headers = [("authorization", bearer.as_str())];
    for query in ["access_token=x", "a=b&access_token=", "access%5Ftoken=x"] {
        let refused = everything
            .auth
            .identify(&head(&format!("/mcp?{query}"), &headers), peer("192.0.2.1"), &Users::default())
            .await;
        assert_eq!(refused.expect_err("a token is in the query").reason().code(), "token-in-query", "{query}");
    }
    let passed =
        everything.auth.identify(&head("/mcp?a=access_token", &headers), peer("192.0.2.1"), &Users::default()).await;
    assert!(passed.is_ok());
}

#[tokio::test]
async fn what_proves_something_goes_no_further() {
    let everything = everything();
    let mut headers = head(
        "/mcp",
        &[
            ("authorization", "Bearer x"),
            ("authorization", "Bearer y"),
            ("x-forwarded-user", "bob"),
            ("x-toolcell-gateway-secret", SECRET),
            ("accept", "application/json"),
        ],
    )
    .headers;
    everything.auth.strip(&mut headers);
    assert_eq!(headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    let debug = format!("{:?}", everything.auth);
    assert!(!debug.contains(SECRET) && !debug.contains(&everything.token), "{debug}");
}

#[tokio::test]
async fn bad_tokens_are_limited_for_each_address_and_good_ones_pass() {
    let everything = everything();
    let bad = async |from: &str| {
        let refused = everything.user(from, &[("authorization", "Bearer tc_x")]).await.expect_err("it is bad");
        (refused.answer().status(), refused.report().is_some())
    };
    for _ in 0..10 {
        assert_eq!(bad("192.0.2.1").await, (StatusCode::UNAUTHORIZED, true));
    }
    assert_eq!(bad("192.0.2.1").await, (StatusCode::TOO_MANY_REQUESTS, false), "and the log does not fill");
    assert_eq!(bad("192.0.2.2").await, (StatusCode::UNAUTHORIZED, true));
    let bearer = format!("Bearer {}", everything.token);
    let good = everything.user("192.0.2.1", &[("authorization", &bearer)]).await;
    assert_eq!(good.map_err(|refused| refused.reason().code()), Ok("alice".to_owned()));
    for _ in 0..70 {
        let refused = everything.user("192.0.2.3", &[]).await.expect_err("it brings nothing");
        assert_eq!(refused.answer().status(), StatusCode::UNAUTHORIZED, "clients need it to find the issuer");
    }
    assert!(everything.user("192.0.2.3", &[]).await.expect_err("it brings nothing").report().is_none());
}

/// What callers read is part of the interface.
#[tokio::test]
async fn every_refusal_says_what_to_do() {
    let everything = everything();
    let user: UserName = "alice".parse().expect("a name");
    let scopes = oauth().scopes;
    let reasons = [
        Reason::NoCredentials,
        Reason::TwoCredentials,
        Reason::TokenInQuery,
        Reason::UnknownToken,
        Reason::ExpiredToken { user: user.clone() },
        Reason::Jwt(JwtProblem::Form),
        Reason::Jwt(JwtProblem::Type),
        Reason::Jwt(JwtProblem::Critical),
        Reason::Jwt(JwtProblem::Key),
        Reason::Jwt(JwtProblem::Signature),
        Reason::Jwt(JwtProblem::Issuer("https://login.example.com".to_owned())),
        Reason::Jwt(JwtProblem::Audience("https://tools.example.com/mcp".to_owned())),
        Reason::Jwt(JwtProblem::Expired),
        Reason::Jwt(JwtProblem::NotYet),
        Reason::Jwt(JwtProblem::Claim("sub".to_owned())),
        Reason::Jwt(JwtProblem::Bound),
        Reason::Scope { user, needed: scopes },
        Reason::NoKeys,
        Reason::Gateway { problem: "the secret is wrong", claimed: Some("bob".to_owned()) },
        Reason::Name { claimed: "a\\nb".to_owned(), problem: InvalidUserName::Form },
        Reason::TooMany,
    ];
    let text: String = reasons
        .into_iter()
        .map(|reason| {
            let refused = Refused::new(reason, Peer::UnixSocket, true, everything.auth.oauth.as_ref());
            let report = refused.report().expect("it is reported");
            format!("== {} {:?}\n{}\n-- told\n{}\n", report.code, report.user, report.what, shown(&refused.answer()))
        })
        .collect();
    insta::assert_snapshot!("refusals", text);
    let without = Refused::new(Reason::UnknownToken, Peer::UnixSocket, true, None);
    insta::assert_snapshot!("refused_without_oauth", shown(&without.answer()));
}

#[tokio::test]
async fn the_metadata_says_who_issues_tokens() {
    let everything = everything();
    insta::assert_snapshot!("metadata", format!("{:#}", everything.auth.metadata().expect("there is an issuer")));
    assert_eq!(
        everything.auth.metadata_paths(),
        ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]
    );
    let elsewhere = Proofs {
        oauth: Some(OauthConfig { resource: "https://example.com/team/tools".parse().expect("a URL"), ..oauth() }),
        ..Proofs::default()
    };
    let auth = Auth::start(elsewhere).expect("it can be used");
    assert!(auth.metadata_paths().contains(&"/.well-known/oauth-protected-resource/team/tools".to_owned()));
    assert!(Auth::start(Proofs::default()).expect("it can be used").metadata_paths().is_empty());
}

#[tokio::test]
async fn nobody_is_asked_only_where_nothing_is_configured() {
    let closed = Auth::start(Proofs::default()).expect("it can be used");
    assert!(!closed.is_open());
    assert!(closed.identify(&head("/mcp", &[]), peer("127.0.0.1"), &Users::default()).await.is_err());
    let open = Auth::start(Proofs { is_default: true, ..Proofs::default() }).expect("it can be used");
    let user =
        open.identify(&head("/mcp", &[]), peer("127.0.0.1"), &Users::default()).await.expect("everybody may call");
    assert_eq!(user.name(), User::LOCAL);
}
