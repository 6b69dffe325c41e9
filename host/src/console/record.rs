//! What is kept of calls for the page: those under way, the newest failures, and of each tool its newest calls. All of
//! it is bounded, and none of it holds arguments or answers.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::watch;

use super::explain::{Explanation, explain};
use crate::{
    call::CallId,
    observe::{ObservedCall, Observer},
    outcome::Outcome,
    plugin::Tool,
};

/// Newest calls of a tool that are kept for its plots.
pub(super) const MAX_POINTS: usize = 120;
/// Tools whose calls are kept.
const MAX_TOOLS: usize = 1_000;
/// Calls under way that are kept. The sandbox has a thousand places by default; the rest waits.
const MAX_LIVE: usize = 4_096;
/// How long the calls are counted together that become one column of the chart, and how many columns there are.
pub(super) const COLUMN: Duration = Duration::from_secs(10);
pub(super) const COLUMNS: usize = 60;

/// What is kept of calls.
#[derive(Debug)]
pub(super) struct Record {
    kept: Mutex<Kept>,
    failures: usize,
    news: watch::Sender<u64>,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) since: SystemTime,
    began: Instant,
    /// Calls that ended.
    pub(super) calls: u64,
    /// Those that failed.
    pub(super) failed: u64,
    live: HashMap<CallId, Live>,
    /// The newest last.
    pub(super) failures: VecDeque<Arc<FailedCall>>,
    pub(super) tools: HashMap<String, ToolRecord>,
    columns: VecDeque<(u64, Column)>,
}

/// A call under way. The call itself is the host's: one that is dropped without an end is not kept either.
#[derive(Debug)]
struct Live {
    call: Weak<ObservedCall>,
    since: Instant,
}

/// What became of the calls of some seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) answered: u32,
    pub(super) failed: u32,
}

/// What is kept of a tool's calls.
#[derive(Debug, Default)]
pub(super) struct ToolRecord {
    tool: Weak<Tool>,
    pub(super) calls: u64,
    pub(super) failed: u64,
    /// The newest last.
    pub(super) points: VecDeque<Point>,
}

/// One call in a plot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) ended: SystemTime,
    pub(super) elapsed: Duration,
    pub(super) computing: Duration,
    pub(super) memory: u64,
    pub(super) failed: bool,
}

/// A call that failed.
#[derive(Debug)]
pub(super) struct FailedCall {
    pub(super) id: CallId,
    pub(super) tool: String,
    pub(super) plugin: Option<String>,
    pub(super) user: String,
    pub(super) ended: SystemTime,
    pub(super) elapsed: Duration,
    pub(super) explanation: Explanation,
}

impl Record {
    pub(super) fn new(failures: usize) -> Self {
        let kept = Kept {
            since: SystemTime::now(),
            began: Instant::now(),
            calls: 0,
            failed: 0,
            live: HashMap::new(),
            failures: VecDeque::new(),
            tools: HashMap::new(),
            columns: VecDeque::new(),
        };
        Self { kept: Mutex::new(kept), failures, news: watch::Sender::new(0) }
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that grows whenever a call comes or ends.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn tell(&self) {
        self.news.send_modify(|number| *number += 1);
    }
}

impl Observer for Record {
    fn arrived(&self, call: &Arc<ObservedCall>) {
        let mut kept = self.kept();
        if kept.live.len() >= MAX_LIVE {
            kept.live.retain(|_, live| live.call.strong_count() > 0);
        }
        if kept.live.len() < MAX_LIVE {
            kept.live.insert(call.id, Live { call: Arc::downgrade(call), since: Instant::now() });
        }
        drop(kept);
        self.tell();
    }

    fn ended(&self, call: &Arc<ObservedCall>, outcome: &Outcome) {
        let ended = SystemTime::now();
        let failed = outcome.result.as_ref().err().map(|failure| {
            Arc::new(FailedCall {
                id: call.id,
                tool: call.name.clone(),
                plugin: call.tool.as_ref().map(|tool| tool.plugin().to_owned()),
                user: call.user.name().to_owned(),
                ended,
                elapsed: outcome.receipt.elapsed,
                explanation: explain(&call.name, failure, &outcome.receipt),
            })
        });
        let mut kept = self.kept();
        kept.live.remove(&call.id);
        kept.count(failed.is_some());
        if let Some(tool) = &call.tool {
            let receipt = &outcome.receipt;
            kept.note(
                tool,
                Point {
                    ended,
                    elapsed: receipt.elapsed,
                    computing: receipt.computing,
                    memory: receipt.memory_peak,
                    failed: failed.is_some(),
                },
            );
        }
        if let Some(failed) = failed {
            while kept.failures.len() >= self.failures {
                kept.failures.pop_front();
            }
            kept.failures.push_back(failed);
        }
        drop(kept);
        self.tell();
    }
}

impl Kept {
    /// The calls under way and for how long they have been, the oldest first.
    pub(super) fn live(&self) -> Vec<(Arc<ObservedCall>, Duration)> {
        let mut live: Vec<_> = self.live.values().filter_map(|live| Some((live.call.upgrade()?, live.since))).collect();
        live.sort_by_key(|(_, since)| *since);
        live.into_iter().map(|(call, since)| (call, since.elapsed())).collect()
    }

    /// The call under way of this id, as it is written.
    pub(super) fn live_call(&self, id: &str) -> Option<Arc<ObservedCall>> {
        self.live.iter().find(|(known, _)| known.to_string() == id).and_then(|(_, live)| live.call.upgrade())
    }

    /// The failed call of this id, as it is written.
    pub(super) fn failed_call(&self, id: &str) -> Option<Arc<FailedCall>> {
        self.failures.iter().find(|failed| failed.id.to_string() == id).cloned()
    }

    /// The newest columns of the chart, the newest last.
    pub(super) fn columns(&self) -> [Column; COLUMNS] {
        self.columns_until(self.column_number())
    }

    fn columns_until(&self, newest: u64) -> [Column; COLUMNS] {
        let mut columns = [Column::default(); COLUMNS];
        for (number, column) in &self.columns {
            let age = usize::try_from(newest.saturating_sub(*number)).unwrap_or(usize::MAX);
            if let Some(place) = COLUMNS.checked_sub(age + 1) {
                columns[place] = *column;
            }
        }
        columns
    }

    fn column_number(&self) -> u64 {
        self.began.elapsed().as_secs() / COLUMN.as_secs()
    }

    fn count(&mut self, failed: bool) {
        self.calls += 1;
        self.failed += u64::from(failed);
        self.count_in(self.column_number(), failed);
    }

    fn count_in(&mut self, number: u64, failed: bool) {
        if self.columns.back().is_none_or(|(newest, _)| *newest != number) {
            self.columns.push_back((number, Column::default()));
        }
        while self.columns.len() > COLUMNS {
            self.columns.pop_front();
        }
        if let Some((_, column)) = self.columns.back_mut() {
            let counted = if failed { &mut column.failed } else { &mut column.answered };
            *counted = counted.saturating_add(1);
        }
    }

    fn note(&mut self, tool: &Arc<Tool>, point: Point) {
        if self.tools.len() >= MAX_TOOLS && !self.tools.contains_key(tool.name()) {
            self.tools.retain(|_, record| record.tool.strong_count() > 0);
            if self.tools.len() >= MAX_TOOLS {
                return;
            }
        }
        let record = self.tools.entry(tool.name().to_owned()).or_default();
        record.tool = Arc::downgrade(tool);
        record.calls += 1;
        record.failed += u64::from(point.failed);
        while record.points.len() >= MAX_POINTS {
            record.points.pop_front();
        }
        record.points.push_back(point);
    }
}

impl ToolRecord {
    /// The time within which this share of the newest calls ended, by the nearest rank.
    pub(super) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut elapsed: Vec<_> = self.points.iter().map(|point| point.elapsed).collect();
        elapsed.sort_unstable();
        let rank = (elapsed.len() * percent).div_ceil(100);
        elapsed.get(rank.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests;
