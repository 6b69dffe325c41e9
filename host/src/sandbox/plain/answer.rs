//! What a function's result is as a tool's answer.

use serde_json::{Value, json};
use wasmtime::component::Val;

use super::{
    contract, encode,
    schema::{self, Way},
    shape::{Ends, Kind, Shape},
};
use crate::{
    failure::{Failure, ToolError},
    outcome::Content,
    sandbox::{RawOutput, convert::UNNAMED},
};

/// The member that holds a result which is no object.
const RESULT: &str = "result";

/// How the result of a function is read.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) good: Good,
    /// What a `result` has in place of an answer; `None` where the function cannot fail.
    pub(super) bad: Option<Bad>,
}

/// What a function returns when it does not fail.
#[derive(Debug, Clone)]
pub(super) enum Good {
    /// Nothing.
    Nothing,
    /// Text, which is the answer as it is.
    Text,
    /// The contract's own `output`.
    Output(Shape),
    /// A record, which is an object.
    Object(Shape),
    /// Anything else, which becomes the only member of an object.
    Wrapped(Shape),
}

/// What a function returns when it fails.
#[derive(Debug, Clone)]
pub(super) enum Bad {
    /// Nothing.
    Nothing,
    /// What went wrong.
    Text,
    /// The contract's own `tool-error`.
    ToolError(Shape),
    /// Anything else, which the message shows.
    Other(Shape),
}

impl Answer {
    /// Of a function with this result.
    pub(super) fn of(result: Option<Shape>) -> Self {
        match result {
            Some(Shape { kind: Kind::Result(ends), .. }) => {
                let Ends { ok, err } = *ends;
                Self { good: Good::of(ok), bad: Some(Bad::of(err)) }
            }
            result => Self { good: Good::of(result), bad: None },
        }
    }

    /// Whether the function returns a value at all.
    pub(super) fn has_value(&self) -> bool {
        self.bad.is_some() || !matches!(self.good, Good::Nothing)
    }

    /// The output schema, where the type fixes one.
    pub(super) fn schema(&self) -> Option<Value> {
        match &self.good {
            Good::Nothing | Good::Text | Good::Output(_) => None,
            Good::Object(shape) => Some(schema::schema(shape, Way::Out)),
            Good::Wrapped(shape) => Some(json!({
                "type": "object",
                "properties": {RESULT: schema::schema(shape, Way::Out)},
                "required": [RESULT],
            })),
        }
    }

    /// What a person calls what the function returns.
    pub(super) fn in_words(&self) -> String {
        let good = match &self.good {
            Good::Nothing => "nothing".to_owned(),
            Good::Output(_) => "an answer in parts".to_owned(),
            Good::Text => "text".to_owned(),
            Good::Object(shape) | Good::Wrapped(shape) => shape.in_words(),
        };
        if self.bad.is_some() { format!("{good}, or fails") } else { good }
    }

    /// The answer that a value is, of at most so many bytes.
    pub(super) fn read(&self, value: Option<Val>, limit: u64) -> Result<RawOutput, Failure> {
        match (&self.bad, value) {
            (None, value) => self.good.read(value, limit),
            (Some(_), Some(Val::Result(Ok(value)))) => self.good.read(value.map(|value| *value), limit),
            (Some(bad), Some(Val::Result(Err(value)))) => Err(bad.read(value.map(|value| *value), limit)),
            (Some(_), _) => Err(unlike()),
        }
    }
}

impl Good {
    fn of(shape: Option<Shape>) -> Self {
        match shape {
            None => Self::Nothing,
            Some(shape) if shape.kind == Kind::String => Self::Text,
            Some(shape) if shape == contract::output() => Self::Output(shape),
            Some(shape) if matches!(shape.kind, Kind::Record(_)) => Self::Object(shape),
            Some(shape) => Self::Wrapped(shape),
        }
    }

    fn read(&self, value: Option<Val>, limit: u64) -> Result<RawOutput, Failure> {
        let text = |text| RawOutput { content: vec![Content::Text(text)], structured: None };
        let structured = |json| RawOutput { content: Vec::new(), structured: Some(json) };
        match (self, value) {
            (Self::Nothing, _) => Ok(text("Done. The function returns nothing.".to_owned())),
            (Self::Text, Some(Val::String(answer))) => Ok(text(answer)),
            (Self::Object(shape), Some(value)) => encode::json(shape, &value, None, limit).map(structured),
            (Self::Wrapped(shape), Some(value)) => encode::json(shape, &value, Some(RESULT), limit).map(structured),
            (Self::Output(shape), Some(value)) => {
                // Escapes and base64 count here, and do not in an answer, whose size is checked later.
                let json = encode::json(shape, &value, None, limit.saturating_mul(2))?;
                contract::read_output(&json).map_or_else(|| Err(unlike()), |output| Ok(output.into()))
            }
            (_, _) => Err(unlike()),
        }
    }
}

impl Bad {
    fn of(shape: Option<Shape>) -> Self {
        match shape {
            None => Self::Nothing,
            Some(shape) if shape.kind == Kind::String => Self::Text,
            Some(shape) if shape == contract::tool_error() => Self::ToolError(shape),
            Some(shape) => Self::Other(shape),
        }
    }

    fn read(&self, value: Option<Val>, limit: u64) -> Failure {
        let json = |shape, value: Val| encode::json(shape, &value, None, limit);
        let read = || match (self, value) {
            (Self::Nothing, _) => Ok(failed("it failed and does not say why".to_owned())),
            (Self::Text, Some(Val::String(message))) => Ok(failed(message)),
            (Self::Other(shape), Some(value)) => {
                json(shape, value).map(|json| failed(format!("it failed with {json}")))
            }
            (Self::ToolError(shape), Some(value)) => {
                let error = contract::read_error(&json(shape, value)?);
                error.map_or_else(|| Err(unlike()), |error| Ok(Failure::Tool(error.into())))
            }
            (_, _) => Err(unlike()),
        };
        read().unwrap_or_else(|failure| failure)
    }
}

fn failed(message: String) -> Failure {
    Failure::Tool(ToolError {
        code: UNNAMED.to_owned(),
        message,
        likely_causes: Vec::new(),
        check_first: None,
        retryable: false,
    })
}

/// The runtime's own check of types rules this out.
pub(super) fn unlike() -> Failure {
    Failure::Unexpected { what: "a component's value is not what its type says".to_owned() }
}
