//! A failure as the model and programs get it: its own words, and what the host saw beside them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Failure, Full, Mismatch, WaitingFor, database, network, state};
use crate::{
    receipt::{Denial, Exchange, ExchangeEnd, Query, QueryEnd, Receipt},
    text,
};

/// How many things that the host saw are shown.
const MAX_OBSERVED: usize = 3;

/// A failure as the model and programs get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Stable.
    pub code: String,
    /// What happened, naming the offender.
    pub message: String,
    /// What probably caused it.
    pub likely_causes: Vec<String>,
    /// The one thing to check first.
    pub check_first: String,
    /// Whether the same call can succeed later.
    pub retryable: bool,
    /// For a failure that passes by itself: how long to wait before the next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// For a failure for want of room: whose room it is, `host`, `plugin` or `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Where arguments or result do not satisfy their schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
    /// What the host saw that the failure itself does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<String>,
    /// The call, to find it in the host's log.
    pub call: String,
}

impl Report {
    /// Characters that [`Report::text`] has at most.
    pub const MAX_TEXT: usize = 800;

    /// What the model reads: what happened, likely causes, what to check first, whether to try again.
    #[must_use]
    pub fn text(&self) -> String {
        let mut prose = sentence(&self.message);
        for observed in &self.observed {
            prose.push_str("\nThe host saw: ");
            prose.push_str(&sentence(observed));
        }
        if !self.likely_causes.is_empty() {
            prose.push_str("\nLikely causes: ");
            let causes: Vec<_> = self.likely_causes.iter().map(|cause| cause.trim().trim_end_matches('.')).collect();
            prose.push_str(&sentence(&causes.join("; ")));
        }
        let tail = format!(
            "\nCheck first: {}\n{} ({}, call {})",
            sentence(&self.check_first),
            if self.retryable { "Trying again may help." } else { "Trying the same again will not help." },
            self.code,
            self.call
        );
        // The end says what to do and stays whole; what is too long is cut before it.
        let room = Self::MAX_TEXT.saturating_sub(tail.chars().count() + 1);
        format!("{}{tail}", text::shown(&prose, room))
    }
}

impl Failure {
    /// The failure of a call of `tool`, with what the call's receipt shows beside it.
    #[must_use]
    pub fn report(&self, tool: &str, receipt: &Receipt) -> Report {
        let parts = self.parts(tool, receipt);
        let mismatches = match self {
            Self::InvalidArguments { mismatches } | Self::InvalidOutput { mismatches } => mismatches.clone(),
            _ => Vec::new(),
        };
        Report {
            code: self.code().to_owned(),
            message: parts.message,
            likely_causes: parts.likely_causes,
            check_first: parts.check_first,
            retryable: parts.retryable,
            retry_after_ms: self.busy().map(|(_, wait)| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            scope: self.busy().map(|(full, _)| full.scope().to_owned()),
            mismatches,
            observed: self.observed(receipt),
            call: receipt.call.to_string(),
        }
    }

    fn busy(&self) -> Option<(Full, Duration)> {
        if let Self::Busy { full, retry_after } = self { Some((*full, *retry_after)) } else { None }
    }

    /// What the host saw and the failure does not already say: a plugin cannot leave it out.
    fn observed(&self, receipt: &Receipt) -> Vec<String> {
        let said_denial = if let Self::Denied { denial } = self { Some(denial) } else { None };
        let said_server = match self {
            Self::Unreachable { exchange } => Some(&exchange.server),
            Self::Deadline { waiting_for: Some(WaitingFor::Server(server)), .. } => Some(server),
            _ => None,
        };
        let said_failure = if let Self::Database { failure } = self { Some(&**failure) } else { None };
        let denials =
            receipt.denials.iter().filter(|denial| Some(*denial) != said_denial).map(network::denied_in_short);
        let exchanges = receipt
            .exchanges
            .iter()
            .filter(|exchange| {
                let is_failed =
                    matches!(exchange.end, ExchangeEnd::Failed(_)) || exchange.refused_credential().is_some();
                is_failed && Some(&exchange.server) != said_server
            })
            .map(network::failed_in_short);
        let queries = receipt.queries.iter().filter_map(Query::failure);
        let queries = queries.filter(|failure| Some(*failure) != said_failure).map(|failure| failure.parts().message);
        let cache = receipt.cache.fault.iter().filter(|_| !matches!(self, Self::CacheUnreachable { .. }));
        let cache = cache.map(|fault| state::cache_unreachable(fault).message);
        let variables = receipt.unset_variables.iter().filter(|_| !matches!(self, Self::MissingVariable { .. }));
        let variables = variables.map(|name| format!("{name} is granted but not set on the host"));
        let seen = denials.chain(exchanges).chain(queries).chain(cache).chain(variables);
        let mut observed: Vec<String> = match self {
            // The call never started, or ended for reasons that have nothing to do with the plugin.
            Self::InvalidArguments { .. } | Self::Busy { .. } | Self::NotRecorded | Self::ToolWithdrawn { .. } => {
                Vec::new()
            }
            // A plugin that passed the host's own words on has said it.
            Self::Tool(error) => seen.filter(|seen| !error.message.contains(&**seen)).collect(),
            _ => seen.collect(),
        };
        observed.dedup();
        observed.truncate(MAX_OBSERVED);
        observed
    }
}

/// What a plugin that answered all the same may have kept to itself, for the model to read beside the answer: what it was
/// refused, the servers that never answered it, and those that did not take its credential.
#[must_use]
pub fn seen_beside(receipt: &Receipt) -> Option<String> {
    let exchanges = || receipt.exchanges.iter();
    let answers = |exchange: &&Exchange| {
        matches!(exchange.end, ExchangeEnd::Answered(_)) && exchange.refused_credential().is_none()
    };
    let failed = exchanges().filter(|exchange| {
        // What is forbidden may be so for good reasons; a credential that nobody knows is a mistake.
        let is_unknown = exchange.refused_credential().is_some() && exchange.end == ExchangeEnd::Answered(401);
        let is_failed = matches!(exchange.end, ExchangeEnd::Failed(_)) || is_unknown;
        is_failed && !exchanges().filter(answers).any(|answered| answered.server == exchange.server)
    });
    let unanswered = receipt.queries.iter().filter(|query| {
        let answered = |other: &&Query| other.database == query.database && other.end == QueryEnd::Answered;
        query.failure().is_some() && !receipt.queries.iter().any(|other| answered(&other))
    });
    // A runtime may look for files by itself, and a plugin that asks for none does without them.
    let matters = |denial: &&Denial| !matches!(denial, Denial::File(file) if !file.is_of_a_plugin_with_files());
    let denied = receipt.denials.iter().filter(matters).map(network::denied);
    let mut seen: Vec<_> =
        denied.chain(failed.map(network::failed)).chain(unanswered.filter_map(database::failed)).collect();
    seen.dedup();
    seen.truncate(MAX_OBSERVED);
    let check_first = sentence(&seen.last()?.check_first);
    let lines: String = seen.iter().map(|parts| format!("The host saw: {}\n", sentence(&parts.message))).collect();
    Some(format!("{lines}Check first: {check_first}"))
}

/// On one line, with a capital letter at its beginning and a full stop at its end. On one line so that nothing a plugin
/// says can pass for a line of the host's.
fn sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut letters = line.chars();
    let mut sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallId;

    #[test]
    fn only_a_refusal_for_want_of_room_says_when_to_try_again() {
        let receipt = Receipt::new(CallId::next());
        let json = |failure: Failure| serde_json::to_value(failure.report("t", &receipt)).expect("it is plain data");
        let rate = "60/min".parse().expect("it is a rate");
        for (full, scope, next) in [
            (Full::Host("all is full"), "host", "with fewer calls at once."),
            (Full::Plugin, "plugin", "with fewer calls at once."),
            (Full::Calls(4), "user", "with fewer calls at once; a person can raise `concurrency` in toolcell.toml."),
            (Full::Rate(rate), "user", "and then less often; a person can raise `rate` in toolcell.toml."),
        ] {
            let busy = Failure::Busy { full, retry_after: Duration::from_secs(3) };
            let text = busy.report("t", &receipt).text();
            assert!(text.contains(&format!("Try again in 3s, {next}")), "{text}");
            let json = json(busy);
            assert_eq!(json["retryAfterMs"], 3_000);
            assert_eq!(json["scope"], scope);
        }
        let other = json(Failure::StackOverflow);
        assert_eq!((other.get("retryAfterMs"), other.get("scope")), (None, None));
    }
}
