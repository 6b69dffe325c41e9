//! The ten questions, in one table, each answered from the facts alone.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Facts, Seen, Situation, ToolFacts};
use crate::{failure::Failure, replay::Target};

/// One question.
#[derive(Debug)]
pub struct Rule {
    /// From 1 to 10.
    pub number: u8,
    /// What has to be true.
    pub says: &'static str,
    findings: fn(&Facts) -> Vec<Finding>,
}

/// All of them.
pub const RULES: [Rule; 10] = [
    Rule { number: 1, says: "every error says what probably went wrong and what to check first", findings: errors },
    Rule { number: 2, says: "no raw traces, and one error for what is unexpected", findings: traces },
    Rule {
        number: 3,
        says: "descriptions say what, where, how much, when, what comes back, how it fails",
        findings: descriptions,
    },
    Rule { number: 4, says: "parameters are unambiguous", findings: parameters },
    Rule { number: 5, says: "one result shape, declared and truthful", findings: shapes },
    Rule { number: 6, says: "no hidden state: the same call gives the same answer", findings: state },
    Rule { number: 7, says: "timeouts and broken connections are answered well", findings: broken_connections },
    Rule { number: 8, says: "unit tests and tests through the host are there", findings: tests },
    Rule { number: 9, says: "a smoke test runs", findings: smoke_test },
    Rule { number: 10, says: "a README with client, configuration and installation", findings: readme },
];

/// The answer to one question.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The rule's number.
    pub rule: u8,
    /// What has to be true.
    pub says: &'static str,
    /// Whether it is.
    pub verdict: Verdict,
    /// What is not so, and where to change it.
    pub findings: Vec<Finding>,
}

/// The worst of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is nothing to change.
    Pass,
    /// There is something to look at.
    Warn,
    /// There is something to change.
    Fail,
}

/// One thing that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    /// The file, with the line where that can be told.
    pub place: String,
    /// What is not so, and the change that mends it.
    pub says: String,
}

fn fail(place: String, says: String) -> Finding {
    Finding { verdict: Verdict::Fail, place, says }
}

fn warn(place: String, says: String) -> Finding {
    Finding { verdict: Verdict::Warn, place, says }
}

/// Answers all questions.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Answer> {
    let answer = |rule: &Rule| {
        let findings = (rule.findings)(facts);
        let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Pass);
        Answer { rule: rule.number, says: rule.says, verdict, findings }
    };
    RULES.iter().map(answer).collect()
}

/// Told by the rules that judge what was seen, where nothing was.
fn nothing_seen(facts: &Facts) -> Option<Finding> {
    let says = "nothing was run, because there are no examples; add one for each tool";
    facts.runs.is_empty().then(|| warn("examples".to_owned(), says.to_owned()))
}

fn errors(facts: &Facts) -> Vec<Finding> {
    let lacking = facts.errors().into_iter().filter_map(|(seen, error)| {
        let has_cause = error.likely_causes.iter().any(|cause| !cause.trim().is_empty());
        let has_check = error.check_first.as_ref().is_some_and(|check| !check.trim().is_empty());
        let missing = match (has_cause, has_check) {
            (true, true) => return None,
            (false, true) => "what probably caused it",
            (true, false) => "what to check first",
            (false, false) => "what probably caused it and what to check first",
        };
        let place = facts.files.place(&format!("\"{}\"", error.code), &seen.tool);
        let says = format!("the error `{}` {} does not say {missing}", error.code, seen.situation);
        Some(fail(place, format!("{says}; add that where the error is made")))
    });
    lacking.chain(nothing_seen(facts)).collect()
}

/// What only a trace, or the name of a type, has in it.
const TRACES: [&str; 8] = [
    "panicked at",
    "stack backtrace",
    "RUST_BACKTRACE",
    "Traceback (most recent call last)",
    "    at ",
    "Exception:",
    "goroutine ",
    "called `Result::unwrap()`",
];
/// Codes that say nothing.
const GENERIC: [&str; 8] =
    ["error", "unexpected", "internal", "internal_error", "unknown", "unknown_error", "failed", "failure"];

fn traces(facts: &Facts) -> Vec<Finding> {
    let crashes = facts.seen().filter_map(|seen| {
        let code = seen.failure.as_ref().filter(|failure| is_crash(failure))?.code().to_owned();
        let says = format!("it crashes {} ({code}); return a ToolError instead", seen.situation);
        Some(fail(seen.tool.clone(), says))
    });
    let mut findings: Vec<_> = crashes.chain(nothing_seen(facts)).collect();
    let mut generic = Vec::new();
    for (seen, error) in facts.errors() {
        let place = || facts.files.place(&format!("\"{}\"", error.code), &seen.tool);
        let texts = || error.likely_causes.iter().chain(&error.check_first).chain([&error.message]);
        if let Some(trace) = TRACES.iter().find(|trace| texts().any(|text| text.contains(**trace))) {
            let says = format!("the error `{}` {} shows a raw trace ({trace:?})", error.code, seen.situation);
            findings.push(fail(place(), format!("{says}; say in words what happened, and log the trace")));
        }
        if GENERIC.contains(&&*error.code) && !generic.contains(&&error.code) {
            generic.push(&error.code);
            if generic.len() > 1 {
                let says = format!("`{}` and `{}` both say only that something failed", generic[0], error.code);
                findings.push(fail(place(), format!("{says}; keep one of them, for what nobody foresaw")));
            }
        }
    }
    findings
}

/// Whether the plugin trapped or ended where it should have answered. Where a language can catch what nobody foresaw, its SDK
/// answers `crashed`.
fn is_crash(failure: &Failure) -> bool {
    matches!(failure, Failure::Tool(error) if error.code == "crashed")
        || matches!(
            failure,
            Failure::Trapped { .. }
                | Failure::StackOverflow
                | Failure::Exited { .. }
                | Failure::Denied { .. }
                | Failure::Unreachable { .. }
                | Failure::Database { .. }
                | Failure::CacheUnreachable { .. }
                | Failure::MissingVariable { .. }
                | Failure::MemoryLimit { .. }
                | Failure::ResourceLimit { .. }
        )
}

/// The parts of a description: what a text that has the part has in it, and a sentence to add.
const PARTS: [(&str, &[&str], &str); 5] = [
    (
        "what it reads or writes, and where",
        &["argument", "nothing", "server", "database", "web", "api", "file", ".com", ".org", ".net", ".example"],
        "Reads nothing but its arguments.",
    ),
    (
        "its limits",
        &["at most", "up to", "limit", "no more than", "any length", "nothing but", "only", "as many"],
        "Returns at most 50 stories.",
    ),
    ("when to use it", &["use it", "use this", "instead of", "when "], "Use it to find what is discussed."),
    (
        "what comes back",
        &["return", "comes back", "come back", "answers with", "shows", "a result"],
        "Returns title and link of each.",
    ),
    ("how it fails", &["fail", "error", "refuse"], "Fails with `story_not_found` when there is no such story."),
];

fn descriptions(facts: &Facts) -> Vec<Finding> {
    let lacking = facts.tools.iter().flat_map(|tool| {
        let text = tool.description.to_lowercase();
        let missing = PARTS.iter().filter(move |(_, words, _)| !words.iter().any(|word| text.contains(word)));
        missing.map(|(part, _, sentence)| {
            let place = facts.files.place(&first_words(&tool.description), &tool.name);
            fail(place, format!("the description of {} does not say {part}; such as: {sentence}", tool.name))
        })
    });
    lacking.collect()
}

/// Enough of a description to find it in the source by.
fn first_words(text: &str) -> String {
    text.split_whitespace().take(4).collect::<Vec<_>>().join(" ")
}

/// Names that say nothing by themselves.
const BARE: [&str; 9] = ["filter", "query", "data", "id", "value", "input", "params", "options", "payload"];

/// What says how large a number may be, or usually is.
const BOUNDS: [&str; 7] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "default", "enum", "examples"];

fn parameters(facts: &Facts) -> Vec<Finding> {
    facts.tools.iter().flat_map(|tool| of_object(facts, tool, "", &tool.input)).collect()
}

fn of_object(facts: &Facts, tool: &ToolFacts, inside: &str, schema: &Map<String, Value>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let has = |keyword: &str| property.get(keyword).is_some();
        let place = facts.files.place_after(
            &first_words(&tool.description),
            &[&format!("{name}:"), &format!("\"{name}\"")],
            &tool.name,
        );
        let parameter = format!("`{inside}{name}` of {}", tool.name);
        let described = property["description"].as_str().is_some_and(|text| !text.trim().is_empty());
        if !described {
            let says = format!("{parameter} has no description; say what it is, with its unit or form");
            findings.push(fail(place.clone(), says));
        }
        if !["type", "enum", "const", "oneOf", "anyOf", "$ref"].into_iter().any(has) {
            findings.push(fail(place.clone(), format!("{parameter} has no type; give it one, or an enumeration")));
        }
        let is_number = ["integer", "number"].iter().any(|kind| property["type"] == *kind);
        if is_number && !BOUNDS.iter().any(|keyword| has(keyword)) {
            let says = format!("{parameter} is a number without bounds; give it `minimum`, `maximum` or `default`");
            findings.push(warn(place.clone(), says));
        }
        if BARE.contains(&&**name) && !["enum", "const", "format", "pattern", "examples"].into_iter().any(has) {
            let says = format!("{parameter} could be anything; give it `enum`, `format`, `pattern` or `examples`");
            findings.push(fail(place, says));
        }
        for inner in [property, &property["items"]].into_iter().filter_map(Value::as_object) {
            findings.extend(of_object(facts, tool, &format!("{inside}{name}."), inner));
        }
    }
    findings
}

fn shapes(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tool in &facts.tools {
        let place = facts.files.place(&format!("\"{}\"", tool.name), &tool.name);
        let is_empty =
            |schema: &Map<String, Value>| schema.get("properties").and_then(Value::as_object).is_none_or(Map::is_empty);
        match &tool.output {
            None => findings.push(fail(place, format!("{} declares no output schema; return a type", tool.name))),
            Some(schema) if is_empty(schema) => {
                findings.push(fail(
                    place,
                    format!("the output schema of {} allows everything; name its members", tool.name),
                ));
            }
            Some(_) if !facts.runs.iter().any(|(seen, _)| seen.tool == tool.name && seen.failure.is_none()) => {
                findings
                    .push(warn("examples".to_owned(), format!("no example shows a result of {}; add one", tool.name)));
            }
            Some(_) => {}
        }
    }
    let untrue = facts.seen().filter(|seen| matches!(seen.failure, Some(Failure::InvalidOutput { .. })));
    findings.extend(untrue.map(|seen| {
        let says =
            format!("{} breaks its own output schema {}; correct the one or the other", seen.tool, seen.situation);
        fail(seen.tool.clone(), says)
    }));
    findings
}

fn state(facts: &Facts) -> Vec<Finding> {
    let varies = |seen: &Seen| {
        let mut examples = facts.examples.iter().filter(|example| example.varies);
        examples.any(|example| seen.situation == Situation::Example(example.name.clone()))
    };
    let pairs = facts.runs.iter().map(|(seen, _)| seen).zip(facts.again.iter().rev());
    let differing = pairs.filter(|(first, second)| first.answer != second.answer && !varies(first));
    let finding = |(first, _): (&Seen, &Seen)| {
        let says = format!("{} answers the same call differently {}", first.tool, first.situation);
        let mend =
            "take out what varies (time, randomness, the order of a map), or say `\"varies\": true` in the example";
        fail(facts.files.place(&format!("\"{}\"", first.tool), &first.tool), format!("{says}; {mend}"))
    };
    differing.map(finding).chain(nothing_seen(facts)).collect()
}

fn broken_connections(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let asks = !facts.asked.network.is_empty() || !facts.asked.postgres.is_empty();
    if asks && !facts.provoked.iter().any(|seen| matches!(seen.situation, Situation::Refusing(_))) {
        let says = "no example reaches a server or database, so none could be broken; add one";
        findings.push(warn("examples".to_owned(), says.to_owned()));
    }
    for seen in &facts.provoked {
        let (Situation::Refusing(target) | Situation::Silent(target)) = &seen.situation else { continue };
        let name = match target {
            Target::Server(server) => &server.host,
            Target::Database(database) => database,
        };
        let place = || facts.files.place(name, &seen.tool);
        match &seen.failure {
            None if !facts.tells(seen, name) => {
                let says = format!("{} answers as if nothing were wrong {}", seen.tool, seen.situation);
                findings.push(fail(place(), format!("{says}; return the error, or say in the result what failed")));
            }
            Some(Failure::Tool(error)) if !error.retryable => {
                let says = format!("the error `{}` says that trying again never helps {}", error.code, seen.situation);
                findings.push(warn(place(), format!("{says}; make it retryable")));
            }
            Some(Failure::Deadline { .. }) => {
                let says = format!("{} waits for its whole deadline {}", seen.tool, seen.situation);
                findings.push(warn(place(), format!("{says}; give the request a timeout that is shorter")));
            }
            _ => {}
        }
    }
    findings
}

fn tests(facts: &Facts) -> Vec<Finding> {
    if facts.files.source.is_empty() {
        return vec![warn(facts.plugin.clone(), "its source is not here, so nobody can see its tests".to_owned())];
    }
    let unit = (!facts.files.has_unit_tests()).then_some("it has no unit tests; test its functions natively");
    let calls = (!facts.files.has_calls_in_process()).then_some(
        "no test calls its tools; run the examples in one, with `toolcell_sdk::testing::examples` or `toolcell smoke`",
    );
    unit.into_iter().chain(calls).map(|says| fail("src".to_owned(), says.to_owned())).collect()
}

fn smoke_test(facts: &Facts) -> Vec<Finding> {
    let file = |name: &str| format!("examples/{name}.json");
    let mut findings: Vec<_> =
        facts.unreadable.iter().map(|problem| fail("examples".to_owned(), format!("{problem}; correct it"))).collect();
    if facts.examples.is_empty() && findings.is_empty() {
        let says = "there are no examples; add one for each tool: arguments, what servers answer, what comes of it";
        return vec![fail("examples".to_owned(), says.to_owned())];
    }
    for (seen, problem) in &facts.runs {
        if let (Situation::Example(name), Some(problem)) = (&seen.situation, problem) {
            findings.push(fail(file(name), format!("it does not hold: {problem}; correct the example or the tool")));
        }
    }
    let untried = facts.tools.iter().filter(|tool| !facts.examples.iter().any(|example| example.tool == tool.name));
    findings
        .extend(untried.map(|tool| warn("examples".to_owned(), format!("no example calls {}; add one", tool.name))));
    findings
}

fn readme(facts: &Facts) -> Vec<Finding> {
    let at = || "README.md".to_owned();
    let Some(readme) = &facts.files.readme else {
        let says = "there is none; write what it does, how it is installed, configured and added to a client";
        return vec![fail(at(), says.to_owned())];
    };
    let lower = readme.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let mut missing = Vec::new();
    if !has(&["toolcell connect", "mcpservers", "mcp add", "use-it-with-a-client"]) {
        missing.push(
            "how a client is configured; show `toolcell connect CLIENT`, or link to where it is shown".to_owned(),
        );
    }
    if !has(&["toolcell allow", "toolcell build", "install"]) {
        missing.push("how it is installed; show `toolcell build` and `toolcell allow`".to_owned());
    }
    let variables = facts.asked.env.iter().map(ToString::to_string);
    let variables = variables.filter(|name| !readme.contains(name.as_str()));
    missing.extend(variables.map(|name| format!("what {name} is for and where its value comes from")));
    if !facts.asked.postgres.is_empty() && !has(&["toolcell.toml", "url-env"]) {
        missing.push("where its database is configured; show the lines for toolcell.toml".to_owned());
    }
    missing.into_iter().map(|what| fail(at(), format!("it does not say {what}"))).collect()
}
