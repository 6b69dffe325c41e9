//! A long run: good and hostile calls, mixed, to one server over stdio, and what the server's process holds meanwhile.
#![allow(clippy::cast_precision_loss, reason = "figures have no more digits than an `f64`")]

pub mod mix;
pub mod process;

use std::{
    borrow::Cow,
    io::{self, BufRead, BufReader, Write},
    ops::Range,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json, value::RawValue};

use self::{
    mix::{Expected, Kind, ROUND},
    process::Held,
};

/// Calls after which the server has met everything and holds what it keeps.
pub const SETTLED: u64 = 100_000;
/// Surprises that are kept in full.
const MAX_SURPRISES: usize = 10;

/// The server's process at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Since the run began.
    pub at: Duration,
    /// Calls that were answered by then.
    pub calls: u64,
    /// What the process held.
    pub held: Held,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// In the order of time; the first before any call.
    pub samples: Vec<Sample>,
    /// Each kind of call, and how many had the outcome that it must have.
    pub outcomes: Vec<(Kind, u64)>,
    /// How many had another.
    pub surprising: u64,
    /// The first of these: what was called, and what came.
    pub surprises: Vec<String>,
}

impl Report {
    /// Bytes of memory by which the server grew per call over these calls, as the slope of the line that fits the samples best
    /// (least squares). `None` where there are too few of them to tell.
    pub fn growth(&self, calls: Range<u64>) -> Option<f64> {
        let samples = self.samples.iter().filter(|sample| calls.contains(&sample.calls));
        let points: Vec<(f64, f64)> = samples.map(|sample| (sample.calls as f64, sample.held.memory as f64)).collect();
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let variance: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
        let covariance: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        (points.len() > 2 && variance > 0.0).then(|| covariance / variance)
    }

    /// The samples after the first [`SETTLED`] calls.
    pub fn settled(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.calls >= SETTLED)
    }
}

/// Starts the server and calls it, until `enough` of the calls that were answered and the time that has passed. `in_flight` says
/// how many calls are under way at a time once so many were answered. Takes a sample at the beginning, at the end and as often
/// as `every`, and shows each to `watch`.
///
/// # Errors
///
/// When the server does not start, stops answering, or does not end well.
pub fn run(
    server: &mut Command,
    in_flight: impl Fn(u64) -> u64,
    enough: impl Fn(u64, Duration) -> bool,
    every: Duration,
    mut watch: impl FnMut(&Sample),
) -> io::Result<Report> {
    let mut server = Server::start(server)?;
    let outcomes: Vec<_> = mix::kinds().into_iter().map(|kind| (kind, 0)).collect();
    let mut report = Report { samples: Vec::new(), outcomes, surprising: 0, surprises: Vec::new() };
    let requests: Vec<_> = report.outcomes.iter().map(|(kind, _)| request(kind)).collect();
    let round = mix::round(&mix::kinds());
    let kind_of = |call: u64| round[usize::try_from(call % ROUND as u64).unwrap_or_default()];

    let began = Instant::now();
    let (mut sent, mut answered) = (0, 0);
    let mut sample = |report: &mut Report, server: &Server, calls| {
        let sample = Sample { at: began.elapsed(), calls, held: process::held(server.child.id())? };
        report.samples.push(sample);
        watch(&sample);
        io::Result::Ok(())
    };
    sample(&mut report, &server, 0)?;
    let (mut out, mut line) = (Vec::new(), String::new());
    loop {
        let at = began.elapsed();
        if !enough(answered, at) {
            while sent < answered + in_flight(answered) {
                let (head, tail) = &requests[kind_of(sent)];
                write!(out, "{head}{sent}{tail}")?;
                sent += 1;
            }
            server.input.write_all(&out)?;
            out.clear();
        } else if sent == answered {
            break;
        }
        // All that has come by now is read before anything is sent.
        loop {
            line.clear();
            if server.output.read_line(&mut line)? == 0 {
                return Err(io::Error::other(format!("the server ended after {answered} calls")));
            }
            let answer: Answer<'_> = serde_json::from_str(&line)?;
            // Whatever has no number of a call is news that nobody asked for.
            if let Some(call) = answer.id {
                let (kind, as_expected) = &mut report.outcomes[kind_of(call)];
                if answer.is(&kind.expected) {
                    *as_expected += 1;
                } else {
                    report.surprising += 1;
                    if report.surprises.len() < MAX_SURPRISES {
                        let (guest, arguments) = (kind.guest, &kind.arguments);
                        report.surprises.push(format!("{guest} {arguments} (call {call}): {}", line.trim_end()));
                    }
                }
                answered += 1;
            }
            if !server.output.buffer().contains(&b'\n') {
                break;
            }
        }
        if report.samples.last().is_none_or(|last| began.elapsed() >= last.at + every) {
            sample(&mut report, &server, answered)?;
        }
    }
    sample(&mut report, &server, answered)?;
    server.end()?;
    Ok(report)
}

/// What a request of this kind is before and after its number.
fn request(kind: &Kind) -> (String, String) {
    let params = json!({"name": kind.guest, "arguments": kind.arguments});
    ("{\"jsonrpc\":\"2.0\",\"id\":".to_owned(), format!(",\"method\":\"tools/call\",\"params\":{params}}}\n"))
}

struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the server has no pipes"));
        };
        let mut server = Self { child, input, output: BufReader::with_capacity(1 << 20, output) };
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "soak", "version": "1"}});
        let hello = json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": hello});
        writeln!(server.input, "{hello}\n{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}}")?;
        server.output.read_line(&mut String::new())?;
        Ok(server)
    }

    fn end(self) -> io::Result<()> {
        let Self { mut child, input, output: _output } = self;
        drop(input);
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("the server ended with {status}"))) }
    }
}

/// As much of an answer as the run looks at.
#[derive(Deserialize)]
struct Answer<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<CallResult<'a>>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallResult<'a> {
    is_error: bool,
    #[serde(borrow)]
    structured_content: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "toolcell/error")]
    error: Option<Coded<'a>>,
}

#[derive(Deserialize)]
struct Coded<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
}

impl Answer<'_> {
    fn is(&self, expected: &Expected) -> bool {
        let (Some(result), None) = (&self.result, &self.error) else { return false };
        match expected {
            Expected::Answer => !result.is_error,
            Expected::Structured(expected) => {
                let structured = result.structured_content.and_then(|raw| raw.get().parse::<Value>().ok());
                !result.is_error && structured.as_ref() == Some(expected)
            }
            Expected::Failure(expected) => {
                let code = result.meta.as_ref().and_then(|meta| meta.error.as_ref()).map(|error| &*error.code);
                result.is_error && code == Some(*expected)
            }
        }
    }
}
