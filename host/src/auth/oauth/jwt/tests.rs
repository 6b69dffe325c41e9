use serde_json::json;

use self::signing::{SigningKey, encoded};
use super::*;
use crate::auth::oauth::ring;

#[path = "../../../../../tests/support/signing.rs"]
#[expect(unreachable_pub, reason = "it is shared with other tests")]
mod signing;

const ISSUER: &str = "https://login.example.com";
const RESOURCE: &str = "https://tools.example.com/mcp";

fn config() -> OauthConfig {
    OauthConfig {
        issuer: ISSUER.to_owned(),
        issuer_url: ISSUER.parse().expect("a URL"),
        resource: RESOURCE.parse().expect("a URL"),
        audience: RESOURCE.to_owned(),
        jwks_url: None,
        user_claim: "sub".to_owned(),
        scopes: Vec::new(),
    }
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

fn good() -> Value {
    json!({"iss": ISSUER, "aud": RESOURCE, "sub": "alice", "exp": now() + 600, "scope": "mcp:tools mcp:read"})
}

/// The good claims with these changed; null takes one away.
fn with(changed: &Value) -> Value {
    let mut claims = good();
    for (name, value) in changed.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims
}

fn key_of(signing: &SigningKey) -> Key {
    Key::of(&signing.jwk()).expect("a key for signatures")
}

fn check(token: &str, key: &Key) -> Result<Claims, JwtProblem> {
    ring::install();
    header(token)?;
    Claims::of(token, key, &config())
}

#[test]
fn each_algorithm_is_accepted_with_its_own_key_alone() {
    let keys = [SigningKey::rs256("r"), SigningKey::es256("e"), SigningKey::eddsa("d")];
    for (signer, signing) in keys.iter().enumerate() {
        let token = signing.token(&good());
        for (index, key) in keys.iter().map(key_of).enumerate() {
            let checked = check(&token, &key);
            if index == signer {
                assert_eq!(checked.expect("it is good").user("sub"), Ok("alice"));
            } else {
                assert_eq!(checked.expect_err("it is another key"), JwtProblem::Key);
            }
        }
        let other = match signer {
            1 => SigningKey::es256("e"),
            2 => SigningKey::eddsa("d"),
            _ => continue,
        };
        assert_eq!(
            check(&other.token(&good()), &key_of(signing)).expect_err("it is another key"),
            JwtProblem::Signature
        );
    }
}

#[test]
fn a_changed_token_is_refused() {
    for signing in [SigningKey::rs256("r"), SigningKey::es256("e"), SigningKey::eddsa("d")] {
        let key = key_of(&signing);
        let token = signing.token(&good());
        let parts: Vec<_> = token.split('.').collect();
        let forged = encoded(with(&json!({"sub": "root"})).to_string().as_bytes());
        let changed = format!("{}.{forged}.{}", parts[0], parts[2]);
        assert_eq!(check(&changed, &key).expect_err("it was changed"), JwtProblem::Signature);
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        assert_eq!(check(&unsigned, &key).expect_err("it is not signed"), JwtProblem::Signature);
    }
}

#[test]
fn no_algorithm_and_secrets_are_refused() {
    let signing = SigningKey::rs256("r");
    let key = key_of(&signing);
    let payload = encoded(good().to_string().as_bytes());
    for algorithm in ["none", "None", "HS256", "HS384", "HS512", "RS384", "PS256", "ES384", "EdDSA448", ""] {
        let message = format!("{}.{payload}", encoded(json!({"alg": algorithm, "kid": "r"}).to_string().as_bytes()));
        // What was a public key to the issuer must not become a secret here.
        let public = signing.jwk()["n"].as_str().expect("a modulus").to_owned();
        let signed = ::ring::hmac::sign(
            &::ring::hmac::Key::new(::ring::hmac::HMAC_SHA256, public.as_bytes()),
            message.as_bytes(),
        );
        for signature in ["", &encoded(signed.as_ref())] {
            let token = format!("{message}.{signature}");
            assert_eq!(check(&token, &key).expect_err("the algorithm is none"), JwtProblem::Form, "{algorithm}");
        }
    }
    let long = signing.token(&with(&json!({"sub": "a".repeat(16 << 10)})));
    for text in [&long, "", ".", "..", "a.b", "a.b.c", "a.b.c.d.e", "tc_x"] {
        assert_eq!(check(text, &key).expect_err("it is no token"), JwtProblem::Form, "{text}");
    }
}

#[test]
fn each_claim_is_checked() {
    let signing = SigningKey::es256("e");
    let key = key_of(&signing);
    let claim = |name: &str| JwtProblem::Claim(name.to_owned());
    let (issuer, audience) = (JwtProblem::Issuer(ISSUER.to_owned()), JwtProblem::Audience(RESOURCE.to_owned()));
    for (changed, problem) in [
        (json!({"iss": "https://evil.example"}), issuer.clone()),
        (json!({"iss": format!("{ISSUER}/")}), issuer.clone()),
        (json!({"iss": [ISSUER, "https://evil.example"]}), issuer),
        (json!({"iss": null}), claim("iss")),
        (json!({"iss": 1}), claim("iss")),
        (json!({"aud": "https://other.example.com/mcp"}), audience.clone()),
        (json!({"aud": ["https://other.example.com/mcp"]}), audience.clone()),
        (json!({"aud": []}), audience),
        (json!({"aud": null}), claim("aud")),
        (json!({"exp": now() - 31}), JwtProblem::Expired),
        (json!({"exp": 0}), JwtProblem::Expired),
        (json!({"exp": null}), claim("exp")),
        (json!({"exp": "tomorrow"}), claim("exp")),
        (json!({"exp": -1}), claim("exp")),
        (json!({"nbf": now() + 60}), JwtProblem::NotYet),
        (json!({"nbf": "now"}), claim("nbf")),
        (json!({"cnf": {"jkt": "x"}}), JwtProblem::Bound),
    ] {
        let refused = check(&signing.token(&with(&changed)), &key);
        assert_eq!(refused.expect_err("a claim is wrong"), problem, "{changed}");
    }
    for changed in [
        json!({"exp": now() - 10}),
        json!({"nbf": now() + 10}),
        json!({"nbf": now() - 10}),
        json!({"aud": ["https://other.example.com", RESOURCE]}),
    ] {
        assert!(check(&signing.token(&with(&changed)), &key).is_ok(), "{changed}");
    }
}

#[test]
fn tokens_for_something_else_are_refused() {
    let signing = SigningKey::es256("e");
    let key = key_of(&signing);
    for typ in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        assert!(check(&signing.token_with(&json!({"typ": typ}), &good()), &key).is_ok(), "{typ}");
    }
    for typ in ["id+jwt", "logout+jwt", "dpop+jwt", ""] {
        let refused = check(&signing.token_with(&json!({"typ": typ}), &good()), &key);
        assert_eq!(refused.expect_err("it is for something else"), JwtProblem::Type, "{typ}");
    }
    let critical = signing.token_with(&json!({"crit": ["b64"], "b64": true}), &good());
    assert_eq!(check(&critical, &key).expect_err("it demands more"), JwtProblem::Critical);
    let own = json!({"jwk": signing.jwk(), "jku": "https://evil.example/keys", "kid": "e"});
    let other = key_of(&SigningKey::es256("e"));
    let refused = check(&signing.token_with(&own, &good()), &other);
    assert_eq!(refused.expect_err("a token does not bring its own key"), JwtProblem::Signature);
}

#[test]
fn scopes_are_read_where_issuers_write_them() {
    let signing = SigningKey::es256("e");
    let key = key_of(&signing);
    for (changed, has) in [
        (json!({}), true),
        (json!({"scope": "mcp:tools"}), true),
        (json!({"scope": "mcp:toolsmith mcp"}), false),
        (json!({"scope": null}), false),
        (json!({"scope": null, "scp": "a mcp:tools"}), true),
        (json!({"scope": null, "scp": ["a", "mcp:tools"]}), true),
        (json!({"scope": null, "scp": ["a mcp:tools"]}), false),
    ] {
        let claims = check(&signing.token(&with(&changed)), &key).expect("it is good");
        assert_eq!(claims.has("mcp:tools"), has, "{changed}");
    }
}

#[test]
fn the_user_is_one_text() {
    let signing = SigningKey::es256("e");
    let key = key_of(&signing);
    for changed in [json!({"sub": null}), json!({"sub": 7}), json!({"sub": ["alice"]})] {
        let user =
            check(&signing.token(&with(&changed)), &key).and_then(|claims| claims.user("sub").map(str::to_owned));
        assert!(matches!(user, Err(JwtProblem::Claim(_) | JwtProblem::Form)), "{changed}: {user:?}");
    }
}

#[test]
fn keys_for_something_else_are_left_out() {
    let rsa = SigningKey::rs256("r").jwk();
    let changed = |name: &str, value: Value| {
        let mut jwk = rsa.clone();
        jwk[name] = value;
        jwk
    };
    assert!(Key::of(&rsa).is_some());
    for jwk in [
        changed("use", json!("enc")),
        changed("alg", json!("PS256")),
        changed("alg", json!("RSA-OAEP")),
        changed("key_ops", json!(["encrypt"])),
        changed("n", json!("!")),
        json!({"kty": "oct", "k": "c2VjcmV0"}),
        json!({"kty": "EC", "crv": "P-384", "x": "", "y": ""}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"}),
        json!("key"),
    ] {
        assert!(Key::of(&jwk).is_none(), "{jwk}");
    }
}
