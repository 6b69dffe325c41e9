//! `[metrics]` and `[otlp]`: what an operator sees of calls, and where.

use std::{fmt, net::SocketAddr};

use http::Uri;
use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use crate::{
    policy::Propagate,
    source::{Source, SourceError},
};

/// What `[metrics]` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetricsConfig {
    /// Where `/metrics` is served; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// Whether calls are counted for each user. Off unless written: it names people, and each is a series of its own.
    pub users: bool,
}

/// What `[otlp]` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OtlpConfig {
    /// Where traces are sent: the URL of a collector, to which `/v1/traces` is added. `OTEL_EXPORTER_OTLP_ENDPOINT` comes
    /// before it.
    pub endpoint: Option<String>,
    /// Whether the spans of calls name the user.
    pub users: bool,
    /// Which servers are told of traces.
    pub propagate: Propagate,
}

impl MetricsConfig {
    pub(super) fn read(source: &Source, raw: &RawMetrics) -> Result<Self, SourceError> {
        let address = |written: &Spanned<String>| {
            let problem =
                || format!("{:?} is not an address with a port, such as \"127.0.0.1:9464\"", written.get_ref());
            written.get_ref().parse().map_err(|_| source.error(written, problem()))
        };
        Ok(Self { listen: raw.listen.as_ref().map(address).transpose()?, users: raw.users })
    }
}

impl OtlpConfig {
    pub(super) fn read(source: &Source, raw: &RawOtlp) -> Result<Self, SourceError> {
        let endpoint = |written: &Spanned<String>| {
            let problem = |problem| {
                // Not what is there: it may hold a password.
                let expected =
                    "expected the URL of a collector without user or query, such as \"http://127.0.0.1:4318\"";
                source.error(written, format!("{problem}; {expected}"))
            };
            let url: Uri = written.get_ref().parse().map_err(|_| problem("the endpoint is no URL"))?;
            let authority = url.authority().map_or("", |authority| authority.as_str());
            match url.scheme_str() {
                Some("http" | "https") if authority.contains('@') => Err(problem("the endpoint names a user")),
                Some("http" | "https") if url.query().is_some() => Err(problem("the endpoint has a query")),
                Some("http" | "https") => Ok(written.get_ref().clone()),
                _ => Err(problem("the endpoint is neither http nor https")),
            }
        };
        let propagate = match &raw.propagate {
            None | Some(RawPropagate::All(false)) => Propagate::ToNone,
            Some(RawPropagate::All(true)) => Propagate::ToAll,
            Some(RawPropagate::To(rules)) => Propagate::To(source.set(rules)?),
        };
        Ok(Self { endpoint: raw.endpoint.as_ref().map(endpoint).transpose()?, users: raw.users, propagate })
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMetrics {
    listen: Option<Spanned<String>>,
    users: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOtlp {
    endpoint: Option<Spanned<String>>,
    users: bool,
    propagate: Option<RawPropagate>,
}

enum RawPropagate {
    All(bool),
    To(Vec<Spanned<String>>),
}

/// By hand: an untagged enum would lose the places of the rules.
impl<'de> Deserialize<'de> for RawPropagate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PropagateVisitor)
    }
}

struct PropagateVisitor;

impl<'de> de::Visitor<'de> for PropagateVisitor {
    type Value = RawPropagate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of servers, such as [\"https://api.example.com\"], or true for all that plugins may reach")
    }

    fn visit_bool<E: de::Error>(self, all: bool) -> Result<RawPropagate, E> {
        Ok(RawPropagate::All(all))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<RawPropagate, A::Error> {
        let mut rules = Vec::new();
        while let Some(rule) = items.next_element()? {
            rules.push(rule);
        }
        Ok(RawPropagate::To(rules))
    }
}

#[cfg(test)]
mod tests;
