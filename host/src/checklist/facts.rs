//! What is known of a plugin once it was read and run.

use std::{fmt, time::Duration};

use serde_json::{Map, Value};

use super::Files;
use crate::{
    failure::{Failure, ToolError},
    plugin::examples::Example,
    policy::Capabilities,
    replay::Target,
};

/// All that the rules judge by.
#[derive(Debug)]
pub struct Facts {
    /// The plugin's name.
    pub plugin: String,
    /// What its manifest asks for.
    pub asked: Capabilities,
    /// Its tools.
    pub tools: Vec<ToolFacts>,
    /// Its examples.
    pub examples: Vec<Example>,
    /// What is wrong with files that should be examples.
    pub unreadable: Vec<String>,
    /// Each example, in order; with why it does not hold, if it does not.
    pub runs: Vec<(Seen, Option<String>)>,
    /// Each example once more, the last one first.
    pub again: Vec<Seen>,
    /// Calls with something broken, unset or wrong.
    pub provoked: Vec<Seen>,
    /// What its folder holds beside the component.
    pub files: Files,
    /// Bytes of its component.
    pub size: usize,
    /// How long it took to load: compiled, or from the code cache.
    pub loaded_in: Duration,
}

/// A tool as the plugin lists it.
#[derive(Debug)]
pub struct ToolFacts {
    /// The plugin's own name for it.
    pub name: String,
    /// What a model reads.
    pub description: String,
    /// The schema of its arguments.
    pub input: Map<String, Value>,
    /// The schema of its results.
    pub output: Option<Map<String, Value>>,
    /// The hints that it gives, as the contract has them; `None` where it leaves one to the host.
    pub read_only: Option<bool>,
    /// See [`ToolFacts::read_only`].
    pub destructive: Option<bool>,
    /// See [`ToolFacts::read_only`].
    pub open_world: Option<bool>,
}

/// One call and what came of it.
#[derive(Debug)]
pub struct Seen {
    /// The tool, by the plugin's own name.
    pub tool: String,
    /// What was the matter.
    pub situation: Situation,
    /// What came of it, in the form of an example's `expect`.
    pub answer: Value,
    /// How it failed, if it did.
    pub failure: Option<Failure>,
}

/// What was the matter when a tool was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Situation {
    /// Nothing: an example.
    Example(String),
    /// A server or database refused connections.
    Refusing(Target),
    /// A server or database did not answer.
    Silent(Target),
    /// A variable was not set.
    Unset(String),
    /// An argument was of another type than its schema says.
    WrongType(String),
}

/// To be read after "answered": `while https://api.example.com refuses connections`.
impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Example(name) => write!(f, "in the example {name}"),
            Self::Refusing(target) => write!(f, "while {} refuses connections", name(target)),
            Self::Silent(target) => write!(f, "while {} does not answer", name(target)),
            Self::Unset(variable) => write!(f, "with {variable} unset"),
            Self::WrongType(argument) => write!(f, "with a wrong type for `{argument}`"),
        }
    }
}

fn name(target: &Target) -> String {
    match target {
        Target::Server(server) => server.to_string(),
        Target::Database(database) => format!("the database {database}"),
    }
}

impl Facts {
    /// Every call.
    pub(super) fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.runs.iter().map(|(seen, _)| seen).chain(&self.provoked)
    }

    /// Every error that a tool answered with, each code and message once.
    pub(super) fn errors(&self) -> Vec<(&Seen, &ToolError)> {
        let mut errors: Vec<(&Seen, &ToolError)> = Vec::new();
        for seen in self.seen() {
            if let Some(Failure::Tool(error)) = &seen.failure
                && !errors.iter().any(|(_, known)| *known == error)
            {
                errors.push((seen, error));
            }
        }
        errors
    }

    /// Whether a result says what failed: something in it names the server or database, or speaks of a failure, and does not
    /// stand in the answers to examples.
    pub(super) fn tells(&self, seen: &Seen, name: &str) -> bool {
        let usual: Vec<&str> = self.runs.iter().flat_map(|(run, _)| texts(&run.answer)).collect();
        let words =
            [name, "refused", "not answer", "unreachable", "unavailable", "timed out", "timeout", "failed", "error"];
        let is_told = |text: &str| {
            let lower = text.to_lowercase();
            words.iter().any(|word| lower.contains(word))
        };
        texts(&seen.answer).into_iter().any(|text| !usual.contains(&text) && is_told(text))
    }
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
