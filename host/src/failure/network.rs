//! How refusals and failures of the network are worded: for plugins, which get them as errors of the contract's `http`, and
//! for models, which read them when a call failed. A server's name and port are shown; paths, queries, users and passwords
//! never are.

use std::{net::IpAddr, time::Duration};

use super::{Parts, credential, files, state};
use crate::{
    policy::units::{bytes_text, duration_text},
    receipt::{AnswerPart, Denial, Exchange, ExchangeEnd, Server, Stage, TlsFault, Unreachable},
    text,
};

/// Why something was refused, and whose matter it is: the author's, or the operator's.
#[must_use]
pub fn denied(denial: &Denial) -> Parts {
    let connects_itself =
        "a library in the plugin connects by itself instead of sending HTTP requests through the host";
    let use_http = "whether the plugin can use `toolcell:plugin/http` or `wasi:http` instead; that is for its author";
    match denial {
        Denial::NotAsked(server) => Parts::new(
            format!("the request to {server} was not sent: the plugin's manifest does not ask for that server"),
            &[
                "a link, a redirect or an argument led to a server that the plugin is not made for",
                "the plugin's author left the server out of the manifest",
            ],
            format!(
                "whether the request has to go to {server}; if so, the plugin's author adds it to `network` in plugin.toml, \
                 and a person reviews it"
            ),
        ),
        Denial::NotGranted { server, plugin } => Parts::new(
            format!("the request to {server} was not sent: the plugin asks for that server and was not granted it"),
            &[
                "the operator granted less than the plugin asks for",
                "an argument, a link or a redirect names a server that nobody meant to be reached",
            ],
            format!(
                "whether {server} is meant to be reached; a person decides that with `toolcell allow {}` in a terminal, do \
                 not run it yourself",
                plugin.as_deref().unwrap_or("PLUGIN")
            ),
        ),
        Denial::SpecialAddress { server, kind } => special_address(server, kind),
        Denial::Socket => Parts::new("a socket was not opened: no plugin may open one", &[connects_itself], use_http),
        Denial::NameLookup(name) => Parts::new(
            format!(
                "the name {} was not looked up: no plugin may look up names",
                text::one_line(&text::shown(name, 80))
            ),
            &[connects_itself],
            use_http,
        ),
        Denial::Cache { is_asked, plugin } => state::cache_denied(*is_asked, plugin.as_deref()),
        Denial::Database { name, is_asked, plugin } => state::database_denied(name, *is_asked, plugin.as_deref()),
        Denial::File(denial) => files::denied(denial),
        Denial::Credential(denial) => credential::denied(denial),
    }
}

fn special_address(server: &Server, kind: &str) -> Parts {
    let named = "special addresses are reached only where a person granted the address itself";
    if server.host == "localhost" || server.host.parse::<IpAddr>().is_ok() {
        return Parts::new(
            format!(
                "the request to {server} was not sent: that is a special address ({kind}), which a wildcard does not grant"
            ),
            &[
                "an argument, a link or a redirect points into the network of the machine that runs toolcell",
                "a server in that network is meant, and its address was not granted",
            ],
            format!("where {server} came from; {named}"),
        );
    }
    Parts::new(
        format!(
            "the request to {server} was not sent: its name leads to a special address ({kind}), which a name does not grant"
        ),
        &[
            "the name belongs to a private network, or the resolver answers with a private address",
            "somebody made a public name point into the network of the machine that runs toolcell (DNS rebinding)",
        ],
        format!("which address {} has on the machine that runs toolcell; {named}", server.host),
    )
}

/// What was refused, as one clause.
#[must_use]
pub fn denied_in_short(denial: &Denial) -> String {
    denied(denial).message
}

/// Why an exchange came to nothing. One that was under way is described by what it waited for.
#[must_use]
pub fn failed(exchange: &Exchange) -> Parts {
    match exchange.end {
        ExchangeEnd::Failed(why) => unreachable(&exchange.server, why),
        ExchangeEnd::Pending(stage) => timeout(&exchange.server, stage, exchange.elapsed),
        ExchangeEnd::Answered(status) if exchange.refused_credential().is_some() => {
            credential::refused(exchange, status)
        }
        ExchangeEnd::Answered(status) => Parts::new(
            format!("the server {} answered with status {status}", exchange.server.authority()),
            &["the request is not what the server expects"],
            format!("what status {status} means to that server"),
        ),
    }
}

/// What came of an exchange, as one clause.
#[must_use]
pub fn failed_in_short(exchange: &Exchange) -> String {
    failed(exchange).message
}

/// Why a server gave no answer, or not all of it.
#[must_use]
pub fn unreachable(server: &Server, why: Unreachable) -> Parts {
    let (at, name) = (server.authority(), &server.host);
    match why {
        Unreachable::NameNotFound => Parts::new(
            format!("no address was found for the name {name}, so {at} was not contacted"),
            &[
                "the name is misspelt or no longer exists",
                "the name exists only inside a network that this machine is not in",
            ],
            format!("whether {name} resolves on the machine that runs toolcell"),
        ),
        Unreachable::LookupFailed => Parts::new(
            format!("the look-up of the name {name} failed, so {at} was not contacted"),
            &["the machine that runs toolcell is offline", "its DNS resolver does not answer"],
            "whether that machine can look up any name at all",
        )
        .retryable(),
        Unreachable::Refused => Parts::new(
            format!("the connection to {at} was refused"),
            &["the service is not running", "it listens on another port", "a firewall rejects the connection"],
            format!("whether the service at {at} is running"),
        )
        .retryable(),
        Unreachable::NoRoute => Parts::new(
            format!("the network has no way to {at}"),
            &[
                "the machine that runs toolcell is offline, or its VPN is down",
                "a router or firewall rejects the address",
            ],
            "whether that machine reaches any other server",
        )
        .retryable(),
        Unreachable::Cut => Parts::new(
            format!("the connection to {at} was cut before the answer was complete"),
            &["the service crashed or was restarted", "a proxy or firewall on the way cut the connection"],
            format!("whether the same request succeeds again, then the log of the service at {at}"),
        )
        .retryable(),
        Unreachable::Protocol => Parts::new(
            format!("the answer from {at} is not HTTP/1.1"),
            &["the port belongs to another kind of service", "the port speaks TLS and the URL says http"],
            format!("scheme and port of the URL, which were {server}"),
        ),
        Unreachable::Encoded => Parts::new(
            format!(
                "the answer from {at} is compressed although the request asked for none, so that the credential could not be \
                 looked for in it"
            ),
            &["the server, or a proxy before it, compresses whatever it sends"],
            format!("whether {at} can be told to send this without Content-Encoding; no plugin gets it otherwise"),
        ),
        Unreachable::Tls(fault) => tls(server, fault),
        Unreachable::Timeout { stage, after_ms } => timeout(server, stage, Duration::from_millis(after_ms)),
        Unreachable::TooLarge(AnswerPart::Head) => Parts::new(
            format!("the header fields of the answer from {at} exceed 64 KiB, or are more than 128"),
            &["the server sends very many or very large cookies or other fields"],
            format!("what {at} sends to other clients; a plugin cannot receive it"),
        ),
        Unreachable::TooLarge(AnswerPart::Body) => Parts::new(
            format!("the answer from {at} exceeds the 16 MiB that one call may receive"),
            &["the request asks for more than is needed", "the call sends many requests whose answers add up"],
            "whether the request can ask for less: a page, a range, fewer fields",
        ),
        Unreachable::TooSlow { bytes, within_ms } => Parts::new(
            format!(
                "the server at {at} began to answer and then sent less than {} in {}, the least that is waited for",
                bytes_text(bytes),
                duration_text(Duration::from_millis(within_ms))
            ),
            &["the server or the network is slow", "the answer is a stream of events that come now and then"],
            format!("how fast {at} sends the same answer elsewhere"),
        )
        .retryable(),
        Unreachable::TooManyRequests { limit } => Parts::new(
            format!("the request to {at} was not sent: the call has sent {limit} requests, as many as it may"),
            &["the plugin sends a request for each of many items", "the plugin tries again without end"],
            "whether the plugin can do with fewer requests, or the call with fewer items",
        ),
        Unreachable::SentTooMuch { limit } => Parts::new(
            format!("the request to {at} exceeds the {} that one call may send", bytes_text(limit)),
            &["the arguments hold too much", "the call sends many requests whose bodies add up"],
            "whether the call can send less, or several calls a part each",
        ),
    }
}

fn tls(server: &Server, fault: TlsFault) -> Parts {
    let at = server.authority();
    match fault {
        TlsFault::Expired => Parts::new(
            format!("the TLS certificate of {at} has expired"),
            &["the server's operator did not renew it", "the clock of the machine that runs toolcell is wrong"],
            "the date on that machine, then the certificate",
        ),
        TlsFault::NotYetValid => Parts::new(
            format!("the TLS certificate of {at} is not valid yet"),
            &["the clock of the machine that runs toolcell is behind"],
            "the date on that machine, then the certificate",
        ),
        TlsFault::WrongName => Parts::new(
            format!("the TLS certificate of {at} is for other names than {}", server.host),
            &["the server does not serve this name", "another server, such as a captive portal, answers in its place"],
            format!("which names the certificate of {at} carries"),
        ),
        TlsFault::UnknownIssuer => Parts::new(
            format!("the TLS certificate of {at} is signed by nobody whom the machine that runs toolcell trusts"),
            &[
                "the certificate is self-signed or from a private authority",
                "a proxy inspects TLS with a certificate of its own",
                "that machine has no CA certificates installed",
            ],
            "who issued the certificate; where a person trusts the issuer, SSL_CERT_FILE names the host's CA file",
        ),
        TlsFault::BadCertificate => Parts::new(
            format!("the TLS certificate of {at} is not acceptable"),
            &["it is malformed, revoked, or not made for servers"],
            format!("the certificate of {at}, with a TLS test tool"),
        ),
        TlsFault::NotTls => Parts::new(
            format!("the server at {at} does not speak TLS"),
            &["the port serves plain HTTP", "the port belongs to another kind of service"],
            format!("scheme and port of the URL, which were {server}"),
        ),
        TlsFault::Handshake => Parts::new(
            format!("the TLS handshake with {at} failed"),
            &[
                "the server offers neither TLS 1.2 nor 1.3, or no common cipher",
                "the server demands a client certificate",
                "a firewall on the way broke it off",
            ],
            format!("which TLS versions {at} offers"),
        ),
    }
}

fn timeout(server: &Server, stage: Stage, after: Duration) -> Parts {
    let at = server.authority();
    let after = duration_text(after);
    let parts = match stage {
        Stage::Queue => Parts::new(
            format!("the request to {at} was given up after {after}, still waiting for a free connection"),
            &[
                "the call holds 8 connections open, for example by answers that it does not read to the end",
                "other calls hold all 64 connections of the plugin, all 64 to this server or all 512 of the host",
            ],
            "whether the plugin can send fewer requests at once",
        ),
        Stage::Lookup => Parts::new(
            format!("the look-up of the name {} was given up after {after}", server.host),
            &["the DNS resolver of the machine that runs toolcell does not answer"],
            "whether that machine can look up any name at all",
        ),
        Stage::Connect => Parts::new(
            format!("connecting to {at} was given up after {after}"),
            &["a firewall drops the connection without a word", "the server is down or overloaded"],
            format!("whether the machine that runs toolcell reaches {at}"),
        ),
        Stage::TlsHandshake => Parts::new(
            format!("the server at {at} did not answer in the TLS handshake, given up after {after}"),
            &["the port does not speak TLS", "the server is overloaded"],
            format!("scheme and port of the URL, which were {server}"),
        ),
        Stage::Answer => Parts::new(
            format!("the server at {at} took the request and did not answer, given up after {after}"),
            &["the server is slow or overloaded", "the request asks for much work", "the time allowed is too short"],
            format!("how long {at} takes for the same request elsewhere"),
        ),
        Stage::Body => Parts::new(
            format!("the server at {at} began to answer and did not finish, given up after {after}"),
            &["the server or the network is slow", "the answer is a stream without an end"],
            "whether the request can ask for less, or for an answer that ends",
        ),
    };
    parts.retryable()
}

/// Why a request was not even judged. `reason` is a clause.
#[must_use]
pub fn invalid_request(reason: &str) -> Parts {
    Parts::new(
        format!("the plugin made a request that cannot be sent: {reason}"),
        &["the plugin puts an argument into the request without checking it", "a bug in the plugin"],
        "the arguments that end up in the request's URL or header fields",
    )
}

#[cfg(test)]
pub(super) mod tests;
