//! What is dialled against what the rules say, over a great many generated rule sets, URLs and addresses. The rules are
//! read here once more, by their words and in the simplest way, so that a mistake in the host's reading is seen.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http_body_util::{BodyExt, Empty};

use super::*;
use crate::{policy::address::special_kind, sandbox::http::dial::without_asking};

/// Cases of each test; there are four tests, which run side by side.
const CASES: u64 = 250_000;

const SCHEMES: [&str; 6] = ["http", "https", "HTTPS", "Http", "ftp", "wss"];
const SLASHES: [&str; 6] = ["://", "://", "://", ":", ":\\\\", ":///"];
const USERS: [&str; 8] = ["", "", "", "", "", "good.test@", "good.test:x@", "@"];
const HOSTS: [&str; 30] = [
    "good.test",
    "GOOD.test.",
    "a.good.test",
    "b.a.good.test",
    "evilgood.test",
    "good.test.evil.test",
    "evil.test",
    "localhost",
    "LOCALHOST.",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "127。0。0。1",
    "10.0.0.5",
    "8.8.8.8",
    "8.8.2056",
    "169.254.169.254",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::10.0.0.5]",
    "[2002:a00:5::]",
    "[2606:4700::1111]",
    "[fe80::1%25eth0]",
    "a%2egood.test",
    "good.test%00.evil.test",
    "",
    "xn--good.test",
];
const PORTS: [&str; 8] = ["", "", ":80", ":443", ":8080", ":0443", ":0", ":65536"];
const RESTS: [&str; 10] = [
    "",
    "/",
    "/a?b#c",
    "?q=@evil.test",
    "#@evil.test",
    "\\@evil.test",
    "/\\evil.test",
    "@evil.test/",
    "//evil.test/",
    "\t/\r\n",
];
const RULES: [&str; 12] = [
    "good.test",
    "*.good.test",
    "*.a.good.test",
    "*",
    "localhost",
    "127.0.0.1",
    "10.0.0.5",
    "8.8.8.8",
    "[::1]",
    "[2606:4700::1111]",
    "evil.test",
    "169.254.169.254",
];
/// What a resolver might say of a name.
const ANSWERS: [&str; 16] = [
    "8.8.8.8",
    "8.8.8.8",
    "8.8.4.4",
    "1.1.1.1",
    "1.0.0.1",
    "2606:4700::1111",
    "2606:4700::1001",
    "2a00:1450::1",
    "127.0.0.1",
    "10.0.0.5",
    "169.254.169.254",
    "::1",
    "::ffff:10.0.0.5",
    "64:ff9b::10.0.0.5",
    "2002:a00:5::1",
    "0.0.0.0",
];

/// Numbers that look random and are the same in every run (Steele and others, `SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }

    /// Every other one is plain, so that enough of them are dialled; the rest is whatever might be read in two ways.
    fn url(&mut self) -> String {
        if self.below(2) == 0 {
            let (scheme, port) = (["http", "https"][self.below(2)], ["", "", ":8080"][self.below(3)]);
            return format!("{scheme}://{}{port}/{}", self.pick(&HOSTS[..6]), self.pick(&RESTS));
        }
        let host = if self.below(8) == 0 {
            (0..self.below(12)).map(|_| char::from(33 + u8::try_from(self.below(94)).expect("few"))).collect()
        } else {
            self.pick(&HOSTS).to_owned()
        };
        let (scheme, slashes, user) = (self.pick(&SCHEMES), self.pick(&SLASHES), self.pick(&USERS));
        format!("{scheme}{slashes}{user}{host}{}{}", self.pick(&PORTS), self.pick(&RESTS))
    }

    fn rule(&mut self) -> String {
        let scheme = ["http", "https"][self.below(2)];
        format!("{scheme}://{}{}", self.pick(&RULES), ["", "", ":8080"][self.below(3)])
    }

    fn address(&mut self) -> IpAddr {
        match self.below(6) {
            0..4 => self.pick(&ANSWERS).parse().expect("an address"),
            4 => Ipv4Addr::from_bits(u32::try_from(self.next() >> 32).expect("32 bits")).into(),
            _ => Ipv6Addr::from_bits(u128::from(self.next()) << 64 | u128::from(self.next())).into(),
        }
    }
}

/// A request for this URL, if it is one.
fn request(url: &str) -> Option<Checked> {
    let request = Checked::new(OutgoingRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: http::HeaderMap::new(),
        body: Empty::new().map_err(|never| match never {}).boxed_unsync(),
        timeouts: Timeouts::default(),
    });
    request.ok()
}

/// What would be dialled for it, any of these: the same steps as in [`Egress::send`], `answers` being the resolver's.
fn dialled(grant: &Grant, server: &Server, answers: &[IpAddr]) -> Option<Addresses> {
    let permitted = Permitted::new(grant, server).ok()?;
    let resolved = || answers.iter().map(|address| SocketAddr::new(*address, server.port)).collect();
    Addresses::checked(&permitted, without_asking(server).unwrap_or_else(resolved)).ok()
}

/// Whether a rule, read by its words, allows a connection to this server at this address. Nothing of the host's own reading
/// is used, save for which addresses are special: that has tests of its own.
fn allows(rule: &str, server: &Server, address: SocketAddr) -> bool {
    let (scheme, rest) = rule.split_once("://").expect("a rule has a scheme");
    let (host, port) = match rest.strip_suffix(":8080") {
        Some(host) => (host, 8080),
        None => (rest, if scheme == "https" { 443 } else { 80 }),
    };
    if server.scheme != scheme || server.port != port || address.port() != port {
        return false;
    }
    let address = address.ip().to_canonical();
    let is_special = special_kind(address).is_some();
    match (host.strip_prefix("*."), host) {
        (Some(domain), _) => !is_special && server.host.ends_with(&format!(".{domain}")),
        (None, "*") => !is_special,
        (None, "localhost") => server.host == "localhost" && address.is_loopback(),
        (None, host) => match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(literal) => literal == address && server.host == literal.to_string(),
            Err(_) => !is_special && server.host == host,
        },
    }
}

/// Whether one rule allows the connection; or one the server, were it at a public address, and another the address itself.
fn is_within(rules: &[String], server: &Server, address: SocketAddr) -> bool {
    let any = |server: &Server, address| rules.iter().any(|rule| allows(rule, server, address));
    let by_its_address = Server { host: address.ip().to_canonical().to_string(), ..server.clone() };
    let were_it_public = SocketAddr::new(Ipv4Addr::new(8, 8, 8, 8).into(), address.port());
    any(server, address) || (any(server, were_it_public) && any(&by_its_address, address))
}

fn run(seed: u64) {
    let (mut random, mut cases_dialled) = (Random(seed), 0);
    let (mut rules, mut granted, mut fewer) = (Vec::new(), grant(&[]), grant(&[]));
    for case in 0..CASES {
        // A rule set takes longer to make than to ask.
        if case % 50 == 0 {
            rules = (0..random.below(8)).map(|_| random.rule()).collect::<Vec<_>>();
            let words: Vec<_> = rules.iter().map(String::as_str).collect();
            granted = grant(&words);
            fewer = grant(words.split_last().map_or(&[][..], |(_, rest)| rest));
        }
        let url = random.url();
        let answers: Vec<_> = (0..=random.below(2)).map(|_| random.address()).collect();
        let Some(request) = request(&url) else { continue };
        let server = request.server.clone();
        let Some(addresses) = dialled(&granted, &server, &answers) else {
            let by_fewer = dialled(&fewer, &server, &answers);
            assert!(by_fewer.is_none(), "fewer rules allow more: {rules:?} {url} {answers:?}");
            continue;
        };
        cases_dialled += 1;
        let is_within = addresses.all().iter().all(|address| is_within(&rules, &server, *address));
        assert!(is_within, "{rules:?} {url} {answers:?}: {server} {addresses:?}");
        // Whoever reads the head is told the very server that was judged, and is asked for a path of it.
        let wire = request.into_wire();
        let host = wire.headers()["host"].to_str().expect("ASCII");
        assert!(server.to_string().ends_with(&format!("://{host}")), "{url}: {wire:?}");
        assert!(wire.uri().authority().is_none() && wire.uri().path().starts_with('/'), "{url}: {wire:?}");
    }
    println!("{CASES} cases: {cases_dialled} dialled, each by a rule; {} refused", CASES - cases_dialled);
    assert!((CASES / 100..CASES / 2).contains(&cases_dialled));
}

#[test]
fn nothing_is_dialled_outside_the_rules_1() {
    run(1);
}

#[test]
fn nothing_is_dialled_outside_the_rules_2() {
    run(2);
}

#[test]
fn nothing_is_dialled_outside_the_rules_3() {
    run(3);
}

#[test]
fn nothing_is_dialled_outside_the_rules_4() {
    run(4);
}
