use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use schemars::JsonSchema;
use serde::Serialize;
use toolcell_sdk::ToolError;
use toolcell_sdk::http::Response;
use url::Url;

/// How much of an HTML page may pass before it names its encoding: the HTML standard, "prescan a byte stream".
const PRESCAN_BYTES: usize = 1024;

/// How the text of a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Markdown,
    Text,
}

/// The body of an answer as text.
pub(crate) struct Document {
    /// The media type without parameters, in lower case.
    pub(crate) content_type: String,
    /// `Markdown` when `text` is HTML that markdown can be made from.
    pub(crate) format: Format,
    pub(crate) text: String,
}

/// Reads the body as text, in the encoding that the server or the page names.
pub(crate) fn read(url: &Url, response: &Response) -> Result<Document, ToolError> {
    let server = url.origin().ascii_serialization();
    if let Some(encoding) = response.header("content-encoding").filter(|encoding| *encoding != "identity") {
        return Err(ToolError::new("unsupported_content", format!("{server} sent a body compressed by `{encoding}`"))
            .cause("the server compresses although the request asks it not to")
            .check_first("Find another address for the page."));
    }
    let header = response.header("content-type").unwrap_or("text/plain");
    let content_type = header.split(';').next().unwrap_or(header).trim().to_ascii_lowercase();
    let Some(format) = format_of(&content_type) else {
        let size = response.body.len();
        return Err(ToolError::new(
            "unsupported_content",
            format!("{server} sent `{content_type}` ({size} bytes), not text"),
        )
        .cause("the address leads to an image, a PDF, a download or the like")
        .check_first("Find a page that says the same as text or HTML."));
    };
    let declared = charset(header).or_else(|| (format == Format::Markdown).then(|| prescan(&response.body)).flatten());
    Ok(Document { content_type, format, text: decode(&response.body, declared) })
}

fn format_of(content_type: &str) -> Option<Format> {
    match content_type {
        "text/html" | "application/xhtml+xml" => Some(Format::Markdown),
        "application/json"
        | "application/xml"
        | "application/javascript"
        | "application/x-ndjson"
        | "application/yaml"
        | "application/toml" => Some(Format::Text),
        other if other.starts_with("text/") || other.ends_with("+json") || other.ends_with("+xml") => {
            Some(Format::Text)
        }
        _ => None,
    }
}

/// The encoding after `charset=`, in a header or in a `meta` element.
fn charset(text: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let (_, after) = lower.split_once("charset=")?;
    let label = after.trim_start_matches(['"', '\'']).split(['"', '\'', ';', '>', '/', ' ']).next()?;
    Encoding::for_label(label.as_bytes())
}

fn prescan(body: &[u8]) -> Option<&'static Encoding> {
    charset(&String::from_utf8_lossy(&body[..body.len().min(PRESCAN_BYTES)]))
}

/// A byte order mark counts first, then what was declared. Otherwise it is UTF-8, or what the web took before it.
fn decode(body: &[u8], declared: Option<&'static Encoding>) -> String {
    let (text, _, had_errors) = declared.unwrap_or(UTF_8).decode(body);
    if had_errors && declared.is_none() {
        return WINDOWS_1252.decode(body).0.into_owned();
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use toolcell_sdk::{http, testing};

    use super::*;

    const URL: &str = "https://example.com/";

    fn read_as(content_type: &str, body: &[u8]) -> Result<Document, ToolError> {
        let _http =
            testing::http().answer("GET", URL, 200, body.to_vec()).header("content-type", content_type).install();
        read(&Url::parse(URL).unwrap(), &http::get(URL).send().unwrap())
    }

    #[test]
    fn html_is_for_markdown_and_other_text_is_text() {
        let cases = [
            ("text/html; charset=utf-8", Format::Markdown),
            ("application/xhtml+xml", Format::Markdown),
            ("Text/Plain", Format::Text),
            ("text/markdown", Format::Text),
            ("application/json", Format::Text),
            ("application/feed+json", Format::Text),
            ("application/rss+xml", Format::Text),
        ];
        for (content_type, format) in cases {
            assert_eq!(read_as(content_type, b"x").unwrap().format, format, "{content_type}");
        }
        assert_eq!(read_as("Text/HTML ; charset=utf-8", b"").unwrap().content_type, "text/html");
    }

    #[test]
    fn what_is_not_text_is_refused_by_name_and_size() {
        for content_type in ["application/pdf", "image/png", "application/octet-stream"] {
            let error = read_as(content_type, b"1234").err().unwrap();
            assert_eq!(error.code, "unsupported_content");
            assert_eq!(error.message, format!("https://example.com sent `{content_type}` (4 bytes), not text"));
        }
    }

    #[test]
    fn a_compressed_body_is_refused() {
        let _http = testing::http().answer("GET", URL, 200, vec![31, 139]).header("content-encoding", "gzip").install();
        let error = read(&Url::parse(URL).unwrap(), &http::get(URL).send().unwrap()).err().unwrap();
        assert!(error.message.contains("compressed by `gzip`"), "{error}");
    }

    #[test]
    fn the_encoding_is_the_declared_one() {
        let text = |content_type, body| read_as(content_type, body).unwrap().text;
        assert_eq!(text("text/plain; charset=\"ISO-8859-1\"", b"caf\xe9"), "café");
        assert_eq!(text("text/html", b"<meta charset=shift_jis>\x83\x65"), "<meta charset=shift_jis>テ");
        assert_eq!(text("text/plain", "\u{feff}é".as_bytes()), "é");
        assert_eq!(text("text/plain", "é".as_bytes()), "é");
        assert_eq!(text("text/plain", b"caf\xe9"), "café");
        assert_eq!(text("text/plain; charset=utf-8", b"caf\xe9"), "caf\u{fffd}");
        assert_eq!(text("text/plain; charset=unheard-of", "é".as_bytes()), "é");
    }
}
