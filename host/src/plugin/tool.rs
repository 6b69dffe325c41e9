//! One tool, ready to be called: what a client sees of it, what its arguments and results have to satisfy, and what runs.

use std::{sync::Arc, time::Instant};

use serde_json::{Map, Value, json};

use super::{
    Schema,
    manifest::{MAX_DESCRIPTION, is_tool_name},
};
use crate::{
    call::Call,
    failure::{self, Failure, Mismatch},
    outcome::{Content, Outcome, Output},
    policy::{Digest, Grant},
    sandbox::{Program, RawOutput, Sandbox, ToolSpec, Work},
    text::{hidden_character, title_of},
};

/// Bytes of an answer that are read where the client is served; more takes so long that others would wait for it.
const AT_ONCE: u64 = 256 << 10;

/// What a tool does to its surroundings. Always all four: the protocol's defaults assume the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the four hints of the protocol")]
pub struct Hints {
    /// The tool changes nothing.
    pub read_only: bool,
    /// What the tool changes may be lost.
    pub destructive: bool,
    /// Calling again with the same arguments changes nothing more.
    pub idempotent: bool,
    /// The tool talks to systems outside the host.
    pub open_world: bool,
}

/// What a plugin's tool looks like, checked: everything but what its calls may do.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) own_name: String,
    pub(super) title: Option<String>,
    pub(super) text: String,
    pub(super) input: Schema,
    pub(super) output: Option<Schema>,
    pub(super) spec: ToolSpec,
    /// Whether its input schema may name headers.
    repeats_arguments: bool,
}

impl Description {
    /// Checks what the plugin says of a tool.
    pub(super) fn check(spec: ToolSpec) -> Result<Self, String> {
        let name = &spec.name;
        if !is_tool_name(name) {
            return Err(format!("tool name {name:?} is not 1 to 48 of A-Z a-z 0-9 _ -"));
        }
        let texts = [("description", Some(&spec.description)), ("title", spec.title.as_ref())];
        for (what, text) in texts.into_iter().filter_map(|(what, text)| Some((what, text?))) {
            if let Some(hidden) = hidden_character(text) {
                return Err(format!(
                    "the {what} of tool {name:?} holds the hidden character U+{:04X}, which people do not see and models do",
                    u32::from(hidden)
                ));
            }
        }
        if spec.description.trim().is_empty() || spec.description.chars().count() > MAX_DESCRIPTION {
            return Err(format!("the description of tool {name:?} is not 1 to {MAX_DESCRIPTION} characters"));
        }
        let schema = |what: &str, text: &str| {
            let hidden = |schema: &Schema| hidden_text(&Value::Object((*schema.json).clone()));
            let schema = Schema::parse(text).map_err(|error| format!("the {what} schema of tool {name:?}: {error}"))?;
            match hidden(&schema) {
                Some(c) => {
                    Err(format!("the {what} schema of tool {name:?} holds the hidden character U+{:04X}", u32::from(c)))
                }
                None => Ok(schema),
            }
        };
        let input = schema("input", &spec.input_schema)?;
        Ok(Self {
            own_name: name.clone(),
            title: spec.title.clone(),
            text: spec.description.clone(),
            // Read anew from what was parsed: no escape hides a name.
            repeats_arguments: Value::Object((*input.json).clone()).to_string().contains("x-mcp-header"),
            input,
            output: spec.output_schema.as_ref().map(|text| schema("output", text)).transpose()?,
            spec,
        })
    }

    /// Patterns in its schemas.
    pub(super) fn patterns(&self) -> usize {
        self.input.patterns() + self.output.as_ref().map_or(0, Schema::patterns)
    }

    /// What a person reviews of the tool: its part of the tools digest.
    pub(super) fn reviewed(&self) -> Value {
        json!({
            "name": self.own_name,
            "title": self.title,
            "description": self.text,
            "inputSchema": *self.input.json,
            "outputSchema": self.output.as_ref().map(|schema| &*schema.json),
            "hints": [self.spec.read_only, self.spec.destructive, self.spec.idempotent, self.spec.open_world],
        })
    }

    /// The hints, those that the plugin leaves open derived from what it was granted: without the network and folders to write
    /// in a tool can change nothing, because nothing else outlives its call and databases are only read.
    fn hints(&self, grant: &Grant) -> Hints {
        let reaches_out = !grant.network().is_empty();
        let read_only = self.spec.read_only.unwrap_or(!reaches_out && !grant.files().may_change());
        Hints {
            read_only,
            destructive: !read_only && self.spec.destructive.unwrap_or(true),
            idempotent: self.spec.idempotent.unwrap_or(read_only),
            open_world: self.spec.open_world.unwrap_or(reaches_out || !grant.postgres().is_empty()),
        }
    }
}

/// A tool that is served.
#[derive(Debug)]
pub struct Tool {
    name: String,
    title: String,
    hints: Hints,
    description: Arc<Description>,
    program: Program,
    component: Digest,
    work: Work,
}

/// Arguments that satisfy a tool's input schema, as JSON text. Only [`Tool::validate`] makes them.
#[derive(Debug)]
pub struct Arguments(String);

impl Tool {
    pub(super) fn new(
        name: String,
        description: Arc<Description>,
        program: Program,
        component: Digest,
        work: Work,
    ) -> Self {
        let hints = description.hints(&work.grant);
        let title = description.title.clone().unwrap_or_else(|| title_of(&name));
        Self { name, title, hints, description, program, component, work }
    }

    /// The name that clients see.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The plugin's own name for it.
    #[must_use]
    pub fn own_name(&self) -> &str {
        &self.description.own_name
    }

    /// The plugin that has it.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.work.plugin
    }

    /// Digest of the plugin's component.
    #[must_use]
    pub fn component(&self) -> &Digest {
        &self.component
    }

    /// Calls of the plugin that wait for a turn or a place at this moment.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.work.turns.waiting()
    }

    /// A name for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What a model reads.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description.text
    }

    /// What the arguments have to satisfy.
    #[must_use]
    pub fn input_schema(&self) -> &Arc<Map<String, Value>> {
        &self.description.input.json
    }

    /// Whether clients over HTTP have to repeat arguments in headers (MCP 2026-07-28, basic/transports, `x-mcp-header`).
    #[must_use]
    pub fn repeats_arguments(&self) -> bool {
        self.description.repeats_arguments
    }

    /// What structured results satisfy.
    #[must_use]
    pub fn output_schema(&self) -> Option<&Arc<Map<String, Value>>> {
        self.description.output.as_ref().map(|schema| &schema.json)
    }

    /// What the tool does to its surroundings.
    #[must_use]
    pub fn hints(&self) -> Hints {
        self.hints
    }

    /// What the plugin itself says of it.
    pub(crate) fn spec(&self) -> &ToolSpec {
        &self.description.spec
    }

    /// What its calls may do.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.work.grant
    }

    /// Calls of its plugin that run at this moment, and those that wait for their turn.
    #[must_use]
    pub fn running_and_waiting(&self) -> (u32, u32) {
        self.work.turns.taken_and_waiting()
    }

    /// Checks arguments before anything of the plugin runs.
    ///
    /// # Errors
    ///
    /// [`Failure::InvalidArguments`], with the place of each mismatch.
    pub fn validate(&self, arguments: &Value) -> Result<Arguments, Failure> {
        match self.description.input.check(arguments) {
            Ok(()) => Ok(Arguments(arguments.to_string())),
            Err(mismatches) => Err(Failure::InvalidArguments { mismatches }),
        }
    }

    /// Runs one call in an instance of its own.
    pub async fn call(&self, sandbox: &Arc<Sandbox>, arguments: Arguments, call: Call) -> Outcome {
        let (raw, mut receipt) = sandbox.call(&self.program, &self.work, arguments.0, call).await;
        let raw = match raw {
            Ok(raw) => raw,
            Err(failure) => return Outcome { result: Err(failure), receipt },
        };
        receipt.answered = raw.size();
        let began = Instant::now();
        let result = if raw.size() > AT_ONCE {
            let description = Arc::clone(&self.description);
            let finished = sandbox.aside(move || description.finish(raw)).await;
            finished.unwrap_or_else(|| Err(failure::host_panic(receipt.call)))
        } else {
            self.description.finish(raw)
        };
        receipt.phases.reading = began.elapsed();
        receipt.elapsed += receipt.phases.reading;
        Outcome { result, receipt }
    }
}

impl Description {
    /// Reads the answer's JSON and holds it to the output schema.
    fn finish(&self, raw: RawOutput) -> Result<Output, Failure> {
        let structured = raw.structured.as_deref().map(|text| parse("", "structured result", text)).transpose()?;
        match (&self.output, &structured) {
            (Some(schema), Some(value)) => {
                schema.check(value).map_err(|mismatches| Failure::InvalidOutput { mismatches })?;
            }
            (Some(_), None) => {
                return Err(invalid_output("", "the tool has an output schema and gave no structured result"));
            }
            (None, _) => {}
        }
        for (index, content) in raw.content.iter().enumerate() {
            if let Content::Other(text) = content
                && !parse(&format!("/content/{index}"), "content", text)?.is_object()
            {
                return Err(invalid_output(&format!("/content/{index}"), "a content block has to be a JSON object"));
            }
        }
        Ok(Output { content: raw.content, structured })
    }
}

fn parse(pointer: &str, what: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| invalid_output(pointer, &format!("the {what} is not JSON: {error}")))
}

fn invalid_output(pointer: &str, problem: &str) -> Failure {
    Failure::InvalidOutput { mismatches: vec![Mismatch { pointer: pointer.to_owned(), problem: problem.to_owned() }] }
}

/// The first hidden character in any text of a JSON value, keys included.
fn hidden_text(value: &Value) -> Option<char> {
    match value {
        Value::String(text) => hidden_character(text),
        Value::Array(items) => items.iter().find_map(hidden_text),
        Value::Object(members) => {
            members.iter().find_map(|(key, value)| hidden_character(key).or_else(|| hidden_text(value)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;
    use crate::{policy::Limits, sandbox::Settings};

    async fn big(sandbox: &Arc<Sandbox>) -> Tool {
        let wasm = fs::read(toolcell_test_guests::BIG).expect("the guest is built");
        let digest = Digest::of(&wasm);
        let program = sandbox.load(&wasm, &digest).await.expect("it loads");
        let work = Work::with_nothing("big", "big", Limits::default());
        let spec = sandbox.list_tools(&program, &work).await.expect("it lists them").remove(0);
        let description = Arc::new(Description::check(spec).expect("it is good"));
        Tool::new("big".to_owned(), description, program, digest, work)
    }

    /// On one thread, nothing else runs while an answer is read there.
    #[tokio::test]
    async fn a_large_answer_is_read_aside() {
        let sandbox = Arc::new(Sandbox::new(Settings { slots: 2, ..Settings::default() }).expect("a sandbox starts"));
        let tool = big(&sandbox).await;
        let turns = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&turns);
        let others = tokio::spawn(async move {
            loop {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let arguments = json!({"bytes": 3 << 20, "structured": true});
        let outcome = tool.call(&sandbox, tool.validate(&arguments).expect("they are good"), Call::detached()).await;
        assert!(outcome.result.is_ok_and(|output| output.structured.is_some()));
        assert!(turns.load(Ordering::Relaxed) > 0, "everything else stood still");
        others.abort();
    }
}
