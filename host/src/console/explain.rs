//! A failure in full, for whoever runs the host: more than a client reads, and still no secret and nothing without a
//! bound.

use serde_json::{Value, json};

use super::status::milliseconds;
use crate::{
    failure::{Failure, network, state},
    receipt::{Exchange, ExchangeEnd, Receipt},
    text,
};

/// Characters of each text that a guest or a server may have written.
const MAX_TEXT: usize = 2_000;
/// Entries of each list.
const MAX_ENTRIES: usize = 64;
/// Characters of the message where failures are listed.
const MAX_MESSAGE: usize = 200;

/// A failure in full.
#[derive(Debug)]
pub(super) struct Explanation {
    pub(super) code: String,
    /// What happened, in a line.
    pub(super) message: String,
    /// What happened, likely causes, what to check first.
    pub(super) report: Value,
    /// What the call did.
    pub(super) receipt: Value,
}

/// What there is to say about the failure of a call of `tool`.
pub(super) fn explain(tool: &str, failure: &Failure, receipt: &Receipt) -> Explanation {
    let report = failure.report(tool, receipt);
    let message = text::shown(report.message.lines().next().unwrap_or_default(), MAX_MESSAGE);
    Explanation {
        code: text::shown(&report.code, MAX_MESSAGE),
        message,
        report: bounded(serde_json::to_value(&report).unwrap_or_default()),
        receipt: in_full(receipt),
    }
}

/// The receipt with what only an operator should read.
pub(super) fn in_full(receipt: &Receipt) -> Value {
    let mut full = serde_json::to_value(receipt).unwrap_or_default();
    let refused: Vec<_> = receipt.denials.iter().map(|denial| network::denied(denial).message).collect();
    let queries = receipt.queries.iter().filter_map(|query| Some(query.failure()?.parts().message));
    let cache = receipt.cache.fault.iter().map(|fault| state::cache_unreachable(fault).message);
    let failed: Vec<_> = queries.chain(cache).collect();
    if let Value::Object(members) = &mut full {
        let more = json!({
            "waitingMs": milliseconds(receipt.waiting()),
            "exchanges": receipt.exchanges.iter().map(exchange).collect::<Vec<_>>(),
            "refused": refused,
            "failed": failed,
            "unsetVariables": receipt.unset_variables,
            "stderr": end_of(&receipt.stderr),
        });
        members.extend(more.as_object().cloned().unwrap_or_default());
    }
    bounded(full)
}

fn exchange(exchange: &Exchange) -> Value {
    let (answered, outcome) = match exchange.end {
        ExchangeEnd::Answered(status) => (true, format!("answered with status {status}")),
        _ => (false, network::failed_in_short(exchange)),
    };
    json!({
        "server": exchange.server,
        "answered": answered,
        "outcome": outcome,
        "sent": exchange.sent,
        "received": exchange.received,
        "elapsedMs": milliseconds(exchange.elapsed),
    })
}

/// The last characters, where the message of a panic is.
fn end_of(text: &str) -> String {
    let many = text.chars().count();
    text.chars().skip(many.saturating_sub(MAX_TEXT)).collect()
}

/// With every text cut and without active characters, and every list cut.
pub(super) fn bounded(mut value: Value) -> Value {
    bound(&mut value);
    value
}

fn bound(value: &mut Value) {
    match value {
        Value::String(text) => *text = text::shown(text, MAX_TEXT),
        Value::Array(items) => {
            items.truncate(MAX_ENTRIES);
            items.iter_mut().for_each(bound);
        }
        Value::Object(members) => members.values_mut().for_each(bound),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::CallId,
        failure::ToolError,
        receipt::{CacheFault, Denial, Server},
    };

    #[test]
    fn whatever_a_guest_writes_is_cut_and_does_nothing() {
        let long = "\u{1b}[31m\u{202e}<script>alert(1)</script>".repeat(1_000);
        let error = ToolError {
            code: long.clone(),
            message: long.clone(),
            likely_causes: vec![long.clone(); 100],
            check_first: Some(long.clone()),
            retryable: false,
        };
        let mut receipt = Receipt::new(CallId::next());
        receipt.denials = vec![Denial::NameLookup(long.clone()); 100];
        receipt.stderr = format!("{long}the end");
        let Explanation { code, message, report, receipt } = explain("t", &Failure::Tool(error), &receipt);
        assert!(code.chars().count() <= MAX_MESSAGE + 1 && message.chars().count() <= MAX_MESSAGE + 1);
        let all = format!("{code}{message}{report}{receipt}");
        assert!(!all.contains(['\u{1b}', '\u{202e}']) && !all.contains("\\u001b"), "{all}");
        assert!(all.len() < 600_000, "{} bytes", all.len());
        let stderr = receipt["stderr"].as_str().expect("a text");
        assert!(stderr.ends_with("the end"), "{stderr}");
    }

    #[test]
    fn an_operator_reads_what_clients_do_not() {
        let mut receipt = Receipt::new(CallId::next());
        let server = Server { scheme: "https".to_owned(), host: "a.example".to_owned(), port: 443 };
        receipt.denials = vec![Denial::NotAsked(server)];
        receipt.unset_variables = vec!["TOKEN".to_owned()];
        receipt.cache.fault = Some(CacheFault::Unset("CACHE_URL".to_owned()));
        receipt.stderr = "panicked".to_owned();
        let full = in_full(&receipt);
        assert!(full["refused"][0].as_str().is_some_and(|refused| refused.contains("https://a.example")), "{full}");
        assert!(full["failed"][0].as_str().is_some_and(|failed| failed.contains("CACHE_URL")), "{full}");
        assert_eq!((&full["unsetVariables"][0], &full["stderr"]), (&json!("TOKEN"), &json!("panicked")));
    }
}
