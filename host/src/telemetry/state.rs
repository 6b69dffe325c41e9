//! What is looked up when metrics are asked for: what is served, what is used, and the process.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use super::{export::Counts, process};
use crate::host::Host;

/// The state of a host.
#[derive(Debug)]
pub(super) struct State(Registry);

impl State {
    /// `spans` are those of the host's traces, where they are sent somewhere.
    pub(super) fn new(host: &Arc<Host>, spans: Option<Arc<Counts>>) -> Self {
        process::begin();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Now { host: Arc::downgrade(host), spans }));
        Self(registry)
    }

    /// Writes all of it, without the end mark.
    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        text::encode_registry(text, &self.0)
    }
}

#[derive(Debug)]
struct Now {
    host: Weak<Host>,
    spans: Option<Arc<Counts>>,
}

impl Collector for Now {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut page = Page(encoder);
        if let Some(host) = self.host.upgrade() {
            served(&mut page, &host)?;
            used(&mut page, &host)?;
        }
        if let Some(spans) = &self.spans {
            page.counter("toolcell_spans_exported", "Spans that a collector took", spans.exported())?;
            page.counter(
                "toolcell_spans_dropped",
                "Spans that were dropped, mostly for want of a collector",
                spans.dropped(),
            )?;
        }
        of_process(&mut page)
    }
}

fn served(page: &mut Page<'_>, host: &Host) -> fmt::Result {
    let (catalog, registry) = (host.catalog(), host.registry());
    // What is being loaded is not served either, and here it counts once.
    let unserved = catalog.unserved.iter().filter(|plugin| !catalog.loading.contains(&plugin.name)).count();
    let states = [("served", catalog.served.len()), ("unserved", unserved), ("loading", catalog.loading.len())];
    let states = states.map(|(state, number)| ([("state", state)], number as u64));
    page.gauges("toolcell_plugins", "Plugins in the folder", &states)?;
    page.gauge("toolcell_tools", "Tools that are served", catalog.tools.len() as u64)?;
    let waiting =
        catalog.served.iter().filter_map(|plugin| Some((plugin.name.as_str(), plugin.tools().first()?.waiting())));
    let waiting: Vec<_> = waiting.map(|(plugin, number)| ([("plugin", plugin)], u64::from(number))).collect();
    page.gauges("toolcell_calls_waiting", "Calls that wait for a turn or a place", &waiting)?;
    page.counter("toolcell_unknown_tool_calls", "Calls of names that were never listed", host.unknown_calls())?;
    page.counter("toolcell_reloads", "How often the folder was read again", registry.reloads())?;
    page.counter("toolcell_tool_list_changes", "Changes of the list of tools", *registry.changes().borrow())?;
    let (number, took) = registry.compilations();
    page.counter("toolcell_compilations", "Components that were compiled", number)?;
    page.seconds("toolcell_compilation_seconds", "Time that compiling took", took.as_secs_f64())
}

fn used(page: &mut Page<'_>, host: &Host) -> fmt::Result {
    let usage = host.sandbox().usage();
    page.gauge("toolcell_instance_slots_used", "Places of instances that are taken", usage.slots)?;
    page.gauge("toolcell_instance_slots", "Places of instances that there are", usage.max_slots)?;
    page.gauge("toolcell_instance_memory_bytes", "Linear memory of all instances", usage.memory)?;
    page.gauge("toolcell_instance_memory_limit_bytes", "Linear memory that all instances may have", usage.max_memory)
}

fn of_process(page: &mut Page<'_>) -> fmt::Result {
    page.seconds("process_cpu_seconds", "Processor time of the process", process::cpu_seconds())?;
    page.encode("process_start_time_seconds", "Start of the process since 1970", &ConstGauge::new(process::started()))?;
    for (name, help, value) in [
        ("process_resident_memory_bytes", "Memory of the process", process::resident_memory()),
        ("process_open_fds", "Open descriptors", process::open_descriptors()),
        ("process_max_fds", "The most descriptors", process::max_descriptors()),
    ] {
        if let Some(value) = value {
            page.gauge(name, help, value)?;
        }
    }
    Ok(())
}

/// The page that is written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn encode(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(name, help, None, metric.metric_type())?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.encode(name, help, &ConstCounter::new(value))
    }

    fn seconds(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.encode(name, help, &ConstCounter::new(value))
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.encode(name, help, &ConstGauge::new(value))
    }

    fn gauges(&mut self, name: &str, help: &str, values: &[([(&str, &str); 1], u64)]) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(*value).encode(metric.encode_family(labels)?)?;
        }
        Ok(())
    }
}
