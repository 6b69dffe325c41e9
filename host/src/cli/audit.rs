//! `audit`, and the recording of calls by `serve`.

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, ValueHint};
use jiff::{Timestamp, Zoned, civil::DateTime, tz::TimeZone};

use super::{Open, terminal};
use crate::{
    audit::{
        self, Found, Log, Query, Settings,
        record::{CallRecord, Event, Record},
    },
    config::{AuditConfig, AuditPlace},
    host::Host,
    policy::units::parse_duration,
    text,
};

mod advice;
mod explain;

/// The transports, as the log names them.
pub(super) const STDIO: &str = "stdio";
pub(super) const HTTP: &str = "http";

/// Calls are recorded as long as this lives; when it is dropped, the last lines are written.
pub(super) struct Recording(Arc<Log>);

/// Records the host's calls from now on, as toolcell.toml says.
pub(super) fn record(open: &Open, host: &Host, transport: &str) -> anyhow::Result<Option<Recording>> {
    let AuditConfig { enabled, place, max, keep, arguments, required } = open.audit()?;
    if !enabled {
        return Ok(None);
    }
    anyhow::ensure!(
        place != AuditPlace::Stdout || transport != STDIO,
        "toolcell.toml has the audit log written to standard output, which over stdio carries the protocol; expected \
         a file under [audit], or `serve --http`"
    );
    let settings = Settings { file: open.audit_file(&place)?, max, keep, arguments, required };
    let folder = std::path::absolute(open.folder()).unwrap_or_else(|_| open.folder());
    let log = Arc::new(Log::start(settings, &folder, transport)?);
    host.observe(Arc::<Log>::clone(&log));
    Ok(Some(Recording(log)))
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Explain the call of this id, which failures name
    #[arg(value_name = "CALL", conflicts_with_all = ["user", "tool", "plugin", "outcome", "since", "until", "limit"])]
    call: Option<String>,
    /// Only of this user
    #[arg(long)]
    user: Option<String>,
    /// Only of this tool
    #[arg(long)]
    tool: Option<String>,
    /// Only of this plugin
    #[arg(long)]
    plugin: Option<String>,
    /// Only with this outcome: ok, failed, or a failure's code
    #[arg(long, value_name = "CODE")]
    outcome: Option<String>,
    /// Only from this time on, such as 1h or 7d for so long ago, 2026-11-26, or 2026-11-26T09:30
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// So many at most, the newest
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// Print the lines of the log as they are
    #[arg(long)]
    json: bool,
    /// Read this log instead of the one that toolcell.toml names
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
}

impl Audit {
    /// 1 where the call that is asked for is not recorded.
    pub(super) fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let Self { call, user, tool, plugin, outcome, since, until, limit, json, file } = self;
        let config = open.audit()?;
        let file = match file {
            Some(file) => file,
            None => open.audit_file(&config.place)?.ok_or_else(|| {
                anyhow::anyhow!(
                    "toolcell.toml has the audit log written to standard output; name a file that holds it with --file"
                )
            })?,
        };
        let query = Query { call, user, tool, plugin, outcome, since, until, starts: json, start: None };
        let found = audit::newest(&file, &query, limit)
            .map_err(|error| anyhow::anyhow!("the audit log {} cannot be read: {error}", file.display()))?;
        warn(&found)?;
        let mut out = terminal::stdout();
        if json {
            // Active characters stand in them as JSON escapes.
            found.records.iter().try_for_each(|(_, line)| writeln!(out, "{line}"))?;
        } else if let Some(id) = &query.call {
            let call = found.records.first().and_then(|(record, _)| Some((record, record.call()?)));
            let (record, call) = call
                .ok_or_else(|| anyhow::anyhow!("no call {id:?} in {}, nor in older files beside it", file.display()))?;
            explain::write(open, record, call, started(&file, &call.call).as_ref(), &mut out)?;
        } else {
            table(&found.records).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        let is_missing = found.records.is_empty();
        if is_missing {
            let off = if config.enabled { "" } else { "; toolcell.toml says enabled = false under [audit]" };
            writeln!(terminal::stderr(), "nothing that fits is recorded in {}{off}", file.display())?;
        } else if found.is_more {
            writeln!(
                terminal::stderr(),
                "these are the newest {limit}; --limit {} shows more",
                limit.saturating_mul(10)
            )?;
        }
        Ok(if is_missing && query.call.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Tells once what could not be read.
fn warn(found: &Found) -> anyhow::Result<()> {
    let Some(first) = found.damaged.first() else { return Ok(()) };
    let others = match found.damaged.len() - 1 {
        0 => String::new(),
        1 => ", and one more line".to_owned(),
        more => format!(", and {more} more lines"),
    };
    let (file, line) = (first.file.display(), first.line);
    let warning = terminal::yellow("warning:");
    writeln!(terminal::stderr(), "{warning} {file}:{line}: damaged or written only in part; skipped{others}")?;
    Ok(())
}

/// The start of the host that made this call, as far as that is still recorded.
fn started(file: &Path, call: &str) -> Option<Record> {
    let process = call.split('-').next()?;
    let query = Query { start: Some(process.to_owned()), ..Query::default() };
    audit::newest(file, &query, 1).ok()?.records.pop().map(|(record, _)| record)
}

/// `7d` for so long ago, a date, or a time; where nothing is said of it, in the time zone of this machine.
fn time(text: &str) -> Result<Timestamp, String> {
    let days = text.strip_suffix('d').and_then(|days| Some(format!("{}h", days.parse::<u32>().ok()?.checked_mul(24)?)));
    if let Ok(ago) = parse_duration(days.as_deref().unwrap_or(text)) {
        return Timestamp::now().checked_sub(ago).map_err(|error| error.to_string());
    }
    let local = || text.parse::<DateTime>().and_then(|time| time.to_zoned(TimeZone::system()));
    text.parse::<Timestamp>().or_else(|_| local().map(|time| time.timestamp())).map_err(|_| {
        "expected so long ago, such as 30m, 1h or 7d, or a time, such as 2026-11-26, 2026-11-26T09:30 or \
         2026-11-26T09:30:00Z"
            .to_owned()
    })
}

/// In the time zone of this machine.
fn local(time: Timestamp) -> Zoned {
    time.to_zoned(TimeZone::system())
}

/// `12.34 ms`.
fn milliseconds(ms: f64) -> String {
    format!("{ms:.2} ms")
}

/// What somebody else wrote, on one line, so many characters of it.
fn shown(text: &str, most: usize) -> String {
    text::one_line(&text::shown(text, most))
}

/// Characters of a name in the table.
const NAME: usize = 32;
/// Servers and databases of a call in the table.
const REACHED: usize = 2;

/// When, who, which tool, what came of it, how long it took, the call's id, and what it reached.
fn table(records: &[(Record, String)]) -> Vec<String> {
    let rows: Vec<_> = records.iter().map(|(record, _)| Row::of(record)).collect();
    let width = |column: usize| rows.iter().map(|row| row.columns[column].chars().count()).max().unwrap_or(0);
    let [user, tool, outcome, took, call] = [0, 1, 2, 3, 4].map(width);
    let line = |Row { time, columns, rest }: &Row| {
        let [who, what, code, ms, id] = columns;
        let padded = format!("{code:outcome$}");
        let painted = if code == CallRecord::OK { terminal::green(&padded) } else { terminal::red(&padded) };
        format!("{time}  {who:user$}  {what:tool$}  {painted}  {ms:>took$}  {id:call$}  {rest}").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

struct Row {
    time: String,
    /// User, tool, outcome, time taken, and the call's id.
    columns: [String; 5],
    rest: String,
}

impl Row {
    fn of(record: &Record) -> Self {
        let none = || "-".to_owned();
        let (columns, rest) = match &record.event {
            Event::Call(call) => {
                let (user, tool, outcome) =
                    (shown(&call.user, NAME), shown(&call.tool, NAME), shown(&call.outcome, 48));
                ([user, tool, outcome, milliseconds(call.elapsed_ms), shown(&call.call, NAME)], reached(call))
            }
            Event::Refused(refused) => {
                let from = refused.from.as_ref().map(|from| format!(", from {}", shown(from, 64))).unwrap_or_default();
                let user = refused.user.as_ref().map_or_else(none, |user| shown(user, NAME));
                let columns = [user, none(), shown(&refused.outcome, 48), none(), none()];
                (columns, shown(&refused.why, 200) + &from)
            }
            Event::Lost { records, .. } => {
                let columns = [none(), none(), "lost".to_owned(), none(), none()];
                (columns, format!("{records} records are missing here: the log could not be written in time"))
            }
            Event::Started(_) | Event::Stopped { .. } => ([none(), none(), none(), none(), none()], String::new()),
        };
        Self { time: local(record.time).strftime("%Y-%m-%d %H:%M:%S").to_string(), columns, rest }
    }
}

/// `https://api.example.com, database replica, 2 refused`.
fn reached(call: &CallRecord) -> String {
    let servers = call.servers.iter().map(|server| shown(&server.server, 64));
    let databases = call.databases.iter().map(|database| format!("database {}", shown(&database.database, NAME)));
    let all: BTreeSet<_> = servers.chain(databases).collect();
    let more = all.len().saturating_sub(REACHED);
    let mut words: Vec<_> = all.into_iter().take(REACHED).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    match call.denied.iter().map(|denied| denied.times).sum::<u64>() {
        0 => {}
        times => words.push(format!("{times} refused")),
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_table_stands_in_columns() {
        let time = "2026-11-26T09:30:00.123Z";
        let call = |user: &str, tool: &str, outcome: &str, ms: f64, servers: Value, denied: Value| {
            json!({
                "time": time, "event": "call", "call": "0123abcd-1", "user": user, "tool": tool, "outcome": outcome,
                "elapsedMs": ms, "computingMs": 0.0, "waitingMs": 0.0, "memoryPeak": 0, "answerBytes": 0,
                "arguments": {"digest": "", "bytes": 0}, "servers": servers, "denied": denied,
            })
        };
        let server = |name: &str| json!({"server": name, "status": 200, "sent": 0, "received": 0, "elapsedMs": 1.0});
        let servers = ["https://b", "https://a", "https://b", "https://c"].map(server);
        let denied = json!([{"code": "denied_network", "what": "x", "times": 2}]);
        let lines = [
            call("alice", "search", "ok", 0.4, json!([]), json!([])),
            call("bob", "a_tool_of_a_long_name", "denied_network", 12.345, json!(servers), denied),
            call("bob", "forged\n\u{1b}[31m", "unknown_tool", 0.0, json!([]), json!([])),
            json!({"time": time, "event": "refused", "outcome": "no_token", "why": "no token", "from": "192.0.2.1"}),
            json!({"time": time, "event": "lost", "process": "0123abcd", "records": 7}),
        ];
        let lines = lines.map(|line| line.to_string());
        let records = lines.map(|line| (Record::parse(&line).expect("a record"), line));
        let text = anstream::adapter::strip_str(&table(&records).join("\n")).to_string();
        let time = local(records[0].0.time).strftime("%Y-%m-%d %H:%M:%S").to_string();
        insta::assert_snapshot!("table", text.replace(&time, "2026-11-26 09:30:00"));
    }

    #[test]
    fn times_are_ago_or_at() {
        let ago = |text: &str| {
            let then = time(text).expect("a time");
            Timestamp::now().duration_since(then).as_secs()
        };
        for (text, seconds) in [("90s", 90), ("1h", 3_600), ("7d", 7 * 86_400)] {
            assert!((seconds..seconds + 60).contains(&ago(text)), "{text}");
        }
        let utc = "2026-11-26T09:30:00Z".parse::<Timestamp>().expect("a time");
        assert_eq!(time("2026-11-26T09:30:00Z"), Ok(utc));
        assert_eq!(time("2026-11-26T10:30:00+01:00"), Ok(utc));
        let midnight = time("2026-11-26").expect("a date");
        assert_eq!(local(midnight).strftime("%F %T").to_string(), "2026-11-26 00:00:00");
        assert_eq!(local(time("2026-11-26T09:30").expect("a time")).strftime("%F %R").to_string(), "2026-11-26 09:30");
        for bad in ["", "d", "yesterday", "1w", "2026-13-01", "4000000000d"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
