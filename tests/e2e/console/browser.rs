//! The status page in a browser.

use std::{env, path::Path};

use serde_json::{Value, json};

use super::{guests, serve};
use crate::chromium;

/// Where this variable is set, the pictures of docs/console.md are written again.
const VARIABLE: &str = "TOOLCELL_WRITE_DOCS";

#[test]
pub fn the_page_in_a_browser() {
    let folder = guests(&[
        ("echo", ""),
        ("fetches", ""),
        ("forms", ""),
        ("panics", ""),
        ("sleeps", "limits.deadline = \"10m\""),
    ]);
    folder.add("logs", "capabilities.network = [\"https://logs.example\"]");
    folder.compile();
    let (mut client, page) = serve(&folder, &[]);
    for number in 0..40 {
        client.call("echo", json!({"message": "hi", "count": number}));
    }
    client.call("panics", json!({"message": "index out of bounds"}));
    client.call("echo", json!({"message": 1}));
    client.call("panics", json!({"message": "<img src=x onerror=\"document.title='markup'\">"}));
    client.call("fetches", json!({"url": "https://elsewhere.example/", "crash": true}));
    let sleeping = client.begin_call("sleeps", json!({"ms": 500_000}));

    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let seen = chromium::look(&page.url, env::var_os(VARIABLE).is_some().then_some(docs.as_path()));
    let list = |name: &str| seen[name].as_array().unwrap_or_else(|| panic!("{name}: {seen:#}")).clone();
    let has = |name: &str, words: &[&str]| {
        let text = seen[name].as_str().unwrap_or_else(|| panic!("{name}: {seen:#}"));
        for word in words {
            assert!(text.contains(word), "no {word:?} in {name}: {text}");
        }
    };

    for nothing in ["errors", "violations", "foreign", "overflows"] {
        assert_eq!(list(nothing), Vec::<Value>::new(), "{nothing}");
    }
    has(
        "failure",
        &[
            "The request to https://elsewhere.example was not sent: the plugin's manifest does not ask for that server.",
            "Likely causes",
            "Check first",
            "Trying the same again will not help.",
            "Memory",
            "no answer",
        ],
    );
    has("underWay", &["sleeps", "local"]);
    has("news", &["sleeps"]);
    assert_eq!(seen["afterCancel"], "Under way", "whoever cancelled goes on from there");
    let answer = client.end(sleeping);
    assert_eq!(answer["result"]["_meta"]["toolcell/error"]["code"], "cancelled", "{answer}");

    has(
        "complaints",
        &["The tool was not run", "is shorter than 2 characters", "99 is greater than the maximum of 10"],
    );
    let invalid = seen["invalid"].to_string();
    assert!(invalid.contains("Name <b>of it</b>") && invalid.contains("[\"size\",\"99 is greater"), "{invalid}");
    has("focused", &["Name <b>of it</b>"]);
    let (words, arguments) =
        seen["answer"].as_str().and_then(|answer| answer.split_once("> ")).unwrap_or_else(|| panic!("{seen:#}"));
    assert_eq!(words, "<img src=x onerror=\"document.title='markup'\"");
    let arguments: Value = serde_json::from_str(arguments).expect("the guest returns its arguments");
    let markup = "<img src=x onerror=\"document.title='markup'\">";
    let expected = json!({
        "name": "An <i>item</i>", "size": 7, "confirmed": true, "order": markup, "tags": ["one"], "filter": {"a": [1]},
    });
    assert_eq!(arguments, expected);
    has("plot", &["Time of the last 2 calls", "1 failed"]);
    has(
        "plugins",
        &["logs", "not served", "Permissions not reviewed.", "toolcell allow logs", "reach https://logs.example"],
    );

    assert_eq!((&seen["images"], &seen["title"]), (&json!(0), &json!("Overview · Toolcell")), "{seen:#}");
    assert_eq!(seen["titleAtTheEnd"], "Plugins · Toolcell", "no text became markup");
    let looked_at = seen["axe"].as_object().expect("what axe found");
    assert!(looked_at.len() >= 7 && seen["rules"].as_u64().is_some_and(|rules| rules > 15), "{seen:#}");
    for (view, found) in looked_at {
        assert_eq!(*found, json!([]), "{view}");
    }
}
