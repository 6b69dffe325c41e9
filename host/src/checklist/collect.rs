//! Runs a plugin in every situation that the rules ask about. Everything is answered by the plugin's own examples, so nothing
//! leaves this machine.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Facts, Files, Seen, Situation, ToolFacts};
use crate::{
    plugin::{
        Tool,
        examples::Example,
        files::{Found, PluginFolder},
    },
    policy::{NotServed, server_of},
    replay::{Fault, Replay, Target},
    sandbox::Sandbox,
    smoke::{self, Run},
    trial::Trial,
};

/// How long a call may wait for a server that never answers. A request with a timeout of its own does not wait at all.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads a plugin and runs it.
///
/// # Errors
///
/// When its manifest or component is not valid.
pub async fn collect(sandbox: &Arc<Sandbox>, folder: &PluginFolder, found: &Found) -> Result<Facts, NotServed> {
    let began = Instant::now();
    let trial = Trial::load(sandbox, folder, found).await?;
    let loaded_in = began.elapsed();
    let manifest = folder.manifest(found).map_err(|error| NotServed::InvalidManifest(error.to_string()))?;
    let size = folder.component(found, &manifest).map_or(0, |wasm| wasm.len());
    let (mut examples, mut unreadable) = (Vec::new(), Vec::new());
    for example in folder.examples(found) {
        match example {
            Ok(example) => examples.push(example),
            Err(error) => unreadable.push(error.to_string()),
        }
    }
    let (mut runs, mut again) = (Vec::new(), Vec::new());
    for example in &examples {
        let run = smoke::offline(&trial, example).await;
        let problem = run.problem.clone();
        runs.push((seen(example, Situation::Example(example.name.clone()), run), problem));
    }
    for example in examples.iter().rev() {
        let run = smoke::offline(&trial, example).await;
        again.push(seen(example, Situation::Example(example.name.clone()), run));
    }
    let variables: Vec<_> = manifest.asked.env.iter().map(ToString::to_string).collect();
    let mut provoked = Vec::new();
    for tool in trial.tools() {
        let own: Vec<_> = examples.iter().filter(|example| example.tool == tool.own_name()).collect();
        provoke(&trial, tool, &own, &variables, &mut provoked).await;
    }
    Ok(Facts {
        plugin: found.name.to_string(),
        asked: manifest.asked,
        tools: trial.tools().iter().map(facts).collect(),
        examples,
        unreadable,
        runs,
        again,
        provoked,
        files: Files::read(&folder.path().join(found.name.as_str())),
        size,
        loaded_in,
    })
}

/// Each server and database of a tool's examples refusing and silent, each variable unset, each argument of a wrong type:
/// each once, with the first example that it can be tried with.
async fn provoke(trial: &Trial, tool: &Tool, examples: &[&Example], variables: &[String], provoked: &mut Vec<Seen>) {
    let mut tried = BTreeSet::new();
    for example in examples {
        for target in targets(example).into_iter().filter(|target| tried.insert(target.clone())) {
            for fault in [Fault::Refusing, Fault::Silent] {
                let replay = example.replay().broken(target.clone(), fault);
                let (situation, replay) = match fault {
                    Fault::Refusing => (Situation::Refusing(target.clone()), replay),
                    Fault::Silent => (Situation::Silent(target.clone()), replay.deadline(PATIENCE)),
                };
                provoked.push(seen(example, situation, run(trial, example, replay).await));
            }
        }
    }
    let Some(example) = examples.first() else { return };
    for name in variables {
        let replay = example.replay().without_variable(name);
        provoked.push(seen(example, Situation::Unset(name.clone()), run(trial, example, replay).await));
    }
    let properties = tool.input_schema().get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        let mut wrong = (*example).clone();
        wrong.arguments.insert(name.clone(), of_another_type(schema));
        let replay = wrong.replay();
        provoked.push(seen(&wrong, Situation::WrongType(name.clone()), run(trial, &wrong, replay).await));
    }
}

async fn run(trial: &Trial, example: &Example, replay: Replay) -> Run {
    smoke::replayed(trial, example, &Arc::new(replay)).await
}

fn seen(example: &Example, situation: Situation, run: Run) -> Seen {
    Seen { tool: example.tool.clone(), situation, answer: run.answer, failure: run.failure }
}

/// The servers and databases that an example asks.
fn targets(example: &Example) -> BTreeSet<Target> {
    let servers = example.upstream.iter().filter_map(|answer| server_of(&answer.url.parse().ok()?).ok());
    let databases = example.databases.iter().map(|answer| Target::Database(answer.database.clone()));
    servers.map(Target::Server).chain(databases).collect()
}

/// A value that no argument of this schema's type is.
fn of_another_type(schema: &Value) -> Value {
    let is = |kind: &str| match &schema["type"] {
        Value::String(name) => name == kind,
        Value::Array(names) => names.iter().any(|name| name == kind),
        _ => false,
    };
    if is("object") { json!(7) } else { json!({"of": "another type"}) }
}

fn facts(tool: &Tool) -> ToolFacts {
    let spec = tool.spec();
    ToolFacts {
        name: tool.own_name().to_owned(),
        description: tool.description().to_owned(),
        input: (**tool.input_schema()).clone(),
        output: tool.output_schema().map(|schema| (**schema).clone()),
        read_only: spec.read_only,
        destructive: spec.destructive,
        open_world: spec.open_world,
    }
}
