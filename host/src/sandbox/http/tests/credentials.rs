//! Credentials on the wire, and answers that hold them.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::header::AUTHORIZATION;

use super::*;
use crate::{
    env_file::EnvFile,
    policy::{Credential, Propagate, credential_header, credential_server},
    receipt::{CredentialFault, UsedVariable},
    source::Source,
    user::User,
};

const TOKEN: &str = "ghp_0123456789/+=abc";
const RULE: &str = "https://api.example.com";

fn credentials(header: &str, value: &str, of_host: Option<&str>) -> Credentials {
    let credential = Credential {
        server: credential_server("api.example.com").expect("a server"),
        header: credential_header(header).expect("a header field"),
        value: value.parse().expect("a template"),
        plugins: None,
    };
    Credentials::new(vec![credential], |_| of_host.map(ToOwned::to_owned))
}

fn user(values: &str) -> User {
    User::new("alice", EnvFile::parse(&Source { file: ".env", text: values }).expect("good lines"))
}

/// A call that may reach the credential's server, and another, both of which this server stands in for.
fn egress_of(server: &TestServer, credentials: &Credentials, user: &User) -> Egress {
    let original = |original: &str| format!("{original}={}", server.url("")).parse().expect("a good value");
    let network =
        Network::new(["https://other.example.com", RULE].map(original).into_iter().collect(), Propagate::default());
    let rules = [RULE, "https://other.example.com"];
    egress_in(network, &rules).with_credentials(credentials.of_call("story", &grant(&rules), user))
}

async fn sent(server: &TestServer, egress: &Egress, headers: &[(&str, &str)]) -> String {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    egress.send_buffered(BufferedRequest { headers, ..get(format!("{RULE}/")) }).await.expect("the server answers");
    server.requests().pop().expect("a request came")
}

#[tokio::test]
async fn the_hosts_field_takes_the_place_of_the_guests() {
    let server = TestServer::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let egress = egress_of(&server, &credentials("X-Api-Key", "Key ${A}", Some(TOKEN)), &user(""));
    let request = sent(
        &server,
        &egress,
        &[
            ("X-API-Key", "mine"),
            ("x-api-key", "mine"),
            ("X_Api_Key", "mine"),
            ("Accept-Encoding", "gzip"),
            ("Range", "bytes=0-3"),
            ("If-Range", "\"a\""),
            ("X-Other", "kept"),
        ],
    )
    .await;
    let mut fields: Vec<_> = request.lines().skip(1).filter(|line| !line.is_empty()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "accept-encoding: identity",
            "connection: close",
            "host: api.example.com",
            &format!("x-api-key: Key {TOKEN}"),
            "x-other: kept"
        ]
    );
    let used = egress.take_trace().exchanges(Instant::now().into())[0].credential.clone().expect("it was added");
    assert_eq!(used.name, "api.example.com");
    assert_eq!(used.variables, [UsedVariable { name: "A".to_owned(), is_own: false }]);
}

#[tokio::test]
async fn a_value_of_the_users_own_comes_before_the_hosts() {
    let server = TestServer::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let credentials = credentials("Authorization", "Bearer ${A}", Some(TOKEN));
    for (values, expected, is_own) in
        [("A=alice-12345678", "alice-12345678", true), ("A= bob-12345678 ", "bob-12345678", true), ("", TOKEN, false)]
    {
        let egress = egress_of(&server, &credentials, &user(values));
        let request = sent(&server, &egress, &[]).await;
        assert!(request.contains(&format!("\r\nauthorization: Bearer {expected}\r\n")), "{request}");
        let exchange = &egress.take_trace().exchanges(Instant::now().into())[0];
        assert_eq!(exchange.credential.as_ref().map(|used| used.variables[0].is_own), Some(is_own));
        assert!(!format!("{egress:?} {exchange:?} {credentials:?}").contains(expected));
    }
}

#[tokio::test]
async fn a_request_without_its_credential_is_not_sent() {
    let server = TestServer::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let long = "x".repeat(9_000);
    for (value, fault) in [
        (None, CredentialFault::Unset),
        (Some(" "), CredentialFault::Unset),
        (Some("hunter2"), CredentialFault::TooShort),
        (Some(long.as_str()), CredentialFault::TooLong),
        (Some("one line\r\nX-Two: lines"), CredentialFault::NotText),
        (Some("ungewöhnlich"), CredentialFault::NotText),
    ] {
        let credentials = credentials("Authorization", "Bearer ${A}", value);
        let egress = egress_of(&server, &credentials, &user(""));
        let error = egress.send_buffered(get(format!("{RULE}/"))).await.expect_err("it is refused");
        let SendError::Denied(Denial::Credential(denial)) = &error else { panic!("{error:?}") };
        assert_eq!((denial.variable.as_str(), denial.fault), ("A", fault));
        // One of those that the contract names; the host's own failure has a code that says more.
        assert_eq!(error.code(), "denied_network");
        let trace = egress.take_trace();
        assert_eq!((trace.exchanges(Instant::now().into()).len(), trace.denials().len()), (0, 1));
        let other = egress.send_buffered(get("https://other.example.com/")).await.expect("it needs none");
        assert_eq!(other.status, 204);
        assert_eq!(credentials.faults(&credentials.all()[0]).values().next(), Some(&fault));
    }
}

/// An answer in which the token stands in a field, and in a body that is cut after each byte.
fn echo(framing: &str) -> Vec<u8> {
    let body = format!("a {TOKEN} b {} c {}", STANDARD.encode(format!("Bearer {TOKEN}")), &TOKEN[..9]);
    let mut answer = format!("HTTP/1.1 200 OK\r\nX-Seen: Bearer {TOKEN}\r\n{framing}\r\n").into_bytes();
    if framing.contains("chunked") {
        body.bytes().for_each(|byte| answer.extend([b"1\r\n", &[byte][..], b"\r\n"].concat()));
        answer.extend(format!("0\r\nX-Trailer: {TOKEN}\r\n\r\n").bytes());
    } else {
        answer.extend(body.bytes());
    }
    answer
}

#[tokio::test]
async fn what_comes_back_is_masked_and_as_long_as_before() {
    let length = 8 + TOKEN.len() + STANDARD.encode(format!("Bearer {TOKEN}")).len() + 9;
    for framing in
        ["Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n", &format!("Content-Length: {length}\r\n"), ""]
    {
        let server = TestServer::answering(echo(framing)).await;
        let egress = egress_of(&server, &credentials("Authorization", "Bearer ${A}", Some(TOKEN)), &user(""));
        // Also from the server that got nothing, and may have been told.
        for url in [format!("{RULE}/"), "https://other.example.com/".to_owned()] {
            let response = egress.send_buffered(get(url)).await.expect("the server answers");
            let field =
                |name: &str| response.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
            assert_eq!(field("x-seen"), Some(format!("Bearer {}", "*".repeat(TOKEN.len())).as_str()));
            assert!(field("content-length").is_none_or(|value| value == length.to_string()));
            let body = String::from_utf8(response.body).expect("it is text");
            assert_eq!(body.len(), length, "{framing}: {body}");
            assert!(body.starts_with(&format!("a {} b QmVhcmVyI", "*".repeat(TOKEN.len()))), "{body}");
            assert!(body.ends_with(&TOKEN[..9]), "the beginning alone is no secret: {body}");
            assert!(!body.contains(TOKEN) && !body.contains(&STANDARD.encode(TOKEN)[3..20]), "{body}");
        }
        let exchange = &egress.take_trace().exchanges(Instant::now().into())[0];
        assert_eq!(exchange.received, length as u64);
    }
}

#[tokio::test]
async fn a_field_that_is_called_like_the_secret_is_left_out() {
    let server = TestServer::answering("HTTP/1.1 200 OK\r\nSecret-Token-1: a\r\nX-A: b\r\n\r\n").await;
    let egress = egress_of(&server, &credentials("Authorization", "${A}", Some("secret-token-1")), &user(""));
    let response = egress.send_buffered(get(format!("{RULE}/"))).await.expect("the server answers");
    assert_eq!(response.headers, [("x-a".to_owned(), "b".to_owned())]);
}

#[tokio::test]
async fn what_cannot_be_looked_through_is_refused() {
    for (fields, is_refused) in [
        ("Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", true),
        ("Content-Encoding: identity, br\r\nContent-Length: 1\r\n\r\nx", true),
        ("Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", true),
        ("Content-Encoding: Identity\r\nContent-Length: 1\r\n\r\nx", false),
        ("Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", false),
    ] {
        let server = TestServer::answering(format!("HTTP/1.1 200 OK\r\n{fields}")).await;
        let egress = egress_of(&server, &credentials("Authorization", "${A}", Some(TOKEN)), &user(""));
        let answer = egress.send_buffered(get(format!("{RULE}/"))).await;
        let encoded = matches!(answer, Err(SendError::Unreachable { why: Unreachable::Encoded, .. }));
        assert_eq!((encoded, answer.is_ok()), (is_refused, !is_refused), "{fields}: {answer:?}");
        // Where no credential went, nothing has to be found.
        assert!(egress.send_buffered(get("https://other.example.com/")).await.is_ok());
    }
    let server = TestServer::answering("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n").await;
    let egress = egress_of(&server, &credentials("Authorization", "${A}", Some(TOKEN)), &user(""));
    let head = BufferedRequest { method: "HEAD".to_owned(), ..get(format!("{RULE}/")) };
    assert_eq!(egress.send_buffered(head).await.expect("it has no body").status, 200);
}

#[tokio::test]
async fn the_password_inside_the_basic_scheme_is_a_secret_too() {
    let pair = STANDARD.encode("alice:correct horse");
    let server =
        TestServer::answering("HTTP/1.1 200 OK\r\nX-A: alice:correct horse\r\n\r\nuser alice, correct horse").await;
    let egress = egress_of(&server, &credentials("Authorization", "Basic ${A}", Some(&pair)), &user(""));
    let response = egress.send_buffered(get(format!("{RULE}/"))).await.expect("the server answers");
    assert_eq!(response.headers, [("x-a".to_owned(), "*******************".to_owned())]);
    assert_eq!(response.body, b"user alice, *************");
}

#[test]
fn fields_are_marked_for_the_libraries_that_carry_them() {
    let credentials = credentials("Authorization", "Bearer ${A}", Some(TOKEN));
    let call = credentials.of_call("story", &grant(&[RULE]), &user(""));
    let grant = grant(&[RULE]);
    let server = credential_server("api.example.com").expect("a server");
    let permitted = Permitted::new(&grant, &server).expect("it is granted");
    let ready = call.for_request(&permitted).expect("it is set").expect("there is one");
    assert_eq!((&ready.header, ready.value.is_sensitive()), (&AUTHORIZATION, true));
    assert!(!format!("{call:?} {ready:?}").contains(TOKEN));
}
