//! What is counted of calls, named as Prometheus asks for: base units, `_total` for what only grows.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Metric, Registry, Unit},
};

use super::bounded::{Bounded, OTHER};
use crate::{
    failure::{Code, Failure},
    observe::{ObservedCall, Observer},
    outcome::Outcome,
    receipt::{Exchange, ExchangeEnd, Query, QueryEnd, Receipt},
};

/// Tools that are counted by name, servers, and users.
const MAX_TOOLS: usize = 1_000;
const MAX_SERVERS: usize = 200;
const MAX_USERS: usize = 1_000;

/// Seconds: from a tool that only computes to one that waits until the longest deadline that is usual.
const SECONDS: [f64; 12] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
/// Bytes: from 256 KiB to 1 GiB.
const BYTES: [f64; 7] =
    [262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0, 268_435_456.0, 1_073_741_824.0];

type Labels = Vec<(&'static str, Cow<'static, str>)>;
type Counters = Family<Labels, Counter>;
type Seconds = Counter<f64, AtomicU64>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// Counts calls.
pub(super) struct Metrics {
    registry: Registry,
    calls: Counters,
    in_flight: Family<Labels, Gauge>,
    durations: Histograms,
    queue_durations: Histograms,
    guest_durations: Histograms,
    cpu: Family<Labels, Seconds>,
    memory: Histograms,
    denials: Counters,
    requests: Counters,
    request_durations: Histograms,
    sent: Counters,
    received: Counters,
    queries: Counters,
    query_durations: Histograms,
    cache: Counters,
    servers: Bounded,
    users: Option<Bounded>,
    /// The metrics of each tool, by its name: what nearly every call needs is found at once.
    tools: RwLock<HashMap<String, Arc<OfTool>>>,
}

/// The metrics of one tool.
#[derive(Debug)]
struct OfTool {
    plugin: String,
    labels: Labels,
    in_flight: Gauge,
    duration: Histogram,
    queue_duration: Histogram,
    guest_duration: Histogram,
    cpu: Seconds,
    memory: Histogram,
}

impl Metrics {
    /// Calls are counted by user only where `users` says so.
    pub(super) fn new(users: bool) -> Self {
        let mut registry = Registry::with_prefix("toolcell");
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The version of the program", Info::new(version));
        let mut made = Made(&mut registry);
        let calls = "Calls that ended, by what came of them: ok, tool_error, or the code of a failure";
        Self {
            calls: made.counters("calls", calls),
            in_flight: made.register("calls_in_flight", "Calls that have come and not ended", None),
            durations: made.seconds("call_duration", "From the arrival of a call to its end"),
            queue_durations: made.seconds("call_queue_duration", "How long calls waited for a turn and a place"),
            guest_durations: made.seconds("call_guest_duration", "How long calls were in the guest, waiting included"),
            cpu: made.register("call_cpu", "Processor time of calls", Some(Unit::Seconds)),
            memory: made.histograms("call_memory_peak", "The most linear memory of each call", Unit::Bytes, || {
                Histogram::new(BYTES)
            }),
            denials: made.counters("denials", "What calls asked for and were refused"),
            requests: made
                .counters("upstream_requests", "HTTP requests of calls, by class of status or what went wrong"),
            request_durations: made.seconds("upstream_request_duration", "How long HTTP requests of calls took"),
            sent: made.register("upstream_sent", "Bytes of request bodies that calls sent", Some(Unit::Bytes)),
            received: made.register(
                "upstream_received",
                "Bytes of response bodies that calls received",
                Some(Unit::Bytes),
            ),
            queries: made.counters("database_queries", "Questions of calls to databases"),
            query_durations: made.seconds("database_query_duration", "How long questions to databases took"),
            cache: made.counters("cache_operations", "What calls did with what their plugin keeps"),
            servers: Bounded::new(MAX_SERVERS),
            users: users.then(|| Bounded::new(MAX_USERS)),
            tools: RwLock::default(),
            registry,
        }
    }

    /// Writes all of it, without the end mark.
    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        text::encode_registry(text, &self.registry)
    }

    fn of(&self, call: &ObservedCall) -> Arc<OfTool> {
        let (plugin, name) = call.tool.as_ref().map_or((OTHER, OTHER), |tool| (tool.plugin(), tool.name()));
        let known = |tools: &HashMap<String, Arc<OfTool>>| tools.get(name).filter(|of| of.plugin == plugin).cloned();
        if let Some(of) = known(&self.tools.read().unwrap_or_else(PoisonError::into_inner)) {
            return of;
        }
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = known(&tools) {
            return of;
        }
        let is_one_too_many = tools.len() >= MAX_TOOLS && !tools.contains_key(name);
        let (plugin, name) = if is_one_too_many { (OTHER, OTHER) } else { (plugin, name) };
        let of = Arc::new(self.of_tool(plugin, name));
        tools.insert(name.to_owned(), Arc::clone(&of));
        of
    }

    fn of_tool(&self, plugin: &str, name: &str) -> OfTool {
        let labels = vec![("plugin", plugin.to_owned().into()), ("tool", name.to_owned().into())];
        OfTool {
            plugin: plugin.to_owned(),
            in_flight: self.in_flight.get_or_create_owned(&of_plugin(plugin)),
            duration: self.durations.get_or_create_owned(&labels),
            queue_duration: self.queue_durations.get_or_create_owned(&labels),
            guest_duration: self.guest_durations.get_or_create_owned(&labels),
            cpu: self.cpu.get_or_create_owned(&labels),
            memory: self.memory.get_or_create_owned(&labels),
            labels,
        }
    }

    fn count_request(&self, plugin: &str, exchange: &Exchange) {
        let server = self.servers.label(exchange.server.to_string());
        let outcome = match &exchange.end {
            ExchangeEnd::Answered(status) => class(*status),
            ExchangeEnd::Failed(why) => why.kind(),
            ExchangeEnd::Pending(_) => "abandoned",
        };
        let of_server = with(of_plugin(plugin), "server", server);
        self.request_durations.get_or_create(&of_server).observe(exchange.elapsed.as_secs_f64());
        self.sent.get_or_create(&of_server).inc_by(exchange.sent);
        self.received.get_or_create(&of_server).inc_by(exchange.received);
        self.requests.get_or_create(&with(of_server, "outcome", outcome)).inc();
    }

    fn count_query(&self, plugin: &str, query: &Query) {
        let outcome = match &query.end {
            QueryEnd::Answered => "ok",
            QueryEnd::Failed(failure) => failure.fault.code().as_str(),
            QueryEnd::Pending => "abandoned",
        };
        let of_database = with(of_plugin(plugin), "database", query.database.clone());
        self.query_durations.get_or_create(&of_database).observe(query.elapsed.as_secs_f64());
        self.queries.get_or_create(&with(of_database, "outcome", outcome)).inc();
    }

    fn count_receipt(&self, plugin: &str, receipt: &Receipt) {
        receipt.exchanges.iter().for_each(|exchange| self.count_request(plugin, exchange));
        receipt.queries.iter().for_each(|query| self.count_query(plugin, query));
        for denial in &receipt.denials {
            self.denials.get_or_create(&with(of_plugin(plugin), "kind", Code::of(denial).as_str())).inc();
        }
        let cache = [("hit", receipt.cache.hits), ("miss", receipt.cache.misses), ("set", receipt.cache.sets)];
        for (operation, number) in cache.into_iter().filter(|(_, number)| *number > 0) {
            self.cache.get_or_create(&with(of_plugin(plugin), "operation", operation)).inc_by(number);
        }
    }
}

impl Observer for Metrics {
    fn arrived(&self, call: &Arc<ObservedCall>) {
        self.of(call).in_flight.inc();
    }

    fn ended(&self, call: &Arc<ObservedCall>, Outcome { result, receipt }: &Outcome) {
        let of = self.of(call);
        of.in_flight.dec();
        let mut labels = with(of.labels.clone(), "outcome", outcome(result.as_ref().err()));
        if let Some(users) = &self.users {
            labels.push(("user", users.label(call.user.name().to_owned())));
        }
        self.calls.get_or_create(&labels).inc();
        // Of a call whose arguments were refused, the receipt knows no time.
        let elapsed = call.arrived.elapsed().unwrap_or(Duration::ZERO).max(receipt.elapsed);
        of.duration.observe(elapsed.as_secs_f64());
        if !receipt.phases.is_none() {
            of.queue_duration.observe(receipt.phases.queued.as_secs_f64());
            of.guest_duration.observe(receipt.phases.guest.as_secs_f64());
            of.cpu.inc_by(receipt.computing.as_secs_f64());
            #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
            of.memory.observe(receipt.memory_peak as f64);
        }
        self.count_receipt(&of.plugin, receipt);
    }
}

/// Without the registry, which shows every series.
impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Makes metrics and registers them.
struct Made<'a>(&'a mut Registry);

impl Made<'_> {
    fn register<M: Metric + Clone + Default>(&mut self, name: &str, help: &str, unit: Option<Unit>) -> M {
        let metric = M::default();
        match unit {
            Some(unit) => self.0.register_with_unit(name, help, unit, metric.clone()),
            None => self.0.register(name, help, metric.clone()),
        }
        metric
    }

    fn counters(&mut self, name: &str, help: &str) -> Counters {
        self.register(name, help, None)
    }

    fn seconds(&mut self, name: &str, help: &str) -> Histograms {
        self.histograms(name, help, Unit::Seconds, || Histogram::new(SECONDS))
    }

    fn histograms(&mut self, name: &str, help: &str, unit: Unit, one: fn() -> Histogram) -> Histograms {
        let family = Histograms::new_with_constructor(one);
        self.0.register_with_unit(name, help, unit, family.clone());
        family
    }
}

fn of_plugin(plugin: &str) -> Labels {
    vec![("plugin", plugin.to_owned().into())]
}

fn with(mut labels: Labels, name: &'static str, value: impl Into<Cow<'static, str>>) -> Labels {
    labels.push((name, value.into()));
    labels
}

/// A code of the tool's own is whatever a guest wrote, and there may be any number of them.
pub(super) fn outcome(failure: Option<&Failure>) -> Cow<'static, str> {
    match failure {
        None => "ok".into(),
        Some(Failure::Tool(_)) => "tool_error".into(),
        Some(failure) => failure.code().to_owned().into(),
    }
}

fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests;
