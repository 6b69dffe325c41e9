//! From a call to its record. A call leaves behind what its record is made of, and the record is made where it is
//! written, so that the call does not wait for that.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    canonical::{canonical, digest, weight},
    record::{Arguments, CallRecord, DatabaseUse, Denied, Event, Record, ServerUse},
};
use crate::{
    failure::{Code, Failure, Report, network, seen_beside},
    observe::ObservedCall,
    outcome::Outcome,
    receipt::{CacheUse, Exchange, ExchangeEnd, FileUse, Query, QueryEnd, Receipt},
};

/// What waits to be written.
#[derive(Debug)]
pub(super) enum Entry {
    /// A call that ended.
    Call { call: Arc<ObservedCall>, failure: Option<Failure>, receipt: Box<Receipt> },
    /// A call of a tool that there is not.
    Unknown(Arc<ObservedCall>),
    /// Anything else.
    Event(Box<Record>),
}

/// Characters of a name that a client or a guest chose.
pub(super) const NAME: usize = 128;
/// Characters of a text.
pub(super) const TEXT: usize = 2_000;
/// Bytes of arguments that are recorded whole.
const WHOLE: usize = 64 << 10;
/// Characters of longer ones.
const BEGINNING: usize = 4_000;
/// Bytes that an entry takes beside its arguments, about.
const ENTRY: usize = 1 << 10;

impl Entry {
    pub(super) fn call(call: &Arc<ObservedCall>, Outcome { result, receipt }: &Outcome) -> Self {
        Self::Call {
            call: Arc::clone(call),
            failure: result.as_ref().err().cloned(),
            receipt: Box::new(receipt.clone()),
        }
    }

    /// About how many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        ENTRY
            + match self {
                Self::Call { call, receipt, .. } => weight(&call.arguments) + receipt.stderr.len(),
                Self::Unknown(call) => weight(&call.arguments) + call.name.len(),
                Self::Event(_) => 0,
            }
    }

    /// The record; with the arguments themselves where the operator wants them.
    pub(super) fn record(self, with_arguments: bool) -> Record {
        match self {
            Self::Call { call, failure, receipt } => ended(&call, failure.as_ref(), &receipt, with_arguments),
            Self::Unknown(call) => unknown(&call, with_arguments),
            Self::Event(record) => *record,
        }
    }
}

fn ended(call: &ObservedCall, failure: Option<&Failure>, receipt: &Receipt, with_arguments: bool) -> Record {
    let blank = blank(call, with_arguments);
    let printed = (with_arguments && !receipt.stderr.is_empty()).then(|| cut(&receipt.stderr, TEXT));
    let record = CallRecord {
        outcome: failure.map_or(CallRecord::OK, outcome).to_owned(),
        told_by_plugin: matches!(failure, Some(Failure::Tool(_))),
        elapsed_ms: milliseconds(receipt.elapsed),
        computing_ms: milliseconds(receipt.computing),
        waiting_ms: milliseconds(receipt.waiting()),
        memory_peak: receipt.memory_peak,
        answer_bytes: if let Some(Failure::ResultTooLarge { size, .. }) = failure { *size } else { receipt.answered },
        servers: receipt.exchanges.iter().map(server_use).collect(),
        databases: receipt.queries.iter().map(database_use).collect(),
        denied: denied(receipt),
        cache: receipt.cache.clone(),
        files: receipt.files,
        unset: receipt.unset_variables.clone(),
        beside: if failure.is_none() { seen_beside(receipt).map(|text| cut(&text, TEXT)) } else { None },
        failure: failure.map(|failure| bounded(failure.report(&call.name, receipt))),
        printed,
        ..blank
    };
    at(call, record)
}

fn unknown(call: &ObservedCall, with_arguments: bool) -> Record {
    at(call, blank(call, with_arguments))
}

/// A call that did nothing.
fn blank(call: &ObservedCall, with_arguments: bool) -> CallRecord {
    let tool = call.tool.as_deref();
    let outcome = if tool.is_some() { CallRecord::FORBIDDEN_TOOL } else { CallRecord::UNKNOWN_TOOL };
    CallRecord {
        call: call.id.to_string(),
        user: cut(call.user.name(), NAME),
        tool: cut(&call.name, NAME),
        plugin: tool.map(|tool| tool.plugin().to_owned()),
        component: tool.map(|tool| tool.component().to_string()),
        outcome: outcome.to_owned(),
        told_by_plugin: false,
        elapsed_ms: 0.0,
        computing_ms: 0.0,
        waiting_ms: 0.0,
        memory_peak: 0,
        arguments: arguments(call, with_arguments),
        answer_bytes: 0,
        servers: Vec::new(),
        databases: Vec::new(),
        denied: Vec::new(),
        cache: CacheUse::default(),
        files: FileUse::default(),
        unset: Vec::new(),
        failure: None,
        beside: None,
        printed: None,
    }
}

fn at(call: &ObservedCall, record: CallRecord) -> Record {
    // A clock before the year -9999 is none.
    let time = Timestamp::try_from(call.arrived).unwrap_or(Timestamp::UNIX_EPOCH);
    Record { time, event: Event::Call(Box::new(record)) }
}

/// The failure's code. One that a tool chose, which may well be one that the host gave it, cannot pass for no failure.
fn outcome(failure: &Failure) -> &str {
    const TOOL_ERROR: &str = "tool_error";
    let ours = [CallRecord::OK, CallRecord::UNKNOWN_TOOL, CallRecord::FORBIDDEN_TOOL];
    match failure {
        Failure::Tool(error) if ours.contains(&error.code.as_str()) => TOOL_ERROR,
        other => other.code(),
    }
}

fn arguments(call: &ObservedCall, whole: bool) -> Arguments {
    let text = canonical(&call.arguments);
    let is_short = text.len() <= WHOLE;
    let json = (whole && is_short).then(|| (*call.arguments).clone());
    let beginning = (whole && !is_short).then(|| cut(&text, BEGINNING));
    Arguments { digest: digest(&text), bytes: text.len() as u64, json, beginning }
}

fn server_use(exchange: &Exchange) -> ServerUse {
    let status = if let ExchangeEnd::Answered(status) = exchange.end { Some(status) } else { None };
    ServerUse {
        server: cut(&exchange.server.to_string(), TEXT),
        status,
        problem: status.is_none().then(|| cut(&network::failed_in_short(exchange), TEXT)),
        sent: exchange.sent,
        received: exchange.received,
        elapsed_ms: milliseconds(exchange.elapsed),
    }
}

fn database_use(query: &Query) -> DatabaseUse {
    let problem = match &query.end {
        QueryEnd::Answered => None,
        QueryEnd::Failed(failure) => Some(failure.fault.code().as_str()),
        QueryEnd::Pending => Some("pending"),
    };
    DatabaseUse {
        database: cut(&query.database, NAME),
        rows: query.rows,
        bytes: query.bytes,
        problem: problem.map(ToOwned::to_owned),
        elapsed_ms: milliseconds(query.elapsed),
    }
}

fn denied(receipt: &Receipt) -> Vec<Denied> {
    let mut all: Vec<Denied> = Vec::new();
    for denial in &receipt.denials {
        let (code, what) = (Code::of(denial).as_str(), cut(&network::denied_in_short(denial), TEXT));
        match all.iter_mut().find(|known| known.code == code && known.what == what) {
            Some(known) => known.times += 1,
            None => all.push(Denied { code: code.to_owned(), what, times: 1 }),
        }
    }
    all
}

/// The report with no text longer than [`TEXT`].
fn bounded(mut report: Report) -> Report {
    let texts = [&mut report.message, &mut report.check_first].into_iter();
    let texts = texts.chain(&mut report.likely_causes).chain(&mut report.observed);
    let mismatches = report.mismatches.iter_mut().flat_map(|mismatch| [&mut mismatch.pointer, &mut mismatch.problem]);
    texts.chain(mismatches).for_each(|text| *text = cut(text, TEXT));
    report
}

/// So many characters of a text. Nothing is left out before: what was written matters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// With microseconds as the fraction: calls are often shorter than a millisecond.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}
