//! The plugins that ship, as their committed lock file allows them, driven by somebody else's client in both eras.

use std::{collections::HashMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{clients::command, folder::Folder, peers, upstream::Upstream};

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins");

/// The plugins with their lock file, in which those that may reach any server are granted one.
fn folder() -> Folder {
    let folder = Folder::new(&[]);
    for (name, component) in toolcell_test_guests::plugins::ALL {
        let name = &name.replace('_', "-");
        let manifest = read(&format!("{name}/plugin.toml"));
        folder.add_built(name, &manifest, &fs::read(component).expect("it is built"));
    }
    let granted = |lock: String, plugin: &str, server: &str| {
        let entry = format!("[plugins.{plugin}]\n");
        assert!(lock.contains(&entry), "{plugin} has an entry");
        lock.replace(&entry, &format!("{entry}network = [\"{server}\"]\n"))
    };
    let lock = granted(read("toolcell.lock"), "fetch", "https://example.com");
    folder.write("plugins/toolcell.lock", &granted(lock, "docs-search", "https://docs.example.com"));
    folder.write("docs.env", "DOCS_URL=https://docs.example.com/search/search_index.json\n");
    folder
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(PLUGINS).join(path)).expect("it ships")
}

/// One of the examples that a plugin is tested with: a call, what servers answer, and what comes of it.
fn example(path: &str) -> Value {
    serde_json::from_str(&read(path)).expect("an example is JSON")
}

/// A server that answers what the examples say that their servers do, and nothing else.
fn api(examples: &[Value]) -> Upstream {
    let exchanges = examples.iter().filter_map(|example| example["upstream"].as_array()).flatten();
    let answers: HashMap<String, (&str, Vec<u8>)> = exchanges
        .map(|exchange| {
            let url = exchange["url"].as_str().expect("an exchange has a URL");
            let path = url.splitn(4, '/').nth(3).expect("a URL has a path");
            let answer = match &exchange["body"] {
                Value::String(text) => ("application/atom+xml", text.clone().into_bytes()),
                json => ("application/json", json.to_string().into_bytes()),
            };
            (format!("GET /{path} HTTP/1.1"), answer)
        })
        .collect();
    Upstream::answering(move |request| {
        answers.get(request).cloned().unwrap_or_else(|| panic!("nobody expects {request}"))
    })
}

/// Whether a value has all that an example expects of it: more members in objects than it names are no difference.
fn has(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(value), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| value.get(name).is_some_and(|value| has(value, expected)))
        }
        (Value::Array(value), Value::Array(expected)) => {
            value.len() == expected.len() && value.iter().zip(expected).all(|(value, expected)| has(value, expected))
        }
        _ => value == expected,
    }
}

/// The tools that need no database; `replica` has the others.
#[test]
fn every_tool_answers_in_both_eras() {
    let examples = [
        "text/examples/count",
        "text/examples/diff",
        "text/examples/query",
        "hn-search/examples/search",
        "docs-search/examples/search",
        "content-opportunity/examples/find",
        "content-opportunity/examples/subreddit",
        "content-opportunity/examples/rank",
    ]
    .map(|path| example(&format!("{path}.json")));
    let api = api(&examples);
    let site = Upstream::answering(|_| ("text/html", b"<main><h1>Cells</h1><p>One for each call.</p></main>".to_vec()));
    let substitutes = [
        ("https://hn.algolia.com", &api),
        ("https://www.reddit.com", &api),
        ("https://docs.example.com", &api),
        ("https://example.com", &site),
    ]
    .map(|(original, substitute)| format!("--upstream={original}={}", substitute.url("")));

    let folder = folder();
    // Compiles what `toolcell build` would have: a client that waits for long takes the server for one of the older era.
    assert!(folder.toolcell().args(["list", "--locked"]).output().expect("it runs").status.success());
    let call = |tool: &str, arguments: Value| json!({"do": "call", "tool": tool, "arguments": arguments});
    let mut steps = vec![json!({"do": "list"})];
    steps.extend(
        examples.iter().map(|example| {
            call(example["tool"].as_str().expect("an example has a tool"), example["arguments"].clone())
        }),
    );
    steps.extend([
        call("fetch_page", json!({"url": "https://example.com/"})),
        call("fetch_page", json!({"url": "https://elsewhere.example/secret"})),
        call("search_hn", json!({"query": "rust", "limit": "many"})),
    ]);
    for era in ["auto", "legacy"] {
        let environment = format!("--env-file={}", folder.plugins().with_file_name("docs.env").display());
        let options: Vec<_> = [&environment].into_iter().chain(&substitutes).map(String::as_str).collect();
        let answers = peers::python(&json!({"command": command(&folder, &options), "era": era, "steps": steps}));
        let ([connection, list], answers) = answers.split_first_chunk().expect("a connection and a list");
        let (answers, [page, denied, bad]) = answers.split_last_chunk().expect("three calls by hand");
        let version = if era == "auto" { "2026-07-28" } else { "2025-11-25" };
        assert_eq!(connection["version"], version);
        let tools = list["tools"].as_array().expect("a list");
        let names: Vec<_> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert_eq!(
            names,
            [
                "count_text",
                "describe_tables",
                "diff_text",
                "fetch_page",
                "find_opportunities",
                "query_json",
                "query_replica",
                "rank_opportunities",
                "search_docs",
                "search_hn",
                "search_subreddit"
            ]
        );

        assert_eq!(answers.len(), examples.len());
        for (answer, example) in answers.iter().zip(&examples) {
            let (answer, expected) = (&answer["result"]["structuredContent"], &example["expect"]["structured"]);
            assert!(has(answer, expected), "{era}: {answer:#} instead of {expected:#}");
        }
        assert_eq!(page["result"]["structuredContent"]["content"], "# Cells\n\nOne for each call.", "{page}");
        let error = |answer: &Value| answer["result"]["_meta"]["toolcell/error"].clone();
        assert_eq!(error(denied)["code"], "denied_network", "{denied}");
        assert!(!denied.to_string().contains("/secret"), "{denied}");
        assert_eq!(error(bad)["code"], "invalid_arguments", "{bad}");
        assert_eq!(error(bad)["mismatches"][0]["pointer"], "/limit", "{bad}");
    }
}
