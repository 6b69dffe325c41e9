//! A tool: a function with a name, and what a client should know about it.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bindings::toolcell::plugin::tool_types::Hints;
use crate::{Answer, Output, ToolError, bindings, schema};

/// A function that a model can call.
///
/// The doc comment of the argument type is the tool's description, the doc comments of its fields are those of the
/// arguments. A model reads them, so they say what is read or written and where, the limits, when to use the tool, what
/// comes back and how it fails.
pub struct Tool {
    name: &'static str,
    title: Option<&'static str>,
    description: Option<&'static str>,
    hints: Hints,
    input_schema: fn() -> Schema,
    output_schema: fn() -> Option<Schema>,
    // A function without captured values has no size, so this box allocates nothing.
    run: Box<Run>,
}

/// From arguments as JSON to the answer.
type Run = dyn Fn(&str) -> Result<Output, ToolError>;

/// The argument type of a tool that takes none.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoArguments {}

impl Tool {
    /// A tool named `name`: 1 to 48 of `A-Z a-z 0-9 _ -`, unique among all plugins that a host serves.
    pub fn new<Arguments, Returned>(
        name: &'static str,
        function: impl Fn(Arguments) -> Result<Returned, ToolError> + 'static,
    ) -> Self
    where
        Arguments: DeserializeOwned + JsonSchema,
        Returned: Answer,
    {
        Self {
            name,
            title: None,
            description: None,
            hints: Hints { read_only: None, destructive: None, idempotent: None, open_world: None },
            input_schema: schema::of_arguments::<Arguments>,
            output_schema: Returned::schema,
            run: Box::new(move |json| function(parse(name, json)?)?.into_output()),
        }
    }

    /// A short name for people.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// A description in place of the argument type's doc comment.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The output schema of a tool that returns [`Output`] with a structured part.
    #[must_use]
    pub fn output_schema<T: JsonSchema>(mut self) -> Self {
        self.output_schema = || Some(schema::of_result::<T>());
        self
    }

    /// Hints that the tool changes nothing.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.hints.read_only = Some(true);
        self
    }

    /// Hints whether what the tool changes may be lost. Also says that it changes something.
    #[must_use]
    pub fn destructive(mut self, destructive: bool) -> Self {
        self.hints.read_only = Some(false);
        self.hints.destructive = Some(destructive);
        self
    }

    /// Hints that calling again with the same arguments changes nothing more.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.hints.idempotent = Some(true);
        self
    }

    /// Hints whether the tool talks to systems outside the host. Unsaid, the host derives it from what is granted.
    #[must_use]
    pub fn open_world(mut self, open_world: bool) -> Self {
        self.hints.open_world = Some(open_world);
        self
    }

    /// What the host is told about the tool when it loads the plugin.
    ///
    /// # Panics
    ///
    /// When the tool has no description, or when the schema of its arguments or result is not a plain object. Both are
    /// mistakes of the author, and a plugin that panics here is not served.
    pub(crate) fn listed(&self) -> bindings::Tool {
        let Self { name, .. } = self;
        let mut input = (self.input_schema)();
        let doc_comment = schema::take_description(&mut input);
        let description = self.description.map(str::to_owned).or(doc_comment).unwrap_or_else(|| {
            panic!("tool `{name}` has no description: write a doc comment on its argument type or call .description()")
        });
        schema::assert_object(&input, &format!("the arguments of tool `{name}`"));
        let output = (self.output_schema)();
        if let Some(output) = &output {
            schema::assert_object(output, &format!("the result of tool `{name}`"));
        }
        bindings::Tool {
            name: (*name).to_owned(),
            title: self.title.map(str::to_owned),
            description,
            input_schema: input.as_value().to_string(),
            output_schema: output.map(|schema| schema.as_value().to_string()),
            hints: self.hints,
            extra: None,
        }
    }
}

/// Runs the tool named `name` with `arguments`, a JSON object.
pub(crate) fn call(tools: &[Tool], name: &str, arguments: &str) -> Result<Output, ToolError> {
    let Some(tool) = tools.iter().find(|tool| tool.name == name) else {
        let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
        return Err(ToolError::new("unknown_tool", format!("there is no tool `{name}` in this plugin"))
            .check_first(format!("Use one of: {}.", names.join(", "))));
    };
    (tool.run)(arguments)
}

/// The host has checked the arguments against the schema, so this fails only where the type asks for more than its schema
/// says, as a custom `Deserialize` can.
fn parse<Arguments: DeserializeOwned>(name: &str, json: &str) -> Result<Arguments, ToolError> {
    serde_json::from_str(json).map_err(|error| {
        ToolError::new("invalid_arguments", format!("the arguments of `{name}` cannot be used: {error}"))
            .check_first("Compare the arguments with the tool's input schema and description.")
    })
}

#[cfg(test)]
mod tests;
