//! `search/search_index.json`, as `MkDocs` and its theme Material write it.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use url::Url;

use super::Section;
use crate::html;

#[derive(Default, Deserialize)]
pub(super) struct Config {
    /// Only Material's search has it, and only Material's texts are HTML.
    pipeline: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(super) struct Document {
    /// Relative to the site; what is after `#` names a section of the page.
    location: String,
    /// HTML.
    title: String,
    text: String,
}

pub(super) fn sections(index: &Url, config: &Config, documents: Vec<Document>) -> Vec<Section> {
    let is_material = config.pipeline.is_some();
    let pages: HashMap<String, String> = documents
        .iter()
        .filter(|document| !document.location.contains('#'))
        .map(|document| (document.location.clone(), html::to_text(&document.title)))
        .collect();
    let divided: HashSet<String> = documents
        .iter()
        .filter_map(|document| document.location.split_once('#'))
        .map(|(page, _)| page.to_owned())
        .collect();
    let to_section = |Document { location, title, text }: Document| {
        let (page, anchor) = location.split_once('#').map_or((location.as_str(), None), |(page, id)| (page, Some(id)));
        // MkDocs has the text of a divided page twice: under the page and under its sections.
        if anchor.is_none() && !is_material && divided.contains(page) {
            return None;
        }
        let title = html::to_text(&title);
        let page = pages.get(page).cloned().unwrap_or_else(|| title.clone());
        Some(Section {
            // The index is in the folder `search` of the site.
            url: index.join(&format!("../{location}")).ok()?.into(),
            heading: (anchor.is_some() && title != page).then_some(title),
            page,
            text: if is_material { html::to_text(&text) } else { html::one_line(&text) },
        })
    };
    documents.into_iter().filter_map(to_section).collect()
}
