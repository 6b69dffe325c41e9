//! The plugins that ship, as their committed lock file allows them, driven by somebody else's client in both eras.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{clients::command, folder::Folder, peers, upstream::Upstream};

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins");

/// The plugins with their lock file, in which `fetch` is granted one server.
fn folder() -> Folder {
    let folder = Folder::new(&[]);
    for (name, component) in toolcell_test_guests::plugins::ALL {
        let name = &name.replace('_', "-");
        let manifest = read(&format!("{name}/plugin.toml"));
        folder.add_built(name, &manifest, &fs::read(component).expect("it is built"));
    }
    let lock = read("toolcell.lock");
    let granted = lock.replace("[plugins.fetch]\n", "[plugins.fetch]\nnetwork = [\"https://example.com\"]\n");
    folder.write("plugins/toolcell.lock", &granted);
    folder
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(PLUGINS).join(path)).expect("it ships")
}

/// One of the examples that a plugin is tested with: a call, what servers answer, and what comes of it.
fn example(path: &str) -> Value {
    serde_json::from_str(&read(path)).expect("an example is JSON")
}

/// A server that answers what the example says the API does, and nothing else.
fn api(example: &Value) -> Upstream {
    let exchange = example["upstream"][0].clone();
    Upstream::answering(move |request| {
        let url = exchange["url"].as_str().expect("an exchange has a URL");
        let path = url.strip_prefix("https://hn.algolia.com").expect("the API");
        assert_eq!(request, format!("GET {path} HTTP/1.1"));
        ("application/json", exchange["body"].to_string().into_bytes())
    })
}

#[test]
fn every_tool_answers_in_both_eras() {
    let texts = ["count", "diff", "query"].map(|name| example(&format!("text/examples/{name}.json")));
    let search = example("hn-search/examples/search.json");
    let hacker_news = api(&search);
    let site = Upstream::answering(|_| ("text/html", b"<main><h1>Cells</h1><p>One for each call.</p></main>".to_vec()));
    let substitutes = [("https://hn.algolia.com", &hacker_news), ("https://example.com", &site)]
        .map(|(original, substitute)| format!("--upstream={original}={}", substitute.url("")));

    let folder = folder();
    // Compiles what `toolcell build` would have: a client that waits for long takes the server for one of the older era.
    assert!(folder.toolcell().args(["list", "--locked"]).output().expect("it runs").status.success());
    let call = |tool: &str, arguments: Value| json!({"do": "call", "tool": tool, "arguments": arguments});
    let mut steps = vec![json!({"do": "list"})];
    steps.extend(
        texts.iter().chain([&search]).map(|example| {
            call(example["tool"].as_str().expect("an example has a tool"), example["arguments"].clone())
        }),
    );
    steps.extend([
        call("fetch_page", json!({"url": "https://example.com/"})),
        call("fetch_page", json!({"url": "https://elsewhere.example/secret"})),
        call("search_hn", json!({"query": "rust", "limit": "many"})),
    ]);
    for era in ["auto", "legacy"] {
        let options: Vec<_> = substitutes.iter().map(String::as_str).collect();
        let answers = peers::python(&json!({"command": command(&folder, &options), "era": era, "steps": steps}));
        let [connection, list, count, diff, query, found, page, denied, bad] = answers.as_slice() else {
            panic!("{answers:#?}")
        };
        let version = if era == "auto" { "2026-07-28" } else { "2025-11-25" };
        assert_eq!(connection["version"], version);
        let tools = list["tools"].as_array().expect("a list");
        let names: Vec<_> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert_eq!(names, ["count_text", "diff_text", "fetch_page", "query_json", "search_hn"]);

        for (answer, example) in [count, diff, query, found].into_iter().zip(texts.iter().chain([&search])) {
            let (answer, expected) = (&answer["result"]["structuredContent"], &example["expect"]["structured"]);
            assert_eq!(answer, expected, "{era}");
        }
        assert_eq!(page["result"]["structuredContent"]["content"], "# Cells\n\nOne for each call.", "{page}");
        let error = |answer: &Value| answer["result"]["_meta"]["toolcell/error"].clone();
        assert_eq!(error(denied)["code"], "denied_network", "{denied}");
        assert!(!denied.to_string().contains("/secret"), "{denied}");
        assert_eq!(error(bad)["code"], "invalid_arguments", "{bad}");
        assert_eq!(error(bad)["mismatches"][0]["pointer"], "/limit", "{bad}");
    }
}
