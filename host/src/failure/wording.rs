//! What each failure says: what happened, likely causes, and what to check first.

use std::time::Duration;

use super::{Failure, Full, Mismatch, ToolError, WaitingFor, database, network, state};
use crate::{
    policy::units::{bytes_text, duration_text},
    receipt::{ExchangeEnd, Receipt},
    text,
};

/// The parts that every error text has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What happened, naming the offender.
    pub message: String,
    /// What probably caused it, the likeliest first.
    pub likely_causes: Vec<String>,
    /// The one thing to check first.
    pub check_first: String,
    /// Whether the same call can succeed later.
    pub retryable: bool,
}

impl Parts {
    /// Parts of a failure that comes back every time.
    pub(crate) fn new(message: impl Into<String>, causes: &[&str], check_first: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            likely_causes: causes.iter().map(ToString::to_string).collect(),
            check_first: check_first.into(),
            retryable: false,
        }
    }

    /// The same, where trying again can help.
    pub(crate) fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl Failure {
    /// The words for this failure of a call of `tool`.
    pub(super) fn parts(&self, tool: &str, receipt: &Receipt) -> Parts {
        let tool = &*format!("`{tool}`");
        match self {
            Self::InvalidArguments { mismatches } => Parts::new(
                format!("{tool} was not run: its arguments do not match its input schema: {}", list(mismatches)),
                &["the call was made from memory instead of the tool's schema"],
                "compare the arguments with the input schema in tools/list and call again",
            ),
            Self::Denied { denial } => network::denied(denial),
            Self::Unreachable { exchange } => network::failed(exchange),
            Self::CacheUnreachable { fault } => state::cache_unreachable(fault),
            Self::Database { failure } => failure.parts(),
            Self::MissingVariable { names, user } => missing_variable(tool, names, user.as_deref()),
            Self::Trapped { reason, source } => {
                let at = source.as_ref().map(|source| format!(" at {source}")).unwrap_or_default();
                Parts::new(
                    format!("{tool} crashed{at}: {reason}"),
                    &[
                        "a bug in the plugin that these arguments bring out",
                        "an answer of an upstream in a form that the plugin did not expect",
                    ],
                    "try other arguments; if it stays, report the message and these arguments to the plugin's author",
                )
            }
            Self::StackOverflow => Parts::new(
                format!("{tool} crashed: its call stack is exhausted"),
                &["unbounded recursion in the plugin", "arguments or an upstream's answer nested too deeply"],
                "call it with less deeply nested input",
            ),
            Self::MemoryLimit { limit, wanted } => Parts::new(
                format!(
                    "{tool} ran out of memory: it wanted {} and may use {}",
                    bytes_text(*wanted),
                    bytes_text(*limit)
                ),
                &["the input or an upstream's answer is too large", "the plugin holds more than it needs"],
                "ask for less at once; a person can raise `memory` under [limits] in the plugin's plugin.toml",
            ),
            Self::ResourceLimit { resource } => Parts::new(
                format!("{tool} was stopped: it used more {resource} than a call may"),
                &["the plugin does not release what it opens", "the input is too large"],
                "ask for less at once; if it stays, report it to the plugin's author",
            ),
            Self::Deadline { limit, waiting_for } => deadline(tool, *limit, waiting_for.as_ref(), receipt),
            Self::ResultTooLarge { size, limit } => Parts::new(
                format!("{tool} answered with {}, and an answer may have {}", bytes_text(*size), bytes_text(*limit)),
                &["the request asks for too much at once"],
                "ask for fewer or smaller results, for example with a limit or a page",
            ),
            Self::InvalidOutput { mismatches } => Parts::new(
                format!("{tool} answered, but not as its output schema says: {}", list(mismatches)),
                &["a bug in the plugin", "an answer of an upstream in a form that the plugin did not expect"],
                "report it to the plugin's author; other arguments may work",
            ),
            Self::Exited { status } => Parts::new(
                format!("{tool} ended with exit status {status} instead of answering"),
                &["the plugin calls exit where it should return an error"],
                "report it to the plugin's author with these arguments",
            ),
            Self::Busy { full, retry_after } => busy(tool, *full, *retry_after),
            Self::NotRecorded => Parts::new(
                format!(
                    "{tool} was not run: the host's audit log cannot be written, and its operator lets no call run unrecorded"
                ),
                &["the host's disk is full", "the log's folder was removed or may not be written"],
                "tell the operator of the host, whose own log says which file cannot be written and why",
            )
            .retryable(),
            Self::Cancelled => Parts::new(
                format!("{tool} was cancelled after {}", duration_text(rounded(receipt.elapsed))),
                &["the client withdrew the request or went away", "somebody who runs the server ended the call"],
                "nothing to mend; call again if the answer is still wanted",
            )
            .retryable(),
            Self::Tool(error) => tool_error(error, receipt),
            Self::ToolWithdrawn { plugin, reason, mend } => Parts::new(
                format!("{tool} is not served any more: plugin {plugin}: {reason}"),
                &["the plugin was changed or removed since tools were listed"],
                mend.as_ref().map_or_else(
                    || "list the tools again".to_owned(),
                    |mend| {
                        format!("list the tools again; a person can run `{mend}` in a terminal, do not run it yourself")
                    },
                ),
            ),
            Self::Unexpected { what } => Parts::new(
                format!("{tool} failed because of a bug in Toolcell, not in the call: {}", text::shown(what, 200)),
                &["a case that Toolcell's authors did not foresee"],
                format!("look for call {} in the host's log and report both to Toolcell", receipt.call),
            ),
        }
    }
}

/// The tool's own words. Where it says nothing about causes and next step, and the host saw a refusal or a failed request,
/// what the host knows of that stands in.
fn tool_error(error: &ToolError, receipt: &Receipt) -> Parts {
    let failed = || receipt.exchanges.iter().rfind(|exchange| matches!(exchange.end, ExchangeEnd::Failed(_)));
    let query = || receipt.queries.iter().rfind(|query| query.failure().is_some()).and_then(database::failed);
    let fault = || receipt.cache.fault.as_ref().map(state::cache_unreachable);
    let denied = receipt.denials.last().map(network::denied);
    let refused = || receipt.exchanges.last().filter(|exchange| exchange.refused_credential().is_some());
    let seen = denied.or_else(|| failed().map(network::failed)).or_else(query).or_else(fault);
    let seen = seen.or_else(|| refused().map(network::failed));
    let own_causes = error.likely_causes.iter().map(|cause| text::shown(cause, 150)).take(3).collect::<Vec<_>>();
    let own_check = error.check_first.as_ref().map(|check| text::shown(check, 200));
    let (seen_causes, seen_check) = seen.map(|parts| (parts.likely_causes, parts.check_first)).unzip();
    Parts {
        message: text::shown(&error.message, 400),
        likely_causes: if own_causes.is_empty() { seen_causes.unwrap_or_default() } else { own_causes },
        check_first: own_check.or(seen_check).unwrap_or_else(|| "the arguments of this call".to_owned()),
        retryable: error.retryable,
    }
}

fn missing_variable(tool: &str, names: &[String], user: Option<&str>) -> Parts {
    let names = names.join(" and ");
    let set = format!("whether {names} is set where `toolcell serve` is started, or in its --env-file");
    let Some(user) = user else {
        return Parts::new(
            format!("{tool} failed, and a variable that it was granted is not set on the host: {names}"),
            &["the host was started without it", "the name is misspelt in the client's configuration"],
            set,
        );
    };
    let user = text::one_line(&text::shown(user, 48));
    Parts::new(
        format!(
            "{tool} failed, and a variable that it was granted is not set, neither for {user} nor on the host: {names}"
        ),
        &["nobody gave this user a value of their own", "the host was started without it"],
        format!("whether {user} has a value of their own in toolcell.toml; else {set}"),
    )
}

fn busy(tool: &str, full: Full, retry_after: Duration) -> Parts {
    let wait = duration_text(retry_after);
    let at_once = &["many calls at once", "calls that wait for a slow server"];
    let host = |full: &str| {
        Parts::new(
            format!("{tool} found the host too busy: {full}"),
            at_once,
            format!("try again in {wait}, with fewer calls at once"),
        )
    };
    let parts = match full {
        Full::Host(full) => host(full),
        Full::Plugin => host("this plugin has as many calls under way as it may"),
        Full::Calls(most) => Parts::new(
            format!("{tool} was not run: of this user's calls, {most} may be under way at once, and so many are"),
            at_once,
            format!("try again in {wait}, with fewer calls at once; a person can raise `concurrency` in toolcell.toml"),
        ),
        Full::Rate(rate) => Parts::new(
            format!("{tool} was not run: this user may make {rate} and has made them"),
            &["calls in a loop", "several clients that call as the same user"],
            format!("try again in {wait}, and then less often; a person can raise `rate` in toolcell.toml"),
        ),
    };
    parts.retryable()
}

fn deadline(tool: &str, limit: Duration, waiting_for: Option<&WaitingFor>, receipt: &Receipt) -> Parts {
    let (computing, waiting) = (rounded(receipt.computing), rounded(receipt.waiting()));
    let spent = format!("{} computing, {} waiting", duration_text(computing), duration_text(waiting));
    let message = format!("{tool} was stopped at its deadline of {} ({spent}", duration_text(limit));
    match waiting_for {
        Some(WaitingFor::Database(name)) => Parts::new(
            format!("{message} for the database `{name}`)"),
            &["the statement reads more than it needs to", "the database is overloaded, or its server does not answer"],
            "whether the call can ask for less; EXPLAIN shows what a statement reads",
        )
        .retryable(),
        Some(WaitingFor::Server(server)) => Parts::new(
            format!("{message} for {})", server.authority()),
            &["the server is slow or overloaded", "a firewall drops the packets"],
            format!("whether {server} answers from this machine, for example with `curl -m 10 {server}`"),
        )
        .retryable(),
        None if computing > waiting => Parts::new(
            format!("{message})"),
            &["the input is too large", "an endless loop in the plugin"],
            "call it with smaller input; if it stays, report it to the plugin's author",
        ),
        None => Parts::new(
            format!("{message})"),
            &["the plugin sleeps or waits for something that does not come", "more calls at once than processors"],
            "call it again when fewer calls run",
        )
        .retryable(),
    }
}

/// To the millisecond: more would only be noise in an answer.
fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn list(mismatches: &[Mismatch]) -> String {
    // The pointer to the whole value is empty, and there is nothing to add to "arguments" or "answer".
    let shown =
        mismatches.iter().map(
            |Mismatch { pointer, problem }| {
                if pointer.is_empty() { problem.clone() } else { format!("{pointer}: {problem}") }
            },
        );
    shown.collect::<Vec<_>>().join("; ")
}
