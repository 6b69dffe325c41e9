//! The whole documentation as one text in markdown, such as `llms-full.txt`.

use url::Url;

use super::{Section, without_query};

/// The sections under the headings of a text. Where a line `Source: https://...` or `URL: https://...` follows a heading,
/// what comes up to the next such line is from that page; otherwise the address is that of the text itself.
pub(super) fn sections(url: &Url, text: &str) -> Vec<Section> {
    let mut address = without_query(url.clone());
    let mut page = String::new();
    let mut sections: Vec<Section> = vec![];
    let mut fence = None;
    for line in text.lines() {
        let line = line.trim();
        match (fence, fence_of(line)) {
            (None, Some(opens)) => fence = Some(opens),
            (Some(opened), Some(closes)) if opened == closes => fence = None,
            (None, None) => {
                if let Some((level, title)) = heading(line) {
                    if level == 1 || page.is_empty() {
                        title.clone_into(&mut page);
                    }
                    let heading = (title != page).then(|| title.to_owned());
                    sections.push(Section { url: address.clone(), page: page.clone(), heading, text: String::new() });
                    continue;
                }
                if let Some(source) = source(line) {
                    address = source;
                    if let Some(section) = sections.last_mut().filter(|section| section.text.is_empty()) {
                        // A page begins with the heading before this line, whatever its level.
                        if let Some(title) = section.heading.take() {
                            page.clone_from(&title);
                            section.page = title;
                        }
                        section.url.clone_from(&address);
                    }
                    continue;
                }
            }
            _ => {}
        }
        let Some(section) = sections.last_mut() else { continue };
        for word in line.split_whitespace() {
            if !section.text.is_empty() {
                section.text.push(' ');
            }
            section.text.push_str(word);
        }
    }
    sections
}

/// The character of a code fence, which only the same one ends.
fn fence_of(line: &str) -> Option<char> {
    ['`', '~'].into_iter().find(|fence| line.chars().take_while(|c| c == fence).count() >= 3)
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let title = line[level..].strip_prefix(' ')?.trim().trim_end_matches('#').trim_end();
    ((1..=6).contains(&level) && !title.is_empty()).then_some((level, title))
}

fn source(line: &str) -> Option<String> {
    let (name, address) = line.split_once(':')?;
    if !name.eq_ignore_ascii_case("source") && !name.eq_ignore_ascii_case("url") {
        return None;
    }
    let address = Url::parse(address.trim()).ok()?;
    matches!(address.scheme(), "https" | "http").then(|| address.into())
}
