//! What is demanded of the host in every case, whoever attacks: the expected outcome, in time, from the same process, which
//! holds afterwards what it held before and served its neighbours all the while.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use toolcell::failure::Code;

use crate::{
    process::{self, Holds},
    promise,
    scene::Scene,
    session::Answer,
};

/// One attack, and what has to come of it.
pub struct Case {
    pub name: String,
    /// The guest that attacks, where one of `tests/guests` does.
    pub guest: &'static str,
    pub expected: Expected,
    pub attack: Attack,
}

/// What an attack does. An error, or a panic, is one of the case.
pub type Attack = Box<dyn Fn(&Scene) -> Result<Seen, String>>;

/// What has to come of an attack.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// Every call fails with this code, and what it says names this.
    Fails(Code, &'static str),
    /// Every call ends at its deadline, while it waits for a server. The request has the same deadline, so that the guest may
    /// have a moment left to say so itself; either way this is named.
    StopsWaiting(&'static str),
    /// Every call fails with the plugin's own error of this code, and what it says names this.
    ToolFails(&'static str, &'static str),
    /// Every call answers, and the answer has these words.
    Answers(&'static str),
    /// The plugin is not served; the log names it and says this.
    Refused(&'static str),
    /// The code kept for the component is not used, and the component is compiled again.
    Recompiles,
    /// Every message is answered with an error of JSON-RPC of this code.
    Error(i64),
}

/// What came of it.
pub enum Seen {
    /// The answers to calls, and the deadline that each had.
    Calls(Vec<Answer>, Duration),
    /// The line of the log about this plugin.
    Refusal { plugin: String, line: String },
    /// The log said so.
    Recompiled,
    /// The answers to messages.
    Messages(Vec<Value>),
}

/// Later than a deadline can be and the host still be called punctual. What is asserted is far more, since the machines that
/// test are loaded.
pub const LATE: Duration = Duration::from_millis(250);
const FAR_TOO_LATE: Duration = Duration::from_secs(20);
/// In which everything is as before. What is asserted is far more, for the same reason.
pub const SETTLED: Duration = Duration::from_secs(2);
const NEVER_SETTLED: Duration = Duration::from_secs(10);
/// What stays with the slots of the pool that were used, and with the allocator. The pool keeps at most 256 KiB of memory and
/// some pages of tables with each slot; no case uses more than 80. Three plugins keep 4 MiB each in their caches by right, and
/// the allocator keeps some of what answers of databases took.
const KEPT: u64 = 128 << 20;
/// The share of a processor that the neighbour takes at most, in a debug build too. A guest left behind takes all of one.
const IDLE: f64 = 0.6;

/// A case that was judged: a line of the table.
pub struct Verdict {
    pub name: String,
    pub expected: String,
    pub seen: String,
    pub took: Duration,
    /// How long after its deadline the last call ended; `None` where all ended before.
    pub late: Option<Duration>,
    /// Bytes more than at the start, at the most and afterwards.
    pub memory: (u64, u64),
    /// Until everything was as before.
    pub settled: Duration,
    /// The demands that were not met.
    pub broken: Vec<String>,
}

/// Lets one case attack, and judges what comes of it.
pub fn judge(case: &Case, scene: &Scene) -> Verdict {
    let answered = scene.neighbour.answered();
    let process = scene.session.process();
    let _ = process::forget_peak(process);
    let began = Instant::now();
    let seen = catch_unwind(AssertUnwindSafe(|| (case.attack)(scene)))
        .unwrap_or_else(|panic| Err(panic.downcast_ref::<String>().cloned().unwrap_or_default()));
    let took = began.elapsed();
    let mut broken = Vec::new();
    let (seen_text, late) = match &seen {
        Ok(seen) => {
            broken.extend(outcome(case.expected, seen).err());
            (seen.to_string(), lateness(seen))
        }
        Err(error) => {
            broken.push(format!("outcome: {error}"));
            ("nothing".to_owned(), None)
        }
    };
    broken.extend(late.filter(|late| *late > FAR_TOO_LATE).map(|late| format!("in time: {late:?} after the deadline")));
    let settled = settle(scene).unwrap_or_else(|problem| {
        broken.push(problem);
        NEVER_SETTLED
    });
    let until = Instant::now() + NEVER_SETTLED;
    while scene.neighbour.answered() == answered && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
    let errors = scene.neighbour.take_errors();
    broken.extend(errors.first().map(|error| format!("neighbour: {} errors, the first {error}", errors.len())));
    if scene.neighbour.answered() == answered {
        broken.push("neighbour: not one call was answered".to_owned());
    }
    let more = |bytes: u64| bytes.saturating_sub(scene.before.memory);
    let memory = (
        more(process::peak(process).unwrap_or_default()),
        more(Holds::now(process).map_or(u64::MAX, |holds| holds.memory)),
    );
    Verdict {
        name: case.name.clone(),
        expected: case.expected.to_string(),
        seen: seen_text,
        took,
        late,
        memory,
        settled,
        broken,
    }
}

/// Whether what came is what had to come, in the words that are promised.
fn outcome(expected: Expected, seen: &Seen) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("outcome: expected {expected}, not {what}"));
    match (expected, seen) {
        (Expected::Fails(code, words), Seen::Calls(calls, _)) => {
            calls.iter().try_for_each(|call| fails(call, code.as_str(), words))
        }
        (Expected::StopsWaiting(words), Seen::Calls(calls, deadline)) => calls.iter().try_for_each(|call| {
            if call.took < *deadline {
                return wrong(&shortened(&call.message));
            }
            let unreachable = Code::UpstreamUnreachable.as_str();
            fails(call, Code::Deadline.as_str(), words).or_else(|why| fails(call, unreachable, words).map_err(|_| why))
        }),
        (Expected::ToolFails(code, words), Seen::Calls(calls, _)) => {
            calls.iter().try_for_each(|call| fails(call, code, words))
        }
        (Expected::Answers(words), Seen::Calls(calls, _)) => calls.iter().try_for_each(|call| {
            let result = &call.message["result"];
            if result["isError"] == false && result.to_string().contains(words) {
                Ok(())
            } else {
                wrong(&shortened(&call.message))
            }
        }),
        (Expected::Refused(words), Seen::Refusal { plugin, line }) => {
            if line.contains(plugin.as_str()) && line.contains(words) { Ok(()) } else { wrong(line) }
        }
        (Expected::Recompiles, Seen::Recompiled) => Ok(()),
        (Expected::Error(code), Seen::Messages(messages)) => {
            let other = messages.iter().find(|message| message["error"]["code"] != code);
            other.map_or(Ok(()), |message| wrong(&shortened(message)))
        }
        (_, seen) => wrong(&seen.to_string()),
    }
}

/// Whether a call failed with this code, actionably, and named the offender.
fn fails(call: &Answer, code: &str, words: &str) -> Result<(), String> {
    let told = promise::read(&call.message["result"]).map_err(|broken| {
        format!("outcome: {} ({})", broken.chars().take(1_000).collect::<String>(), shortened(&call.message))
    })?;
    if told.code != code {
        return Err(format!("outcome: expected {code}, not {}: {}", told.code, told.text));
    }
    if told.text.contains(words) { Ok(()) } else { Err(format!("offender: {words:?} is not named in: {}", told.text)) }
}

fn shortened(message: &Value) -> String {
    message.to_string().chars().take(400).collect()
}

fn lateness(seen: &Seen) -> Option<Duration> {
    let Seen::Calls(calls, deadline) = seen else { return None };
    calls.iter().filter_map(|call| call.took.checked_sub(*deadline)).max()
}

/// Waits until the process holds what it held before the first case, and computes nothing.
///
/// # Errors
///
/// It still does not after far more time than it is given; says what it holds.
pub fn settle(scene: &Scene) -> Result<Duration, String> {
    let process = scene.session.process();
    let began = Instant::now();
    let mut last = Holds::now(process).map_err(|_| "same process: it ended".to_owned())?;
    loop {
        thread::sleep(Duration::from_millis(50));
        let now = Holds::now(process).map_err(|_| "same process: it ended".to_owned())?;
        let before = &scene.before;
        let mut left = Vec::new();
        if now.memory > before.memory + KEPT {
            left.push(format!("memory: {} MiB, {} before", now.memory >> 20, before.memory >> 20));
        }
        if now.descriptors > before.descriptors {
            left.push(format!("descriptors: {:?}, {} before", process::descriptors(process), before.descriptors));
        }
        if now.threads > before.threads {
            left.push(format!("threads: {:?}, {} before", process::threads(process), before.threads));
        }
        if now.busy_since(&last) > IDLE {
            left.push(format!("under way: {:.0} % of a processor", 100.0 * now.busy_since(&last)));
        }
        if left.is_empty() {
            return Ok(began.elapsed());
        }
        if began.elapsed() > NEVER_SETTLED {
            return Err(left.join("; "));
        }
        last = now;
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fails(code, _) => f.write_str(code.as_str()),
            Self::StopsWaiting(_) => f.write_str("deadline"),
            Self::ToolFails(code, _) => write!(f, "{code} (its own)"),
            Self::Answers(_) => f.write_str("answers"),
            Self::Refused(_) => f.write_str("not served"),
            Self::Recompiles => f.write_str("recompiles"),
            Self::Error(code) => write!(f, "error {code}"),
        }
    }
}

/// The outcomes, each once.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen: Vec<String> = match self {
            Self::Calls(calls, _) => calls
                .iter()
                .map(|call| {
                    let result = &call.message["result"];
                    let code = result["_meta"]["toolcell/error"]["code"].as_str();
                    code.unwrap_or(if result["isError"] == false { "answers" } else { "no result" }).to_owned()
                })
                .collect(),
            Self::Refusal { .. } => vec!["not served".to_owned()],
            Self::Recompiled => vec!["recompiles".to_owned()],
            Self::Messages(messages) => {
                messages.iter().map(|message| format!("error {}", message["error"]["code"])).collect()
            }
        };
        let count = seen.len();
        let mut kinds = seen;
        kinds.sort_unstable();
        kinds.dedup();
        if count > 1 {
            write!(f, "{count} × ")?;
        }
        f.write_str(&kinds.join(", "))
    }
}
