//! One call in full, for the operator.

use std::io::{self, Write};

use super::{advice::advice, local, milliseconds, shown};
use crate::{
    audit::record::{Arguments, CallRecord, DatabaseUse, Event, Record, ServerUse},
    cli::{Open, terminal},
    policy::units::bytes_text,
    text,
};

/// Characters of anything that somebody else wrote.
const TEXT: usize = 4_000;

pub(super) fn write(
    open: &Open,
    record: &Record,
    call: &CallRecord,
    started: Option<&Record>,
    out: &mut impl Write,
) -> io::Result<()> {
    let outcome = if call.outcome == CallRecord::OK {
        terminal::green("answered")
    } else {
        terminal::red(&shown(&call.outcome, 48))
    };
    writeln!(out, "{} {outcome}\n", terminal::bold(&format!("call {}:", shown(&call.call, 32))))?;
    for (label, text) in facts(record, call, started) {
        writeln!(out, "{}", terminal::hanging(&format!("  {label:11}"), &text))?;
    }
    section(out, "What it reached", reached(call))?;
    section(
        out,
        "What it was refused",
        call.denied.iter().map(|denied| {
            let times = if denied.times > 1 { format!(" ({} times)", denied.times) } else { String::new() };
            format!("{}: {}{times}", shown(&denied.code, 48), shown(&denied.what, TEXT))
        }),
    )?;
    section(out, "What the plugin printed last", lines(call.printed.as_deref()))?;
    let told = call.failure.as_ref().map(crate::failure::Report::text).or_else(|| call.beside.clone());
    let whom = if call.failure.is_some() { "What the model read" } else { "What the model read beside the answer" };
    section(out, whom, lines(told.as_deref()))?;
    section(out, "What you can do", advice(open, call))
}

/// Who, what, when, and how much.
fn facts(record: &Record, call: &CallRecord, started: Option<&Record>) -> Vec<(&'static str, String)> {
    let of_plugin = call.plugin.as_ref().map(|plugin| format!(" of plugin {}", shown(plugin, 64))).unwrap_or_default();
    let component = call.component.as_ref().map(|digest| ("component", shown(digest, 100)));
    let took = format!(
        "{}: {} computing, {} waiting",
        milliseconds(call.elapsed_ms),
        milliseconds(call.computing_ms),
        milliseconds(call.waiting_ms)
    );
    let Arguments { digest, bytes, json, beginning } = &call.arguments;
    let arguments = json.as_ref().map(ToString::to_string).or_else(|| beginning.clone());
    let host = started.and_then(|record| match &record.event {
        Event::Started(host) => {
            let since = local(record.time).strftime("%F %T");
            let (folder, transport) = (shown(&host.folder, TEXT), shown(&host.transport, 16));
            Some(format!("toolcell {}, serving {folder} over {transport} since {since}", shown(&host.version, 32)))
        }
        _ => None,
    });
    let unset = (!call.unset.is_empty()).then(|| call.unset.iter().map(|name| shown(name, 64)).collect::<Vec<_>>());
    let facts = [
        Some(("who", shown(&call.user, 128))),
        Some(("what", format!("{}{of_plugin}", shown(&call.tool, 128)))),
        component,
        Some(("when", local(record.time).strftime("%F %T%.3f %Z").to_string())),
        call.told_by_plugin.then(|| ("failure", "told by the plugin itself".to_owned())),
        Some(("took", took)),
        Some(("memory", format!("{} KiB at most", call.memory_peak >> 10))),
        Some(("arguments", format!("{bytes} bytes, {}", shown(digest, 100)))),
        arguments.map(|json| ("", shown(&json, TEXT))),
        Some(("answer", format!("{} bytes", call.answer_bytes))),
        unset.map(|names| ("not set", names.join(", "))),
        host.map(|host| ("host", host)),
    ];
    facts.into_iter().flatten().collect()
}

fn reached(call: &CallRecord) -> Vec<String> {
    let server = |server: &ServerUse| {
        let status = server.status.map(|status| format!("status {status}"));
        let end = status.or_else(|| server.problem.as_ref().map(|problem| shown(problem, TEXT))).unwrap_or_default();
        let bytes = format!("{} bytes sent, {} received", server.sent, server.received);
        format!("{}: {end}; {bytes}, {}", shown(&server.server, 300), milliseconds(server.elapsed_ms))
    };
    let database = |database: &DatabaseUse| {
        let end = database.problem.as_ref().map_or_else(|| "answered".to_owned(), |problem| shown(problem, 48));
        let rows = format!("{} rows of {} bytes", database.rows, database.bytes);
        format!("database {}: {end}; {rows}, {}", shown(&database.database, 64), milliseconds(database.elapsed_ms))
    };
    let cache = (!call.cache.is_none())
        .then(|| format!("its cache: {} hits, {} misses, {} set", call.cache.hits, call.cache.misses, call.cache.sets));
    let files = (!call.files.is_none())
        .then(|| format!("files: {} opened, {} written", call.files.opened, bytes_text(call.files.written)));
    let servers = call.servers.iter().map(server);
    servers.chain(call.databases.iter().map(database)).chain(cache).chain(files).collect()
}

/// A heading with its lines, or nothing where there are none.
fn section(out: &mut impl Write, heading: &str, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "\n{}", terminal::bold(heading))?;
    lines.try_for_each(|line| writeln!(out, "{}", terminal::hanging("  ", &line)))
}

fn lines(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default().lines().map(text::one_line).collect()
}
