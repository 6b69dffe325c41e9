//! Tables of rules: what they mean, allow and cover, and how bad ones are refused.

use super::*;
use crate::policy::server_of;

fn rule(text: &str) -> NetworkRule {
    text.parse().expect("the test writes a rule")
}

fn server(url: &str) -> Server {
    server_of(&url.parse().expect("the test writes a URL")).expect("the test writes a server")
}

#[test]
fn rules_are_canonical() {
    for (text, expected) in [
        ("https://hn.algolia.com", "https://hn.algolia.com"),
        ("HTTPS://HN.Algolia.COM.:443", "https://hn.algolia.com"),
        ("http://example.com:80", "http://example.com"),
        ("https://example.com:80", "https://example.com:80"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://127.1:8080", "http://127.0.0.1:8080"),
        ("http://0x7f000001", "http://127.0.0.1"),
        ("http://2130706433", "http://127.0.0.1"),
        ("http://[0:0:0::1]:8080", "http://[::1]:8080"),
        ("http://[::ffff:10.0.0.1]", "http://10.0.0.1"),
        ("https://*", "https://*"),
        ("https://*:8443", "https://*:8443"),
        ("https://*.Example.co.uk", "https://*.example.co.uk"),
        ("http://localhost:3000", "http://localhost:3000"),
    ] {
        assert_eq!(rule(text).to_string(), expected, "{text}");
    }
}

#[test]
fn bad_rules_say_what_to_write() {
    for (text, expected) in [
        ("hn.algolia.com", r#"has no scheme; write "https://hn.algolia.com""#),
        ("ftp://x", r#"has the scheme "ftp"; only http and https can be granted"#),
        ("https://x.com/", r#"has a path, query or fragment; rules are about whole servers: write "https://x.com""#),
        ("https://x.com?q", r#"has a path, query or fragment; rules are about whole servers: write "https://x.com""#),
        ("https://good@evil.com", "has a user name; write the server alone"),
        ("https://x .com", "contains white space"),
        ("https://x.com:", r#"has the port ""; expected a number from 1 to 65535"#),
        ("https://x.com:0", r#"has the port "0"; expected a number from 1 to 65535"#),
        ("https://x.com:+1", r#"has the port "+1"; expected a number from 1 to 65535"#),
        ("https://x.com:65536", r#"has the port "65536"; expected a number from 1 to 65535"#),
        ("https://::1", r#"has several colons; write an IPv6 address in brackets, such as "http://[::1]:8080""#),
        ("https://", "names no server"),
        ("https://*.", "names no server"),
        ("https://:443", "names no server"),
        ("https://[::1", r#"has several colons; write an IPv6 address in brackets, such as "http://[::1]:8080""#),
        ("https://[::1]x", r#"has the server "[::1]x", which is neither a DNS name nor an IP address"#),
        ("https://a..b", r#"has the server "a..b", which is neither a DNS name nor an IP address"#),
        ("https://a%2eb", r#"has the server "a%2eb", which is neither a DNS name nor an IP address"#),
        ("https://1.2.3.4.5", r#"has the server "1.2.3.4.5", which is neither a DNS name nor an IP address"#),
        (
            "https://a.*.com",
            r#"has a misplaced wildcard; `*` stands alone or as the first label, such as "*.example.com""#,
        ),
        (
            "https://*x.com",
            r#"has a misplaced wildcard; `*` stands alone or as the first label, such as "*.example.com""#,
        ),
        ("https://＊", r#"has the server "＊", which is neither a DNS name nor an IP address"#),
        ("https://*.10.0.0.1", "puts a wildcard before an IP address; name each address"),
        ("https://*.0x7f", "puts a wildcard before an IP address; name each address"),
        ("https://*.com", r#"takes in everybody's servers under "com"; name one domain, such as "*.example.com""#),
        (
            "https://*.co.uk",
            r#"takes in everybody's servers under "co.uk"; name one domain, such as "*.example.co.uk""#,
        ),
        (
            "https://*.github.io",
            r#"takes in everybody's servers under "github.io"; name one domain, such as "*.example.github.io""#,
        ),
        (
            "https://*.localhost",
            r#"takes in everybody's servers under "localhost"; name one domain, such as "*.example.localhost""#,
        ),
    ] {
        let error = text.parse::<NetworkRule>().expect_err(text).to_string();
        assert_eq!(error, format!("network rule {text:?} {expected}"));
    }
}

#[test]
fn rules_allow_what_they_name_and_no_more() {
    for (text, url, expected) in [
        ("https://x.com", "https://x.com/a/b?c", true),
        ("https://x.com", "https://X.com.", true),
        ("https://x.com", "https://x.com:8443", false),
        ("https://x.com", "http://x.com", false),
        ("https://x.com", "http://x.com:443", false),
        ("https://x.com", "https://a.x.com", false),
        ("https://x.com", "https://x.com.evil.com", false),
        ("https://*.x.com", "https://a.x.com", true),
        ("https://*.x.com", "https://a.b.x.com", true),
        ("https://*.x.com", "https://x.com", false),
        ("https://*.x.com", "https://evilx.com", false),
        ("https://*.x.com", "https://a.x.com.evil.com", false),
        ("https://*", "https://anything.example", true),
        ("https://*", "https://8.8.8.8", true),
        ("https://*", "https://127.0.0.1", false),
        ("https://*", "https://[::ffff:169.254.169.254]", false),
        ("https://*", "https://localhost", false),
        ("https://*", "http://anything.example:443", false),
        ("http://127.0.0.1", "http://2130706433", true),
        ("http://127.0.0.1", "http://localhost", false),
        ("http://localhost", "http://LOCALHOST.", true),
    ] {
        assert_eq!(rule(text).allows(&server(url)), expected, "{text} {url}");
    }
}

#[test]
fn rules_cover_what_they_allow_and_no_more() {
    for (wide, narrow, expected) in [
        ("https://*", "https://*.x.com", true),
        ("https://*", "https://x.com", true),
        ("https://*", "http://x.com", false),
        ("https://*", "https://10.0.0.1", false),
        ("https://*", "https://localhost", false),
        ("https://*.x.com", "https://*.a.x.com", true),
        ("https://*.x.com", "https://*.x.com", true),
        ("https://*.a.x.com", "https://*.x.com", false),
        ("https://*.x.com", "https://x.com", false),
        ("https://x.com", "https://*", false),
        ("https://10.0.0.1", "https://10.0.0.1", true),
    ] {
        assert_eq!(rule(wide).covers(&rule(narrow)), expected, "{wide} {narrow}");
    }
}

#[test]
fn asking_for_any_server_asks_for_whatever_is_named() {
    assert!(rule("http://*").asks_for(&rule("http://localhost")));
    assert!(rule("http://*").asks_for(&rule("http://169.254.169.254")));
    assert!(!rule("http://*").asks_for(&rule("http://localhost:8080")));
    assert!(!rule("https://*.x.com").asks_for(&rule("https://10.0.0.1")));
}

#[test]
fn only_a_literal_names_a_special_address() {
    let names = |text: &str, url: &str, address: &str| {
        rule(text).names(&server(url), address.parse().expect("the test writes an address"))
    };
    assert!(names("http://10.0.0.5", "http://10.0.0.5", "10.0.0.5"));
    // Granting the address says that a name may lead there; the name needs a rule of its own.
    assert!(names("http://10.0.0.5", "http://intranet.example", "10.0.0.5"));
    assert!(!names("http://10.0.0.5", "http://intranet.example:81", "10.0.0.5"));
    assert!(!names("http://10.0.0.5", "http://10.0.0.5", "10.0.0.6"));
    assert!(names("http://localhost", "http://localhost", "127.0.0.1"));
    assert!(names("http://localhost", "http://localhost", "::1"));
    assert!(!names("http://localhost", "http://localhost", "10.0.0.5"));
    assert!(!names("http://localhost", "http://rebound.example", "127.0.0.1"));
    assert!(!names("http://intranet.example", "http://intranet.example", "10.0.0.5"));
    assert!(!names("http://*.intranet.example", "http://a.intranet.example", "10.0.0.5"));
    assert!(!names("http://*", "http://10.0.0.5", "10.0.0.5"));
}

#[test]
fn a_denying_wildcard_takes_in_special_addresses() {
    assert!(rule("http://*").matches(&server("http://127.0.0.1")));
    assert!(rule("http://*").matches(&server("http://localhost")));
    assert!(!rule("http://*").matches(&server("http://localhost:81")));
}
