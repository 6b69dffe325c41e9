//! A plugin's examples, run: each as the host runs any call, answered by the example alone.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    failure::{Code, Failure},
    host::Host,
    outcome::Outcome,
    plugin::examples::{self, Example},
    replay::Replay,
    trial::Trial,
};

/// One run of an example.
#[derive(Debug)]
pub struct Run {
    /// Why it does not hold, if it does not.
    pub problem: Option<String>,
    /// What came of it, in the form of an example's `expect`; `null` where there is no such tool.
    pub answer: Value,
    /// How the call failed, if it did.
    pub failure: Option<Failure>,
    /// How long the call took.
    pub elapsed: Duration,
}

/// Runs an example offline: its own answers, and nothing else.
pub async fn offline(trial: &Trial, example: &Example) -> Run {
    let replay = Arc::new(example.replay());
    let mut run = replayed(trial, example, &replay).await;
    if let Some(unexpected) = replay.unexpected().first() {
        run.problem = Some(format!("it sends a request that the example does not answer: {unexpected}"));
    } else if run.problem.is_none()
        && let Some(unused) = replay.unused().first()
    {
        run.problem = Some(format!("it never sends a request that the example answers: {unused}"));
    }
    run
}

/// Runs an example with other answers than its own.
pub async fn replayed(trial: &Trial, example: &Example, replay: &Arc<Replay>) -> Run {
    match trial.call(&example.tool, example.arguments.clone(), replay).await {
        Ok(outcome) => Run::of(example, example.difference(&outcome), outcome),
        Err(unknown) => Run {
            problem: Some(format!("it calls {:?}, which is none of the plugin's tools", unknown.0)),
            answer: Value::Null,
            failure: None,
            elapsed: Duration::ZERO,
        },
    }
}

/// Runs an example against the real servers, with what the plugin is granted. Live answers differ from the example's, so it
/// holds when there is a result, which then satisfies its schema, or an error with a code of the tool's own. `tool` is the
/// name that clients see.
pub async fn live(host: &Host, tool: &str, example: &Example) -> Run {
    match host.call(tool, example.arguments.clone(), crate::call::Call::detached()).await {
        Ok(outcome) => {
            let of_the_host = outcome.result.as_ref().err().filter(|failure| {
                let code = failure.code();
                // An error that the SDK passes on from the host has the host's code.
                Code::ALL.iter().any(|known| known.as_str() == code)
            });
            let problem = of_the_host.map(|failure| failure.report(tool, &outcome.receipt).text());
            Run::of(example, problem, outcome)
        }
        Err(unknown) => {
            Run { problem: Some(unknown.to_string()), answer: Value::Null, failure: None, elapsed: Duration::ZERO }
        }
    }
}

impl Run {
    fn of(example: &Example, problem: Option<String>, outcome: Outcome) -> Self {
        Self {
            problem,
            answer: examples::as_json(&example.tool, &outcome),
            elapsed: outcome.receipt.elapsed,
            failure: outcome.result.err(),
        }
    }
}
