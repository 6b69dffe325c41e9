use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};

use super::{Open, terminal};
use crate::{
    failure::Failure,
    outcome::{Content, ExchangeEnd, Outcome, Output, Receipt},
    policy::units::{bytes_text, duration_text},
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
        let arguments: Map<String, Value> = serde_json::from_str(&self.arguments)
            .with_context(|| format!("the arguments are not a JSON object: {}", self.arguments))?;
        let host = open.host().await?;
        let Outcome { result, receipt } =
            host.call(&self.tool, arguments, crate::call::Call::detached()).await.map_err(|unknown| {
                let catalog = host.catalog();
                let nearest =
                    catalog.tools.iter().map(|tool| tool.name()).max_by(|a, b| {
                        strsim::jaro_winkler(a, &self.tool).total_cmp(&strsim::jaro_winkler(b, &self.tool))
                    });
                let mend = nearest.map_or_else(
                    || "no tool is served; see `toolcell list`".to_owned(),
                    |name| format!("the nearest is {name:?}; see `toolcell list`"),
                );
                anyhow::anyhow!("unknown tool {:?}: {mend}", unknown.0)
            })?;
        let is_answered = result.is_ok();
        if self.json {
            println!("{}", as_json(&self.tool, &result, &receipt));
        } else {
            match result {
                Ok(output) => print_output(&output),
                Err(failure) => eprintln!("{}", failure.report(&self.tool, &receipt).text()),
            }
            eprintln!("\n{}", terminal::bold(&receipt_line(&receipt)));
            for line in servers(&receipt) {
                eprintln!("  {line}");
            }
        }
        Ok(if is_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn print_output(output: &Output) {
    for content in &output.content {
        match content {
            Content::Text(text) => println!("{}", text::shown(text, usize::MAX)),
            Content::Image(blob) | Content::Audio(blob) => {
                println!("[{} of {}]", bytes_text(blob.data.len() as u64), text::one_line(&blob.mime_type));
            }
            Content::Link { uri, .. } | Content::Embedded { uri, .. } => println!("[{}]", text::one_line(uri)),
            Content::Other(json) => println!("{}", text::one_line(json)),
        }
    }
    if let (true, Some(structured)) = (output.content.is_empty(), &output.structured) {
        println!("{structured:#}");
    }
}

/// `0.42 ms in an instance of its own (0.40 ms computing), 1.1 MiB of memory`.
fn receipt_line(receipt: &Receipt) -> String {
    let milliseconds = |duration: std::time::Duration| format!("{:.2} ms", duration.as_secs_f64() * 1e3);
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
    let line = |exchange: &crate::outcome::Exchange| {
        let elapsed = std::time::Duration::from_millis(u64::try_from(exchange.elapsed.as_millis()).unwrap_or(u64::MAX));
        let bytes = format!("{} bytes sent, {} received", exchange.sent, exchange.received);
        format!("{}: {}, {bytes}, {}", exchange.server, end(&exchange.end), duration_text(elapsed))
    };
    receipt.exchanges.iter().map(line).collect()
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
