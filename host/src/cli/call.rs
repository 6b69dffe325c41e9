use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};

use super::{Open, arguments, terminal, unserved};
use crate::{
    failure::{self, Failure},
    outcome::{Content, Outcome, Output},
    policy::units::{bytes_text, duration_text},
    receipt::{CacheUse, ExchangeEnd, Query, QueryEnd, Receipt},
    text,
};

#[derive(Debug, Args)]
pub(super) struct Call {
    /// The tool's name, as `toolcell list` shows it
    tool: String,
    /// Its arguments as a JSON object
    #[arg(value_name = "JSON", default_value = "{}")]
    arguments: String,
    /// Print the outcome and its receipt as one JSON object
    #[arg(long)]
    json: bool,
}

impl Call {
    /// 0 when the tool answered, 1 when it failed.
    pub(super) async fn run(self, open: &Open) -> anyhow::Result<ExitCode> {
        let arguments = arguments::parse(&self.tool, &self.arguments)?;
        let sandbox = open.sandbox()?;
        let host = open.host(&sandbox).await?;
        unserved::serve(open, &sandbox, &host, &self.tool).await?;
        let Outcome { result, receipt } = host.call(&self.tool, arguments, crate::call::Call::detached()).await?;
        let is_answered = result.is_ok();
        let (mut out, mut aside) = (terminal::stdout(), terminal::stderr());
        if self.json {
            writeln!(out, "{}", as_json(&self.tool, &result, &receipt))?;
        } else {
            match result {
                Ok(output) => {
                    write_output(&output, &mut out)?;
                    // A plugin can keep a refusal to itself; the host does not.
                    if let Some(seen) = failure::seen_beside(&receipt) {
                        writeln!(aside, "{}", text::shown(&seen, usize::MAX))?;
                    }
                }
                Err(failure) => {
                    writeln!(aside, "{}", failure.report(&self.tool, &receipt).text())?;
                    if let (Failure::InvalidArguments { .. }, Some(tool)) = (&failure, host.catalog().get(&self.tool)) {
                        arguments::write(tool, &mut aside)?;
                        // Nothing ran, so there is nothing to tell of it.
                        return Ok(ExitCode::FAILURE);
                    }
                }
            }
            writeln!(aside, "\n{}", terminal::bold(&receipt_line(&receipt)))?;
            for line in servers(&receipt).into_iter().chain(databases(&receipt)).chain(cache(&receipt.cache)) {
                writeln!(aside, "  {line}")?;
            }
        }
        Ok(if is_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn write_output(output: &Output, out: &mut impl Write) -> io::Result<()> {
    for content in &output.content {
        match content {
            Content::Text(text) => writeln!(out, "{}", text::shown(text, usize::MAX))?,
            Content::Image(blob) | Content::Audio(blob) => {
                writeln!(out, "[{} of {}]", bytes_text(blob.data.len() as u64), text::one_line(&blob.mime_type))?;
            }
            Content::Link { uri, .. } | Content::Embedded { uri, .. } => writeln!(out, "[{}]", text::one_line(uri))?,
            Content::Other(json) => writeln!(out, "{}", text::one_line(json))?,
        }
    }
    match &output.structured {
        Some(structured) if output.content.is_empty() => writeln!(out, "{structured:#}"),
        _ => Ok(()),
    }
}

/// `0.42 ms in an instance of its own (0.40 ms computing), 1.1 MiB of memory`.
fn receipt_line(receipt: &Receipt) -> String {
    let milliseconds = |duration: Duration| format!("{:.2} ms", duration.as_secs_f64() * 1e3);
    format!(
        "{} in an instance of its own ({} computing), {} KiB of memory at most, call {}",
        milliseconds(receipt.elapsed),
        milliseconds(receipt.computing),
        receipt.memory_peak >> 10,
        receipt.call
    )
}

fn servers(receipt: &Receipt) -> Vec<String> {
    let end = |end: &ExchangeEnd| match end {
        ExchangeEnd::Answered(status) => format!("status {status}"),
        ExchangeEnd::Failed(_) => "failed".to_owned(),
        ExchangeEnd::Pending(_) => "not finished".to_owned(),
    };
    let line = |exchange: &crate::receipt::Exchange| {
        let elapsed = whole_milliseconds(exchange.elapsed);
        let bytes = format!("{} bytes sent, {} received", exchange.sent, exchange.received);
        format!("{}: {}, {bytes}, {}", exchange.server, end(&exchange.end), elapsed)
    };
    receipt.exchanges.iter().map(line).collect()
}

/// `cache: 1 hit, 2 misses, 2 set`.
fn cache(used: &CacheUse) -> Option<String> {
    let of = |number: u64, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let words = [of(used.hits, "hit", "hits"), of(used.misses, "miss", "misses"), of(used.sets, "set", "set")];
    (!used.is_none()).then(|| format!("cache: {}", words.join(", ")))
}

fn databases(receipt: &Receipt) -> Vec<String> {
    let line = |query: &Query| {
        let end = match &query.end {
            QueryEnd::Answered => "answered".to_owned(),
            QueryEnd::Failed(failure) => failure.fault.code().as_str().to_owned(),
            QueryEnd::Pending => "not finished".to_owned(),
        };
        let elapsed = whole_milliseconds(query.elapsed);
        format!("database {}: {end}, {} rows of {} bytes, {elapsed}", query.database, query.rows, query.bytes)
    };
    receipt.queries.iter().map(line).collect()
}

fn whole_milliseconds(elapsed: Duration) -> String {
    duration_text(Duration::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)))
}

fn as_json(tool: &str, result: &Result<Output, Failure>, receipt: &Receipt) -> Value {
    match result {
        Ok(output) => {
            let texts = output.content.iter().filter_map(|content| match content {
                Content::Text(text) => Some(text.as_str()),
                _ => None,
            });
            let text = texts.collect::<Vec<_>>().join("\n");
            json!({"structured": output.structured, "text": text, "receipt": receipt})
        }
        Err(failure) => json!({"error": failure.report(tool, receipt), "receipt": receipt}),
    }
}
