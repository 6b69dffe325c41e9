//! Every way a call can fail, and its wording. The model reads the text, programs read the code; both are API.

use std::time::Duration;

use serde::Serialize;

use crate::{
    call::CallId,
    outcome::{Denial, Exchange, ExchangeEnd, Receipt, Server},
    policy::units::{bytes_text, duration_text},
    text,
};

pub mod network;

/// Why a call has no answer. Closed: whatever fits nowhere else is [`Failure::Unexpected`], and is a bug.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The arguments do not satisfy the tool's input schema; the plugin was not started.
    InvalidArguments {
        /// The first few mismatches.
        mismatches: Vec<Mismatch>,
    },
    /// A trap or exit right after the host refused something: the refusal is what to mend.
    Denied {
        /// What was refused last.
        denial: Denial,
    },
    /// A trap or exit right after a server did not answer.
    Unreachable {
        /// What failed last.
        exchange: Exchange,
    },
    /// A trap or exit while a granted variable is not set on the host.
    MissingVariable {
        /// The variables that are granted and not set.
        names: Vec<String>,
    },
    /// The plugin panicked or trapped.
    Trapped {
        /// The panic message, or the kind of trap.
        reason: String,
        /// `file:line` in the plugin's source, if the component carries it.
        source: Option<String>,
    },
    /// The plugin's call stack is exhausted.
    StackOverflow,
    /// The plugin wanted more memory than it may have.
    MemoryLimit {
        /// Bytes that it may have.
        limit: u64,
        /// Bytes that it wanted in all.
        wanted: u64,
    },
    /// The plugin wanted more of something else than a call may have: handles, tables, bytes passed to the host.
    ResourceLimit {
        /// What it wanted too much of.
        resource: &'static str,
    },
    /// The call did not end by its deadline.
    Deadline {
        /// The time that it had.
        limit: Duration,
        /// The server that it was waiting for, if it was.
        waiting_for: Option<Server>,
    },
    /// The answer is larger than an answer may be.
    ResultTooLarge {
        /// Bytes of the answer.
        size: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// The answer is not JSON where it has to be, or does not satisfy the tool's output schema.
    InvalidOutput {
        /// What is wrong with it.
        mismatches: Vec<Mismatch>,
    },
    /// The plugin ended its process instead of answering.
    Exited {
        /// Its exit status.
        status: i32,
    },
    /// The host carries as much as it can.
    Busy {
        /// What is full.
        full: &'static str,
    },
    /// The client withdrew the request.
    Cancelled,
    /// The tool foresaw this failure and says so itself.
    Tool(ToolError),
    /// The tool was listed before and is not any more.
    ToolWithdrawn {
        /// The plugin that had it.
        plugin: String,
        /// Why it is not served, in a few words.
        reason: String,
        /// The command that a person runs.
        mend: Option<String>,
    },
    /// A bug of Toolcell's.
    Unexpected {
        /// What happened, for the report.
        what: String,
    },
}

/// One place where JSON does not satisfy its schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// JSON pointer to the value (RFC 6901); empty for the whole.
    pub pointer: String,
    /// What was expected and what came.
    pub problem: String,
}

/// A failure that the tool itself foresaw, as the contract's `tool-error` carries it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolError {
    /// Stable, for programs.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// What probably caused it.
    pub likely_causes: Vec<String>,
    /// The one thing to check first.
    pub check_first: Option<String>,
    /// Whether the same call can succeed later.
    pub retryable: bool,
}

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

/// A failure as the model and programs get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// Where arguments or result do not satisfy their schema.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
    /// What the host saw that the failure itself does not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<String>,
    /// The call, to find it in the host's log.
    pub call: String,
}

impl Failure {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::InvalidArguments { .. } => "invalid_arguments",
            Self::Denied { .. } => "denied_network",
            Self::Unreachable { exchange } if exchange.is_too_large() => "upstream_limit",
            Self::Unreachable { .. } => "upstream_unreachable",
            Self::MissingVariable { .. } => "missing_variable",
            Self::Trapped { .. } => "trap",
            Self::StackOverflow => "stack_overflow",
            Self::MemoryLimit { .. } => "memory_limit",
            Self::ResourceLimit { .. } => "resource_limit",
            Self::Deadline { .. } => "deadline",
            Self::ResultTooLarge { .. } => "result_too_large",
            Self::InvalidOutput { .. } => "invalid_output",
            Self::Exited { .. } => "exited",
            Self::Busy { .. } => "busy",
            Self::Cancelled => "cancelled",
            Self::Tool(error) => &error.code,
            Self::ToolWithdrawn { .. } => "tool_withdrawn",
            Self::Unexpected { .. } => "unexpected",
        }
    }

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
            mismatches,
            observed: self.observed(receipt),
            call: receipt.call.to_string(),
        }
    }

    fn parts(&self, tool: &str, receipt: &Receipt) -> Parts {
        let tool = &*format!("`{tool}`");
        match self {
            Self::InvalidArguments { mismatches } => Parts::new(
                format!("{tool} was not run: its arguments do not match its input schema: {}", list(mismatches)),
                &["the call was made from memory instead of the tool's schema"],
                "compare the arguments with the input schema in tools/list and call again",
            ),
            Self::Denied { denial } => network::denied(denial),
            Self::Unreachable { exchange } => network::failed(exchange),
            Self::MissingVariable { names } => missing_variable(tool, names),
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
            Self::Busy { full } => Parts::new(
                format!("{tool} could not start in time: {full}"),
                &["many calls at once", "calls that wait for a slow server"],
                "try again in a few seconds, with fewer calls at once",
            )
            .retryable(),
            Self::Cancelled => Parts::new(
                format!("{tool} was cancelled after {}", duration_text(rounded(receipt.elapsed))),
                &["the client withdrew the request or went away"],
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

    /// What the host saw and the failure does not already say: a plugin cannot leave it out.
    fn observed(&self, receipt: &Receipt) -> Vec<String> {
        let said_denial = if let Self::Denied { denial } = self { Some(denial) } else { None };
        let said_server = match self {
            Self::Unreachable { exchange } => Some(&exchange.server),
            Self::Deadline { waiting_for, .. } => waiting_for.as_ref(),
            _ => None,
        };
        let denials =
            receipt.denials.iter().filter(|denial| Some(*denial) != said_denial).map(network::denied_in_short);
        let exchanges = receipt
            .exchanges
            .iter()
            .filter(|exchange| matches!(exchange.end, ExchangeEnd::Failed(_)) && Some(&exchange.server) != said_server)
            .map(network::failed_in_short);
        let variables = receipt.unset_variables.iter().filter(|_| !matches!(self, Self::MissingVariable { .. }));
        let variables = variables.map(|name| format!("{name} is granted but not set on the host"));
        let mut observed: Vec<String> = match self {
            // The call never started, or ended for reasons that have nothing to do with the plugin.
            Self::InvalidArguments { .. } | Self::Busy { .. } | Self::ToolWithdrawn { .. } => Vec::new(),
            // A plugin that passed the host's own words on has said it.
            Self::Tool(error) => {
                denials.chain(exchanges).chain(variables).filter(|seen| !error.message.contains(&**seen)).collect()
            }
            _ => denials.chain(exchanges).chain(variables).collect(),
        };
        observed.dedup();
        observed.truncate(3);
        observed
    }
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
            let causes: Vec<_> = self.likely_causes.iter().map(|cause| cause.trim_end_matches('.')).collect();
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

/// The tool's own words. Where it says nothing about causes and next step, and the host saw a refusal or a failed request,
/// what the host knows of that stands in.
fn tool_error(error: &ToolError, receipt: &Receipt) -> Parts {
    let failed = || receipt.exchanges.iter().rfind(|exchange| matches!(exchange.end, ExchangeEnd::Failed(_)));
    let seen = receipt.denials.last().map(network::denied).or_else(|| failed().map(network::failed));
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

fn missing_variable(tool: &str, names: &[String]) -> Parts {
    let names = names.join(" and ");
    Parts::new(
        format!("{tool} failed, and a variable that it was granted is not set on the host: {names}"),
        &["the host was started without it", "the name is misspelt in the client's configuration"],
        format!("whether {names} is set where `toolcell serve` is started, or in its --env-file"),
    )
}

fn deadline(tool: &str, limit: Duration, waiting_for: Option<&Server>, receipt: &Receipt) -> Parts {
    let (computing, waiting) = (rounded(receipt.computing), rounded(receipt.waiting()));
    let spent = format!("{} computing, {} waiting", duration_text(computing), duration_text(waiting));
    let message = format!("{tool} was stopped at its deadline of {} ({spent}", duration_text(limit));
    match waiting_for {
        Some(server) => Parts::new(
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
    let shown = mismatches.iter().map(|Mismatch { pointer, problem }| {
        let place = if pointer.is_empty() { "the whole" } else { pointer };
        format!("{place}: {problem}")
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// With a capital letter at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let mut sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// The failure of a call that ended in a panic of the host itself.
#[must_use]
pub(crate) fn host_panic(call: CallId) -> Failure {
    Failure::Unexpected { what: format!("the host panicked during call {call}") }
}
