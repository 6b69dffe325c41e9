//! From the receipt of a call to its spans, named after OpenTelemetry's semantic conventions for MCP, HTTP and databases.
//! What these ask for and is not here, such as the path of a URL or the text of a statement, nobody but the guest may see.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Array, InstrumentationScope, KeyValue, StringValue, Value,
    trace::{Event, Link, SpanContext, SpanId, SpanKind, Status},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::metrics;
use crate::{
    failure::Code,
    observe::ObservedCall,
    outcome::Outcome,
    receipt::{Exchange, ExchangeEnd, Query, QueryEnd, Receipt},
    trace_context::CallTrace,
};

static SCOPE: LazyLock<InstrumentationScope> = LazyLock::new(|| {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build()
});

/// A call that has ended, as far as its spans tell of it.
#[derive(Debug)]
pub(super) struct Finished {
    trace: Arc<CallTrace>,
    name: String,
    plugin: Option<String>,
    user: Option<String>,
    arrived: SystemTime,
    ended: SystemTime,
    outcome: Cow<'static, str>,
    receipt: Receipt,
}

/// What differs from span to span.
struct Part {
    context: SpanContext,
    parent: SpanId,
    kind: SpanKind,
    name: Cow<'static, str>,
    start: SystemTime,
    took: Duration,
    attributes: Vec<KeyValue>,
    /// The kind of its failure.
    error: Option<Cow<'static, str>>,
}

impl Finished {
    pub(super) fn new(call: &ObservedCall, trace: &Arc<CallTrace>, outcome: &Outcome, users: bool) -> Self {
        let Outcome { result, receipt } = outcome;
        Self {
            trace: Arc::clone(trace),
            name: call.name.clone(),
            plugin: call.tool.as_ref().map(|tool| tool.plugin().to_owned()),
            user: users.then(|| call.user.name().to_owned()),
            arrived: call.arrived,
            ended: SystemTime::now(),
            outcome: metrics::outcome(result.as_ref().err()),
            // Without what the guest printed, which can be long and is the log's.
            receipt: Receipt {
                elapsed: receipt.elapsed,
                computing: receipt.computing,
                phases: receipt.phases,
                memory_peak: receipt.memory_peak,
                exchanges: receipt.exchanges.clone(),
                queries: receipt.queries.clone(),
                denials: receipt.denials.clone(),
                ..Receipt::new(receipt.call)
            },
        }
    }

    /// How many spans it has.
    pub(super) fn number_of_spans(&self) -> usize {
        1 + self.phases().count() + self.receipt.exchanges.len() + self.receipt.queries.len()
    }

    /// The call's span, then the phases that took time, then what the guest asked of others.
    pub(super) fn spans(&self) -> Vec<SpanData> {
        let own = self.trace.own.span().span_id();
        let (mut spans, mut at, mut guest) = (vec![self.call()], self.began(), own);
        for (name, took) in self.phases() {
            let context = self.child();
            if name == GUEST {
                guest = context.span_id();
            }
            let (kind, attributes) = (SpanKind::Internal, Vec::new());
            let part = Part { context, parent: own, kind, name: name.into(), start: at, took, attributes, error: None };
            spans.push(part.span());
            at += took;
        }
        spans.extend(self.receipt.exchanges.iter().map(|exchange| self.exchange(exchange, guest)));
        spans.extend(self.receipt.queries.iter().map(|query| self.query(query, guest)));
        spans
    }

    /// The phases that took time, in order.
    fn phases(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let phases = self.receipt.phases;
        let all = [("queue", phases.queued), ("instantiate", phases.instantiating), (GUEST, phases.guest)];
        all.into_iter().filter(|(_, took)| !took.is_zero())
    }

    /// When the sandbox got the call. Before that its arguments were checked.
    fn began(&self) -> SystemTime {
        self.ended.checked_sub(self.receipt.elapsed).unwrap_or(self.arrived)
    }

    fn child(&self) -> SpanContext {
        self.trace.own.child().span().clone()
    }

    fn call(&self) -> SpanData {
        let Self { trace, receipt, .. } = self;
        let start = self.arrived.min(self.began());
        let mut attributes = vec![
            KeyValue::new("mcp.method.name", "tools/call"),
            KeyValue::new("mcp.protocol.version", trace.carried.protocol.clone()),
            KeyValue::new("gen_ai.operation.name", "execute_tool"),
            KeyValue::new("gen_ai.tool.name", self.name.clone()),
            KeyValue::new("jsonrpc.request.id", trace.carried.request.clone()),
            KeyValue::new("network.transport", trace.carried.transport),
            KeyValue::new("toolcell.call.id", receipt.call.to_string()),
            KeyValue::new("toolcell.outcome", self.outcome.clone()),
            KeyValue::new("toolcell.cpu.time", receipt.computing.as_secs_f64()),
            KeyValue::new("toolcell.memory.peak", number(receipt.memory_peak)),
        ];
        attributes.extend(self.plugin.clone().map(|plugin| KeyValue::new("toolcell.plugin", plugin)));
        attributes.extend(self.user.clone().map(|user| KeyValue::new("user.name", user)));
        if !receipt.denials.is_empty() {
            let denials = receipt.denials.iter().map(|denial| StringValue::from(Code::of(denial).as_str()));
            attributes.push(KeyValue::new("toolcell.denials", Value::Array(Array::String(denials.collect()))));
        }
        let failed = self.outcome != "ok";
        // The conventions' one word for every result that says `isError`.
        attributes.extend(failed.then(|| KeyValue::new("error.type", "tool_error")));
        let parent = trace.carried.parent.as_ref().map_or(SpanId::INVALID, |parent| parent.span().span_id());
        let part = Part {
            context: trace.own.span().clone(),
            parent,
            kind: SpanKind::Server,
            name: format!("tools/call {}", self.name).into(),
            start,
            took: self.ended.duration_since(start).unwrap_or_default(),
            attributes,
            error: None,
        };
        let mut span = part.span();
        span.parent_span_is_remote = trace.carried.parent.is_some();
        if failed {
            span.status = Status::Error { description: self.outcome.clone() };
        }
        let carrier = trace.carried.carrier.as_ref();
        span.links.links.extend(carrier.map(|carrier| Link::new(carrier.span().clone(), Vec::new(), 0)));
        span
    }

    fn exchange(&self, exchange: &Exchange, guest: SpanId) -> SpanData {
        let start = self.began() + exchange.start;
        let mut attributes = vec![
            KeyValue::new("http.request.method", exchange.method.clone()),
            KeyValue::new("url.scheme", exchange.server.scheme.clone()),
            KeyValue::new("server.address", exchange.server.host.clone()),
            KeyValue::new("server.port", i64::from(exchange.server.port)),
            KeyValue::new("network.protocol.version", "1.1"),
            KeyValue::new("http.request.body.size", number(exchange.sent)),
            KeyValue::new("http.response.body.size", number(exchange.received)),
        ];
        let error = match &exchange.end {
            ExchangeEnd::Answered(status) => {
                attributes.push(KeyValue::new("http.response.status_code", i64::from(*status)));
                (*status >= 400).then(|| status.to_string().into())
            }
            ExchangeEnd::Failed(why) => Some(why.kind().into()),
            ExchangeEnd::Pending(_) => Some("abandoned".into()),
        };
        let context = exchange.trace.as_ref().map_or_else(|| self.child(), |told| told.span().clone());
        let name = exchange.method.clone().into();
        let took = exchange.elapsed;
        let part = Part { context, parent: guest, kind: SpanKind::Client, name, start, took, attributes, error };
        let mut span = part.span();
        let mut at = start;
        for (stage, took) in exchange.stages.iter() {
            span.events.events.push(Event::new(stage.as_str(), at, Vec::new(), 0));
            at += took;
        }
        span
    }

    fn query(&self, query: &Query, guest: SpanId) -> SpanData {
        let attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("toolcell.database", query.database.clone()),
            KeyValue::new("db.response.returned_rows", number(query.rows)),
        ];
        let error = match &query.end {
            QueryEnd::Answered => None,
            QueryEnd::Failed(failure) => Some(failure.fault.code().as_str().into()),
            QueryEnd::Pending => Some("abandoned".into()),
        };
        let (name, start) = (format!("query {}", query.database).into(), self.began() + query.start);
        let (context, took) = (self.child(), query.elapsed);
        Part { context, parent: guest, kind: SpanKind::Client, name, start, took, attributes, error }.span()
    }
}

const GUEST: &str = "guest";

impl Part {
    fn span(self) -> SpanData {
        let mut attributes = self.attributes;
        let status = match self.error {
            None => Status::Unset,
            Some(error) => {
                attributes.push(KeyValue::new("error.type", error));
                Status::Error { description: Cow::Borrowed("") }
            }
        };
        SpanData {
            span_context: self.context,
            parent_span_id: self.parent,
            parent_span_is_remote: false,
            span_kind: self.kind,
            name: self.name,
            start_time: self.start,
            end_time: self.start + self.took,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: SCOPE.clone(),
        }
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
