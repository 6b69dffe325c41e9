//! How the host is doing at one moment: what the page shows at first and is told again whenever it changes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::{
    Console,
    record::{COLUMN, Column, FailedCall, Kept, Point},
};
use crate::{
    plugin::{Catalog, Tool},
    sandbox::Usage,
};

/// Calls under way that are listed; the others are counted.
const MAX_LISTED: usize = 200;
/// Tools that are listed; clients choose badly among far fewer.
const MAX_TOOLS: usize = 1_000;
/// Newest calls in the small plot beside a tool.
const MAX_SMALL: usize = 30;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    version: &'static str,
    read_only: bool,
    since_ms: u64,
    /// Grows whenever `/api/plugins` answers something else.
    edition: u64,
    served: usize,
    not_served: usize,
    loading: usize,
    calls: u64,
    failed: u64,
    slots_taken: u64,
    slots: u64,
    memory_held: u64,
    memory: u64,
    column_ms: u64,
    /// Calls that were answered and that failed, the newest column last.
    columns: Vec<[u32; 2]>,
    under_way: usize,
    live: Vec<LiveCall>,
    /// The newest first.
    failures: Vec<Failed>,
    tools: Vec<ToolStatus>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LiveCall {
    call: String,
    tool: String,
    plugin: Option<String>,
    user: String,
    elapsed_ms: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    call: String,
    tool: String,
    plugin: Option<String>,
    user: String,
    code: String,
    message: String,
    ended_ms: u64,
    elapsed_ms: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolStatus {
    name: String,
    plugin: String,
    title: String,
    running: u32,
    waiting: u32,
    concurrency: u32,
    calls: u64,
    failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<Newest>,
}

/// Of the newest calls of a tool.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Newest {
    p50_ms: f64,
    p95_ms: f64,
    memory_peak: u64,
    /// The newest last.
    elapsed_ms: Vec<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlotPoint {
    ended_ms: u64,
    elapsed_ms: f64,
    computing_ms: f64,
    memory: u64,
    failed: bool,
}

pub(super) fn status(console: &Console) -> Status {
    let Console { host, record, config, .. } = console;
    let (edition, catalog) = (console.edition(), host.catalog());
    let Usage { slots: slots_taken, max_slots: slots, memory: memory_held, max_memory: memory } =
        host.sandbox().usage();
    let kept = record.kept();
    let live = kept.live();
    Status {
        version: env!("CARGO_PKG_VERSION"),
        read_only: config.read_only,
        since_ms: unix(kept.since),
        edition,
        served: catalog.served.len(),
        not_served: catalog.unserved.len(),
        loading: catalog.loading.len(),
        calls: kept.calls,
        failed: kept.failed,
        slots_taken,
        slots,
        memory_held,
        memory,
        column_ms: u64::try_from(COLUMN.as_millis()).unwrap_or(u64::MAX),
        columns: kept.columns().into_iter().map(|Column { answered, failed }| [answered, failed]).collect(),
        under_way: live.len(),
        live: live
            .into_iter()
            .take(MAX_LISTED)
            .map(|(call, elapsed)| LiveCall {
                call: call.id.to_string(),
                tool: call.name.clone(),
                plugin: call.tool.as_ref().map(|tool| tool.plugin().to_owned()),
                user: call.user.name().to_owned(),
                elapsed_ms: milliseconds(elapsed),
            })
            .collect(),
        failures: kept.failures.iter().rev().map(|failed| in_short(failed)).collect(),
        tools: tools(&catalog, &kept),
    }
}

fn in_short(failed: &FailedCall) -> Failed {
    Failed {
        call: failed.id.to_string(),
        tool: failed.tool.clone(),
        plugin: failed.plugin.clone(),
        user: failed.user.clone(),
        code: failed.explanation.code.clone(),
        message: failed.explanation.message.clone(),
        ended_ms: unix(failed.ended),
        elapsed_ms: milliseconds(failed.elapsed),
    }
}

fn tools(catalog: &Catalog, kept: &Kept) -> Vec<ToolStatus> {
    let tool = |tool: &Tool| {
        let (record, (running, waiting)) = (kept.tools.get(tool.name()), tool.running_and_waiting());
        let newest = record.and_then(|record| {
            let points = &record.points;
            Some(Newest {
                p50_ms: milliseconds(record.percentile(50)?),
                p95_ms: milliseconds(record.percentile(95)?),
                memory_peak: points.iter().map(|point| point.memory).max()?,
                elapsed_ms: points
                    .iter()
                    .skip(points.len().saturating_sub(MAX_SMALL))
                    .map(|point| milliseconds(point.elapsed))
                    .collect(),
            })
        });
        ToolStatus {
            name: tool.name().to_owned(),
            plugin: tool.plugin().to_owned(),
            title: tool.title().to_owned(),
            running,
            waiting,
            concurrency: tool.grant().limits().concurrency,
            calls: record.map_or(0, |record| record.calls),
            failed: record.map_or(0, |record| record.failed),
            newest,
        }
    };
    catalog.tools.iter().take(MAX_TOOLS).map(|found| tool(found)).collect()
}

/// A tool's newest calls, the newest last.
pub(super) fn points(kept: &Kept, tool: &str) -> Vec<PlotPoint> {
    let point = |point: &Point| PlotPoint {
        ended_ms: unix(point.ended),
        elapsed_ms: milliseconds(point.elapsed),
        computing_ms: milliseconds(point.computing),
        memory: point.memory,
        failed: point.failed,
    };
    kept.tools.get(tool).map(|record| record.points.iter().map(point).collect()).unwrap_or_default()
}

/// Milliseconds since 1970, as JavaScript counts time.
pub(super) fn unix(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// With microseconds as the fraction.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}
