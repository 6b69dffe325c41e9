use std::fmt::Write;

use super::*;

fn server(scheme: &str, host: &str, port: u16) -> Server {
    Server { scheme: scheme.to_owned(), host: host.to_owned(), port }
}

fn show(parts: &Parts) -> String {
    let again = if parts.retryable { "again" } else { "never" };
    let causes: String = parts.likely_causes.iter().fold(String::new(), |mut text, cause| {
        let _ = writeln!(text, "  - {cause}");
        text
    });
    format!("{}\n{causes}  check {}\n  {again}\n", parts.message, parts.check_first)
}

/// A refusal of each kind, but for names that are looked up: what a plugin writes there can be odd.
pub(in crate::failure) fn denials_of_each_kind() -> Vec<Denial> {
    let api = server("https", "api.example.com", 443);
    let special = |host: &str, kind| Denial::SpecialAddress { server: server("http", host, 8080), kind };
    vec![
        Denial::NotAsked(api.clone()),
        Denial::NotGranted { server: api, plugin: Some("fetch".to_owned()) },
        special("intranet.example.com", "private"),
        special("169.254.169.254", "cloud metadata"),
        special("::1", "loopback"),
        special("localhost", "loopback"),
        Denial::Socket,
    ]
}

#[test]
fn denials() {
    let mut denials = denials_of_each_kind();
    denials.push(Denial::NameLookup("db.example.com\u{202e}\n".to_owned()));
    let texts: Vec<_> = denials.iter().map(|denial| show(&denied(denial))).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

const fn timeout_at(stage: Stage) -> Unreachable {
    Unreachable::Timeout { stage, after_ms: 10_000 }
}

/// Every way of a server to give no answer.
pub(in crate::failure) const UNREACHABLE: [Unreachable; 25] = [
    Unreachable::NameNotFound,
    Unreachable::LookupFailed,
    Unreachable::Refused,
    Unreachable::NoRoute,
    Unreachable::Cut,
    Unreachable::Protocol,
    Unreachable::Encoded,
    Unreachable::TooLarge(AnswerPart::Head),
    Unreachable::TooLarge(AnswerPart::Body),
    Unreachable::TooSlow { bytes: 1024, within_ms: 10_000 },
    Unreachable::TooManyRequests { limit: 1_000 },
    Unreachable::SentTooMuch { limit: 16 << 20 },
    Unreachable::Tls(TlsFault::Expired),
    Unreachable::Tls(TlsFault::NotYetValid),
    Unreachable::Tls(TlsFault::WrongName),
    Unreachable::Tls(TlsFault::UnknownIssuer),
    Unreachable::Tls(TlsFault::BadCertificate),
    Unreachable::Tls(TlsFault::NotTls),
    Unreachable::Tls(TlsFault::Handshake),
    timeout_at(Stage::Queue),
    timeout_at(Stage::Lookup),
    timeout_at(Stage::Connect),
    timeout_at(Stage::TlsHandshake),
    timeout_at(Stage::Answer),
    timeout_at(Stage::Body),
];

#[test]
fn servers_without_an_answer() {
    let api = server("https", "api.example.com", 8443);
    let texts = UNREACHABLE.map(|why| show(&unreachable(&api, why))).join("\n");
    insta::assert_snapshot!(texts);
}

#[test]
fn exchanges_in_short() {
    let exchange = |end| Exchange {
        elapsed: Duration::from_millis(2_500),
        end,
        ..Exchange::new(server("http", "::1", 80), "GET")
    };
    assert_eq!(
        failed_in_short(&exchange(ExchangeEnd::Failed(Unreachable::Refused))),
        "the connection to [::1]:80 was refused"
    );
    assert_eq!(
        failed_in_short(&exchange(ExchangeEnd::Pending(Stage::Answer))),
        "the server at [::1]:80 took the request and did not answer, given up after 2500ms"
    );
    assert_eq!(failed_in_short(&exchange(ExchangeEnd::Answered(404))), "the server [::1]:80 answered with status 404");
}

#[test]
fn requests_that_cannot_be_sent() {
    let text = show(&invalid_request("the URL's port is 0"));
    insta::assert_snapshot!(text);
}
