//! What `dev` shows, on stderr: one line for each thing that happens, and what belongs to it indented below.

use std::{collections::BTreeSet, io::Write, sync::Arc};

use jiff::Zoned;

use crate::{
    cli::terminal,
    failure,
    observe::{ObservedCall, Observer},
    outcome::Outcome,
    receipt::Receipt,
    text,
};

/// Columns of what stands before a line's text: the time and a name.
const NAME: usize = 18;

/// Shows that something happened to `name`, a plugin or a tool.
pub(super) fn event(name: &str, text: &str) {
    show(&line(&now(), name, text));
}

/// Shows something that belongs to the event before it, and that others may have written.
pub(super) fn detail(text: &str) {
    show(&text.lines().map(|line| indented(&text::shown(line, 2_000))).collect::<String>());
}

/// As [`detail`], but to be seen at once.
pub(super) fn problem(text: &str) {
    show(&text.lines().map(|line| indented(&terminal::red(&text::shown(line, 2_000)))).collect::<String>());
}

/// Shows the end of each call.
#[derive(Debug)]
pub(super) struct Calls;

impl Observer for Calls {
    fn ended(&self, call: &Arc<ObservedCall>, outcome: &Outcome) {
        show(&called(&now(), &call.name, outcome));
    }
}

/// In one write, so that what happens at the same time does not mix.
fn show(text: &str) {
    // Whoever cannot be shown it can still be served.
    let _ = terminal::stderr().write_all(text.as_bytes());
}

/// The time of day where this machine is.
fn now() -> String {
    Zoned::now().strftime("%H:%M:%S").to_string()
}

fn line(time: &str, name: &str, text: &str) -> String {
    format!("{time}  {}  {text}\n", terminal::bold(&format!("{name:NAME$}")))
}

fn indented(text: &str) -> String {
    format!("{:10}{text}\n", "")
}

/// `12:00:00  greet  ok  0.41 ms  1152 KiB  https://api.example.com`, and of a failure what the client was told.
fn called(time: &str, tool: &str, outcome: &Outcome) -> String {
    let Outcome { result, receipt } = outcome;
    let code = match result {
        Ok(_) => terminal::green(&format!("{:18}", "ok")),
        Err(failure) => terminal::red(&format!("{:18}", failure.code())),
    };
    let took = format!("{:.2} ms", receipt.elapsed.as_secs_f64() * 1e3);
    let memory = format!("{} KiB", receipt.memory_peak >> 10);
    let reached = reached(receipt);
    let mut shown = line(time, tool, format!("{code} {took:>12} {memory:>11}  {reached}").trim_end());
    let told = match result {
        Ok(_) => failure::seen_beside(receipt),
        Err(failure) => Some(failure.report(tool, receipt).text()),
    };
    for line in told.iter().flat_map(|told| told.lines()) {
        shown.push_str(&indented(&text::shown(line, usize::MAX)));
    }
    shown
}

/// The servers and databases that a call reached or tried to, each once.
fn reached(receipt: &Receipt) -> String {
    let servers = receipt.exchanges.iter().map(|exchange| exchange.server.to_string());
    let databases = receipt.queries.iter().map(|query| format!("database {}", query.database));
    servers.chain(databases).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        call::CallId,
        failure::Failure,
        outcome::Output,
        receipt::{Exchange, ExchangeEnd, Server},
    };

    #[test]
    fn a_call_is_a_line_and_its_failure_the_lines_below() {
        let call = CallId::next();
        let server = Server { scheme: "https".to_owned(), host: "api.example.com".to_owned(), port: 443 };
        let exchange = Exchange {
            received: 12,
            elapsed: Duration::from_millis(3),
            end: ExchangeEnd::Answered(200),
            ..Exchange::new(server, "GET")
        };
        let receipt = Receipt {
            elapsed: Duration::from_micros(4_125),
            memory_peak: 1 << 20,
            exchanges: vec![exchange.clone(), exchange],
            ..Receipt::new(call)
        };
        let answered = Outcome { result: Ok(Output::default()), receipt };
        let failed = Outcome { result: Err(Failure::Cancelled), receipt: Receipt::new(call) };
        let shown = called("12:00:00", "search", &answered) + &called("12:00:01", "search", &failed);
        let shown = anstream::adapter::strip_str(&shown).to_string();
        insta::assert_snapshot!("calls", shown.replace(&call.to_string(), "CALL"));
    }
}
