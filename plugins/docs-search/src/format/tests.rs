use serde_json::{Value, json};

use super::*;

fn read_at(url: &str, body: &str) -> Result<Vec<Section>, ToolError> {
    read(&Url::parse(url).unwrap(), body)
}

fn section(url: &str, page: &str, heading: &str, text: &str) -> Section {
    let heading = Some(heading.to_owned()).filter(|heading| !heading.is_empty());
    Section { url: url.to_owned(), page: page.to_owned(), heading, text: text.to_owned() }
}

const MKDOCS: &str = "https://t.example/latest/search/search_index.json?v=1";

/// As `MkDocs` 1.6 writes it.
fn mkdocs() -> Value {
    json!({
        "config": {"indexing": "full", "lang": ["en"], "min_search_length": 3, "separator": "[\\s\\-]+"},
        "docs": [
            {"location": "", "title": "Welcome &amp; hello", "text": "Welcome & hello With Vec<u8> . Install Run it."},
            {"location": "#welcome-hello", "title": "Welcome &amp; hello", "text": "With Vec<u8> ."},
            {"location": "#install", "title": "Install", "text": "Run\nit."},
            {"location": "a:plain/", "title": "Plain", "text": "Without a heading."},
        ],
    })
}

#[test]
fn an_index_of_mkdocs_gives_each_section_once() {
    let expected = [
        section("https://t.example/latest/#welcome-hello", "Welcome & hello", "", "With Vec<u8> ."),
        section("https://t.example/latest/#install", "Welcome & hello", "Install", "Run it."),
        section("https://t.example/latest/a:plain/", "Plain", "", "Without a heading."),
    ];
    assert_eq!(read_at(MKDOCS, &mkdocs().to_string()).unwrap(), expected);
}

#[test]
fn an_index_of_material_is_html_and_has_the_beginning_under_the_page() {
    let index = json!({
        "config": {"lang": ["en"], "separator": "[\\s\\-]+", "pipeline": ["stopWordFilter"]},
        "docs": [
            {"location": "guide/", "title": "Guide", "text": "<p>Of <code>Vec&lt;u8&gt;</code>.</p>"},
            {"location": "guide/#ttl", "title": "The <code>ttl</code> option", "text": "<ul> <li>one</li> </ul> a b"},
            {"location": "other/#lost", "title": "Lost", "text": ""},
        ],
    });
    let expected = [
        section("https://t.example/latest/guide/", "Guide", "", "Of Vec<u8>."),
        section("https://t.example/latest/guide/#ttl", "Guide", "The ttl option", "one a b"),
        section("https://t.example/latest/other/#lost", "Lost", "", ""),
    ];
    assert_eq!(read_at(MKDOCS, &index.to_string()).unwrap(), expected);
}

#[test]
fn an_index_of_mdbook_comes_as_json_as_an_object_and_as_a_string() {
    let index = json!({
        "doc_urls": ["std::ch1.html#ch1", "ch1.html#it's"],
        "index": {
            "documentStore": {"docInfo": {}, "docs": {
                "0": {"id": "0", "title": "Start", "body": "First \\ \"steps\".", "breadcrumbs": "Book » Start"},
                "1": {"id": "1", "title": "It's", "body": "More.", "breadcrumbs": "Book » Start » It's"},
            }, "length": 2, "save": true},
            "index": {"body": {"root": {"df": 0, "docs": {}}}},
        },
        "results_options": {"limit_results": 30},
    })
    .to_string();
    let escaped = index.replace('\\', "\\\\").replace('\'', "\\'");
    let expected = [
        section("https://book.example/v1/std::ch1.html#ch1", "Book", "Start", "First \\ \"steps\"."),
        section("https://book.example/v1/ch1.html#it's", "Start", "It's", "More."),
    ];
    for body in [
        index.clone(),
        format!("Object.assign(window.search, {index});"),
        format!("window.search = Object.assign(window.search, JSON.parse('{escaped}'));\n"),
    ] {
        assert_eq!(read_at("https://book.example/v1/searchindex.js", &body).unwrap(), expected);
    }
}

#[test]
fn a_text_in_markdown_is_divided_at_its_headings() {
    let text = "Ignored.\n\n# Start\nSource: https://docs.example/start\n\nHello\nthere.\n\n## Install ##\n\n```sh\n# not a heading\n```\n\
                ## Other page\nURL: https://docs.example/other\nSource: none\n# Last\nThe end.";
    let expected = [
        section("https://docs.example/start", "Start", "", "Hello there."),
        section("https://docs.example/start", "Start", "Install", "```sh # not a heading ```"),
        section("https://docs.example/other", "Other page", "", "Source: none"),
        section("https://docs.example/other", "Last", "", "The end."),
    ];
    assert_eq!(read_at("https://docs.example/llms-full.txt?token=x", text).unwrap(), expected);
    let alone = [section("https://docs.example/llms-full.txt", "A", "", "b")];
    assert_eq!(read_at("https://docs.example/llms-full.txt?token=x", "\u{feff}# A\nb").unwrap(), alone);
}

#[test]
fn what_cannot_be_searched_is_named() {
    let cases = [
        ("<!doctype html>", "sent a page of HTML, and not a search index"),
        ("Search.setIndex({})", "sent a search index of Sphinx, which has words but no text"),
        ("{\"hits\": []}", "sent JSON without `docs`"),
        ("{\"docs\": [{}]}", "sent JSON that is no search index it knows: missing field `location`"),
        ("{\"docs\": []}", "sent nothing that can be searched"),
        ("no heading", "sent nothing that can be searched"),
        ("", "sent nothing that can be searched"),
    ];
    for (body, message) in cases {
        let error = read_at("https://t.example/?token=secret", body).unwrap_err();
        assert_eq!(error.code, "unsupported_docs");
        assert!(error.message.starts_with(&format!("https://t.example {message}")), "{error}");
        assert!(error.check_first.as_ref().unwrap().contains("DOCS_URL"), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}
