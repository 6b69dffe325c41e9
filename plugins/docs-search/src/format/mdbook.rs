//! `searchindex.js` or `searchindex.json`, as `mdBook` writes them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::Section;
use crate::html;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    document_store: DocumentStore,
}

#[derive(Deserialize)]
struct DocumentStore {
    /// By number, in decimal.
    docs: BTreeMap<String, Document>,
}

#[derive(Deserialize)]
struct Document {
    title: String,
    body: String,
    /// The titles on the way to the section, the section included, with ` » ` in between.
    breadcrumbs: String,
}

/// The JSON in the script, which is an object or, in newer versions, a string with single quotes.
pub(super) fn json_in_script(script: &str) -> Option<Cow<'_, str>> {
    let call =
        script.strip_prefix("window.search = ").unwrap_or(script).strip_prefix("Object.assign(window.search, ")?;
    let argument = call.trim_end_matches(';').strip_suffix(')')?;
    match argument.strip_prefix("JSON.parse('").and_then(|text| text.strip_suffix("')")) {
        Some(text) => Some(Cow::Owned(unescape(text))),
        None => argument.starts_with('{').then_some(Cow::Borrowed(argument)),
    }
}

/// What a literal of JavaScript says in which only backslashes and quotes are escaped.
fn unescape(literal: &str) -> String {
    let mut text = String::with_capacity(literal.len());
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        text.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    text
}

pub(super) fn sections(index: &Url, urls: &[String], Index { document_store }: Index) -> Vec<Section> {
    let to_section = |(number, Document { title, body, breadcrumbs }): (String, Document)| {
        let location = urls.get(number.parse::<usize>().ok()?)?;
        let way = breadcrumbs.strip_suffix(&title).map_or(breadcrumbs.as_str(), |way| way.trim_end_matches(" » "));
        let page = way.rsplit(" » ").next().filter(|page| !page.is_empty()).unwrap_or(&title).to_owned();
        Some(Section {
            // A name may have a colon, which is no scheme.
            url: index.join(&format!("./{location}")).ok()?.into(),
            heading: (title != page).then_some(title),
            page,
            text: html::one_line(&body),
        })
    };
    document_store.docs.into_iter().filter_map(to_section).collect()
}
