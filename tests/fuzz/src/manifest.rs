//! `plugin.toml`, `toolcell.toml` and `--env-file`: any text is read or refused, at a place that exists; what a manifest
//! means can be written down and read again.

use std::path::Component;

use serde_json::{Value, json};
use toolcell::{
    config::Config,
    env_file::EnvFile,
    plugin::manifest::Manifest,
    policy::units::{bytes_text, duration_text},
    source::Source,
};

use crate::text;

/// Reads the input as each of the files.
///
/// # Panics
///
/// When what holds of every manifest does not hold of this one.
pub fn run(input: &[u8]) {
    let Some(text) = text::of(input) else { return };
    let source = Source { file: "file", text };
    let errors = [Config::parse(&source).err(), EnvFile::parse(&source).err()];
    errors.iter().flatten().for_each(|error| text::check_error(error, text));
    match Manifest::parse(&source) {
        Err(error) => text::check_error(&error, text),
        Ok(manifest) => {
            assert!(manifest.component.components().all(|part| matches!(part, Component::Normal(_))), "{manifest:?}");
            let again = written(&manifest);
            let read = Manifest::parse(&Source { file: "again", text: &again }).unwrap_or_else(|error| {
                panic!("{error} in {again}");
            });
            assert_eq!(read, manifest, "{again}");
        }
    }
}

fn written(manifest: &Manifest) -> String {
    let asked = &manifest.asked;
    let limits = [
        ("memory", asked.limits.memory.map(|bytes| json!(bytes_text(bytes)))),
        ("deadline", asked.limits.deadline.map(|time| json!(duration_text(time)))),
        ("concurrency", asked.limits.concurrency.map(|calls| json!(calls))),
    ];
    let limits: serde_json::Map<_, _> =
        limits.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let mut whole = json!({
        "component": manifest.component,
        "capabilities": {
            "network": asked.network.iter().map(ToString::to_string).collect::<Value>(),
            "env": asked.env.iter().map(ToString::to_string).collect::<Value>(),
        },
        "limits": limits,
        "tools": {
            "prefix": manifest.tools.prefix,
            "rename": manifest.tools.rename,
            "disable": manifest.tools.disable,
        },
    });
    if let Some(description) = &manifest.description {
        whole["description"] = json!(description);
    }
    toml::to_string(&whole).expect("what was read from TOML can be written as TOML")
}
