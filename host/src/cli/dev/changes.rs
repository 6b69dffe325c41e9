//! What became of a plugin's tools since its last build, in a few words.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value};

use crate::plugin::Tool;

/// What a client sees of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    name: String,
    description: String,
    input: Arc<Map<String, Value>>,
    output: Option<Arc<Map<String, Value>>>,
}

impl Shape {
    pub(super) fn of(tool: &Tool) -> Self {
        Self {
            name: tool.name().to_owned(),
            description: tool.description().to_owned(),
            input: Arc::clone(tool.input_schema()),
            output: tool.output_schema().cloned(),
        }
    }

    /// `search(query, limit?)`: the arguments, those that may be left out with a question mark.
    fn signature(&self) -> String {
        let required = self.required();
        let arguments = self.arguments().into_iter().flat_map(Map::keys);
        let arguments =
            arguments.map(|name| if required.contains(name.as_str()) { name.clone() } else { format!("{name}?") });
        format!("{}({})", self.name, arguments.collect::<Vec<_>>().join(", "))
    }

    fn arguments(&self) -> Option<&Map<String, Value>> {
        self.input.get("properties")?.as_object()
    }

    fn required(&self) -> BTreeSet<&str> {
        let names = self.input.get("required").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// How it differs from what it was.
    fn difference(&self, before: &Self) -> String {
        let mut words = Vec::new();
        if self.description != before.description {
            words.push("another description".to_owned());
        }
        if self.input != before.input {
            let none = Map::new();
            let (now, then) = (self.arguments().unwrap_or(&none), before.arguments().unwrap_or(&none));
            let (required, was_required) = (self.required(), before.required());
            let argument = |name: &str| match (then.get(name), now.get(name)) {
                (None, _) => Some(format!("new argument {name}")),
                (_, None) => Some(format!("no argument {name} any more")),
                (Some(then), Some(now)) if then != now => Some(format!("argument {name} is described otherwise")),
                _ if required.contains(name) == was_required.contains(name) => None,
                _ if required.contains(name) => Some(format!("argument {name} is required")),
                _ => Some(format!("argument {name} may be left out")),
            };
            let names: BTreeSet<_> = then.keys().chain(now.keys()).collect();
            let arguments: Vec<_> = names.into_iter().filter_map(|name| argument(name)).collect();
            words.extend(if arguments.is_empty() { vec!["another input schema".to_owned()] } else { arguments });
        }
        if self.output != before.output {
            words.push("another output schema".to_owned());
        }
        words.join("; ")
    }
}

/// A line for each tool that is new (`+`), gone (`-`) or another (`~`).
pub(super) fn changes(before: &[Shape], now: &[Shape]) -> Vec<String> {
    let of_name = |shapes: &'_ [Shape], name: &str| shapes.iter().position(|shape| shape.name == name);
    let gone = before.iter().filter(|shape| of_name(now, &shape.name).is_none());
    let gone = gone.map(|shape| format!("- {}", shape.name));
    let there = now.iter().filter_map(|shape| match of_name(before, &shape.name) {
        None => Some(format!("+ {}", shape.signature())),
        Some(at) if before[at] != *shape => Some(format!("~ {}: {}", shape.signature(), shape.difference(&before[at]))),
        Some(_) => None,
    });
    there.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(name: &str, input: Value) -> Shape {
        let Value::Object(input) = input else { panic!("an object") };
        Shape { name: name.to_owned(), description: "Greets.".to_owned(), input: Arc::new(input), output: None }
    }

    #[test]
    fn every_change_that_a_client_sees_is_told() {
        let schema = |name: &Value| json!({"properties": {"name": name, "old": {}}, "required": ["name", "old"]});
        let before = [shape("greet", schema(&json!({"type": "string"}))), shape("part", json!({}))];
        assert_eq!(changes(&[], &before), ["+ greet(name, old)", "+ part()"]);
        assert_eq!(changes(&before, &before), [""; 0]);
        assert_eq!(changes(&before, &before[..1]), ["- part"]);

        let told = |input: Value| changes(&before, &[shape("greet", input), before[1].clone()]).concat();
        let string = json!({"type": "string"});
        for (input, line) in [
            (
                json!({"properties": {"name": string, "lang": {}}, "required": ["name"]}),
                "~ greet(lang?, name): new argument lang; no argument old any more",
            ),
            (
                json!({"properties": {"name": {"type": "integer"}, "old": {}}, "required": ["name"]}),
                "~ greet(name, old?): argument name is described otherwise; argument old may be left out",
            ),
            (
                json!({"properties": {"name": string, "old": {}}, "required": ["name", "old"], "title": "t"}),
                "~ greet(name, old): another input schema",
            ),
        ] {
            assert_eq!(told(input), line);
        }
        let mut described = before[1].clone();
        described.description = "Parts.".to_owned();
        described.output = Some(Arc::default());
        let told = changes(&before[1..], &[described]);
        assert_eq!(told, ["~ part(): another description; another output schema"]);
    }
}
