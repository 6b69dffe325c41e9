//! The forms in which sites publish their texts, told apart by what comes.

mod markdown;
mod mdbook;
mod mkdocs;

use serde::Deserialize;
use toolcell_sdk::ToolError;
use url::Url;

/// A page of the documentation, or a section of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// Absolute.
    pub(crate) url: String,
    /// The title of the page.
    pub(crate) page: String,
    /// The title of the section, unless it is the whole page or its beginning.
    pub(crate) heading: Option<String>,
    /// Plain text on one line.
    pub(crate) text: String,
}

/// The sections of the documentation whose search index, or whose whole text, is at `url`.
pub(crate) fn read(url: &Url, body: &str) -> Result<Vec<Section>, ToolError> {
    let body = body.trim_start_matches('\u{feff}').trim();
    let sections = if body.starts_with('{') {
        json(url, body)?
    } else if let Some(json) = mdbook::json_in_script(body) {
        self::json(url, &json)?
    } else if body.starts_with("Search.setIndex(") {
        return Err(unsupported(url, "a search index of Sphinx, which has words but no text")
            .cause("Sphinx leaves the texts in the pages, where its search fetches them one by one"));
    } else if body.starts_with('<') {
        return Err(unsupported(url, "a page of HTML, and not a search index")
            .cause("the server shows a login page or an error"));
    } else {
        markdown::sections(url, body)
    };
    if sections.is_empty() {
        return Err(unsupported(url, "nothing that can be searched: no section with a title")
            .cause("the site was built without search"));
    }
    Ok(sections)
}

/// What the indexes of `MkDocs` and `mdBook` have, as far as it is needed. The rest is skipped as it is read.
#[derive(Deserialize)]
struct Json {
    #[serde(default)]
    config: mkdocs::Config,
    docs: Option<Vec<mkdocs::Document>>,
    doc_urls: Option<Vec<String>>,
    index: Option<mdbook::Index>,
}

fn json(url: &Url, text: &str) -> Result<Vec<Section>, ToolError> {
    let json: Json = serde_json::from_str(text)
        .map_err(|error| unsupported(url, &format!("JSON that is no search index it knows: {error}")))?;
    match json {
        Json { config, docs: Some(docs), .. } => Ok(mkdocs::sections(url, &config, docs)),
        Json { doc_urls: Some(urls), index: Some(index), .. } => Ok(mdbook::sections(url, &urls, index)),
        _ => Err(unsupported(url, "JSON without `docs`, as MkDocs has it, and without `doc_urls`, as mdBook has it")),
    }
}

fn unsupported(url: &Url, what: &str) -> ToolError {
    let server = url.origin().ascii_serialization();
    ToolError::new("unsupported_docs", format!("{server} sent {what}"))
        .cause("DOCS_URL is the address of the site, or of something else, and not of its search index")
        .check_first(
            "A person sets DOCS_URL to the site's search/search_index.json (MkDocs, Material), searchindex.js (mdBook) or \
             llms-full.txt.",
        )
}

/// The address without what is for the server alone, and may be secret.
fn without_query(mut url: Url) -> String {
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests;
