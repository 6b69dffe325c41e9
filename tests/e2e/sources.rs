//! The plugins that read public sources, in the real host: how old their answers are, and what is left when a source is down.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use toolcell_test_guests::plugins;

use crate::{client::Client, folder::Folder, upstream::Upstream};

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins");

/// A folder with one of the plugins, granted all that this manifest asks for.
fn folder(name: &str, component: &str, change: impl FnOnce(String) -> String) -> Folder {
    let folder = Folder::new(&[]);
    let manifest = fs::read_to_string(Path::new(PLUGINS).join(name).join("plugin.toml")).expect("it ships");
    folder.add_built(name, &change(manifest), &fs::read(component).expect("it is built"));
    folder.lock();
    folder
}

/// A site whose only page has a title that changes.
struct Site {
    title: Arc<Mutex<&'static str>>,
    server: Upstream,
}

impl Site {
    fn new() -> Self {
        let title = Arc::new(Mutex::new("First page"));
        let now = Arc::clone(&title);
        let server = Upstream::answering(move |_| {
            let title = *now.lock().unwrap_or_else(PoisonError::into_inner);
            let documents = json!([{"location": "page/", "title": title, "text": "Some text."}]);
            ("application/json", json!({"config": {"indexing": "full"}, "docs": documents}).to_string().into_bytes())
        });
        Self { title, server }
    }

    fn update(&self, title: &'static str) {
        *self.title.lock().unwrap_or_else(PoisonError::into_inner) = title;
    }

    /// Serves the plugin with this site for the server that it is granted.
    fn serve(&self, without_cache: bool) -> (Folder, Client) {
        let folder = folder("docs-search", plugins::DOCS_SEARCH, |manifest| {
            let granted = manifest.replace("https://*", "https://docs.example.com");
            let end = if without_cache { granted.find("[capabilities.cache]") } else { None };
            granted[..end.unwrap_or(granted.len())].to_owned()
        });
        folder.write("docs.env", "DOCS_URL=https://docs.example.com/search/search_index.json\n");
        let upstream = format!("--upstream=https://docs.example.com={}", self.server.url(""));
        let client = folder.serve_with(&["--locked", "--env-file", "docs.env", &upstream]);
        (folder, client)
    }
}

/// The title that is found, and where it came from.
fn found(client: &mut Client, max_age_seconds: u32) -> (String, String) {
    let result = client.call("search_docs", json!({"words": "page", "max_age_seconds": max_age_seconds}));
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{result}")).to_owned();
    let structured = &result["structuredContent"];
    (text(&structured["results"][0]["title"]), text(&structured["answered_from"]))
}

fn answer(title: &str, origin: &str) -> (String, String) {
    (title.to_owned(), origin.to_owned())
}

#[test]
fn an_update_of_the_documentation_is_seen_once_the_age_is_reached() {
    let site = Site::new();
    let (_folder, mut client) = site.serve(false);
    assert_eq!(found(&mut client, 600), answer("First page", "server"));
    site.update("Second page");
    assert_eq!(found(&mut client, 600), answer("First page", "cache"));
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(found(&mut client, 1), answer("Second page", "server"));
    assert_eq!(found(&mut client, 600), answer("Second page", "cache"));
    assert_eq!(site.server.requests(), ["GET /search/search_index.json HTTP/1.1"; 2]);
}

#[test]
fn without_a_cache_every_search_asks_the_site() {
    let site = Site::new();
    let (_folder, mut client) = site.serve(true);
    assert_eq!(found(&mut client, 600), answer("First page", "server"));
    site.update("Second page");
    assert_eq!(found(&mut client, 600), answer("Second page", "server"));
}

#[test]
fn one_source_that_is_down_is_named_beside_what_the_other_has() {
    let hacker_news = Upstream::answering(|_| {
        let story = json!({
            "objectID": "1", "title": "How to run wasm", "author": "alice", "points": 100, "num_comments": 50,
            "created_at_i": 1_774_353_600,
        });
        ("application/json", json!({"hits": [story]}).to_string().into_bytes())
    });
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let folder = folder("content-opportunity", plugins::CONTENT_OPPORTUNITY, |manifest| manifest);
    let mut client = folder.serve_with(&[
        "--locked",
        &format!("--upstream=https://hn.algolia.com={}", hacker_news.url("")),
        &format!("--upstream=https://www.reddit.com=http://{closed}"),
    ]);
    let result = client.call("find_opportunities", json!({"topic": "wasm", "date_range": "all"}));
    let structured = &result["structuredContent"];
    assert_eq!(structured["opportunities"][0]["title"], "How to run wasm", "{result}");
    let reddit = &structured["sources"][1];
    assert_eq!((&reddit["status"], &reddit["error"]["code"]), (&json!("failed"), &json!("upstream_unreachable")));
    assert!(reddit["error"]["message"].to_string().contains("www.reddit.com"), "{reddit}");
}
