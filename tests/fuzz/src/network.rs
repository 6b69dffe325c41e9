//! Rules, a URL and what its name could resolve to: what may be dialled is what a rule allows, by its words.
//!
//! The first line is the URL, the second the addresses, the rest are rules.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use toolcell::{
    policy::{Capabilities, Grant, NetworkRule, address::special_kind, server_of},
    receipt::Server,
};
use url::Url;

use crate::text;

/// Grants the rules and asks for the URL at each address.
///
/// # Panics
///
/// When a rule does not read back, or something may be dialled that no rule allows.
pub fn run(input: &[u8]) {
    let Some(text) = text::of(input) else { return };
    let mut lines = text.lines();
    let (url, addresses) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let rules: BTreeSet<NetworkRule> = lines.take(8).filter_map(|line| line.parse().ok()).collect();
    for rule in &rules {
        assert_eq!(rule.to_string().parse().as_ref(), Ok(rule));
    }
    let Some(server) = Url::parse(url).ok().and_then(|url| server_of(&url).ok()) else { return };
    check_server(&server);
    let all = grant(rules.clone());
    for address in dialled(&server, addresses) {
        assert!(
            all.may_dial(&server, address).is_err() || is_allowed(&rules, &server, address),
            "{server:?} {address}"
        );
        for rule in &rules {
            let fewer = grant(rules.iter().filter(|other| *other != rule).cloned().collect());
            assert!(all.may_reach(&server).is_ok() || fewer.may_reach(&server).is_err(), "{server:?} without {rule}");
            assert!(all.may_dial(&server, address).is_ok() || fewer.may_dial(&server, address).is_err());
        }
    }
}

fn grant(network: BTreeSet<NetworkRule>) -> Grant {
    Grant::everything(&Capabilities { network, ..Capabilities::default() })
}

/// A server is in canonical form, and a name is none that the resolver of the system would take for an address, which it
/// does with `127.1` and `0x7f.1`.
fn check_server(server: &Server) {
    assert!(matches!(server.scheme.as_str(), "http" | "https") && server.port != 0, "{server:?}");
    let read_again = Url::parse(&server.to_string()).ok().and_then(|url| server_of(&url).ok());
    assert_eq!(read_again.as_ref(), Some(server));
    if server.host.parse::<IpAddr>().is_err() {
        let is_number = |label: &str| {
            label.bytes().all(|b| b.is_ascii_digit())
                || label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        assert!(!server.host.rsplit('.').next().is_some_and(is_number), "{server:?}");
        assert!(!server.host.contains(['@', '/', ':', '%', '\\', '?', '#', ' ']), "{server:?}");
    }
}

/// An address is dialled as it is; a name as what it resolves to.
fn dialled(server: &Server, resolved: &str) -> Vec<IpAddr> {
    match server.host.parse() {
        Ok(address) => vec![address],
        Err(_) => resolved.split(' ').take(8).filter_map(|address| address.parse().ok()).collect(),
    }
}

/// The rules' meaning, told a second time and from their text.
fn is_allowed(rules: &BTreeSet<NetworkRule>, server: &Server, address: IpAddr) -> bool {
    let written = rules.iter().map(|rule| Written::new(&rule.to_string())).filter(|rule| {
        let Written { scheme, port, .. } = rule;
        *scheme == server.scheme && *port == server.port
    });
    let written: Vec<Written> = written.collect();
    let is_special = special_kind(address).is_some();
    assert!(is_special || !is_plainly_special(address), "{address} is taken for a public address");
    let by_name = written.iter().any(|rule| match rule.host.strip_prefix("*.") {
        _ if rule.host == "*" => !is_special && server.host != "localhost",
        Some(domain) => server.host.ends_with(&format!(".{domain}")) && server.host.parse::<IpAddr>().is_err(),
        None => rule.host == server.host,
    });
    let is_named = written.iter().any(|rule| {
        rule.host == address.to_canonical().to_string()
            || (rule.host == "localhost" && server.host == "localhost" && address.to_canonical().is_loopback())
    });
    by_name && (!is_special || is_named)
}

struct Written {
    scheme: String,
    host: String,
    port: u16,
}

impl Written {
    fn new(rule: &str) -> Self {
        let (scheme, rest) = rule.split_once("://").expect("a rule has a scheme");
        let default = if scheme == "http" { 80 } else { 443 };
        let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (bare(host), port.parse().expect("a rule's port is a number")),
            _ => (bare(rest), default),
        };
        Self { scheme: scheme.to_owned(), host, port }
    }
}

/// What the standard library knows of addresses that are nobody's server on the internet.
fn is_plainly_special(address: IpAddr) -> bool {
    let special_v4 = |v4: Ipv4Addr| {
        v4.is_loopback()
            || v4.is_private()
            || v4.is_link_local()
            || v4.is_unspecified()
            || v4.is_multicast()
            || v4.is_broadcast()
            || v4.is_documentation()
    };
    match address.to_canonical() {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4().is_some_and(special_v4)
        }
    }
}
