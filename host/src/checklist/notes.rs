//! What is told beside the ten answers: nothing that is wrong by itself, and all that a reviewer asks next.

use url::Url;

use super::{Facts, ToolFacts};
use crate::policy::{DatabaseName, EnvName, server_of, units::bytes_text};

/// One line for each thing worth knowing.
#[must_use]
pub fn notes(facts: &Facts) -> Vec<String> {
    let reaches_out = !facts.asked.network.is_empty() || !facts.asked.postgres.is_empty();
    let writes = facts.asked.files.may_change();
    let mut notes: Vec<_> = facts.tools.iter().flat_map(|tool| hints(tool, reaches_out, writes)).collect();
    notes.extend(unused(facts));
    notes.extend(facts.asked.limits.above_defaults().in_words().into_iter().map(|words| format!("it asks to {words}")));
    notes.push(format!(
        "component of {}, loaded in {} ms",
        bytes_text((facts.size as u64) >> 10 << 10),
        facts.loaded_in.as_millis()
    ));
    notes
}

/// Hints that what the plugin asks for speaks against.
fn hints(tool: &ToolFacts, reaches_out: bool, writes: bool) -> Vec<String> {
    let name = &tool.name;
    let mut notes = Vec::new();
    if !reaches_out && !writes && tool.read_only == Some(false) {
        let what = "and the plugin asks for no server and no folder to change it in";
        notes.push(format!("{name} says that it changes something, {what}"));
    }
    if !reaches_out && tool.open_world == Some(true) {
        notes.push(format!("{name} says that it talks to other systems, and the plugin asks for none"));
    }
    if reaches_out && tool.open_world == Some(false) {
        notes.push(format!("{name} says that it talks to no other system, and the plugin asks for servers"));
    }
    if (reaches_out || writes) && tool.read_only.is_none() {
        notes.push(format!("{name} does not say whether it changes anything; clients take it that it does"));
    }
    if tool.read_only == Some(true) && tool.destructive == Some(true) {
        notes.push(format!("{name} says both that it changes nothing and that what it changes may be lost"));
    }
    notes
}

/// What is asked for and no example uses.
fn unused(facts: &Facts) -> Vec<String> {
    let urls = facts.examples.iter().flat_map(|example| &example.upstream).map(|answer| &answer.url);
    let servers: Vec<_> = urls.filter_map(|url| server_of(&url.parse::<Url>().ok()?).ok()).collect();
    let rules = facts.asked.network.iter().filter(|rule| !servers.iter().any(|server| rule.matches(server)));
    let rules = rules.map(|rule| (rule.to_string(), "reaches"));
    let set = |name: &&EnvName| facts.examples.iter().any(|example| example.env.contains_key(*name));
    let variables = facts.asked.env.iter().filter(|name| !set(name)).map(|name| (name.to_string(), "sets"));
    let queried = |name: &&DatabaseName| {
        let mut answers = facts.examples.iter().flat_map(|example| &example.databases);
        answers.any(|answer| answer.database == name.as_str())
    };
    let databases = facts.asked.postgres.iter().filter(|name| !queried(name)).map(|name| (name.to_string(), "queries"));
    let note = |(what, verb): (String, &str)| {
        let place = facts.files.manifest_place(&what);
        format!("{place}: it asks for {what}, which no example {verb}")
    };
    rules.chain(variables).chain(databases).map(note).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    #[test]
    fn hints_are_held_against_what_is_asked() {
        let tool = |read_only, open_world| ToolFacts {
            name: "story".to_owned(),
            description: String::new(),
            input: Map::new(),
            output: None,
            read_only,
            destructive: None,
            open_world,
        };
        let noted = |tool, reaches_out| hints(&tool, reaches_out, false).len();
        assert_eq!(noted(tool(Some(true), Some(true)), true), 0);
        assert_eq!(noted(tool(None, Some(false)), true), 2);
        assert_eq!(noted(tool(Some(false), Some(true)), false), 2);
        assert_eq!(hints(&tool(Some(false), None), false, true).len(), 0);
        assert_eq!(hints(&tool(None, None), false, true).len(), 1);
        assert_eq!(noted(ToolFacts { destructive: Some(true), ..tool(Some(true), None) }, false), 1);
    }
}
