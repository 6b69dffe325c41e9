/// The text of a piece of HTML, on one line: without tags, with the characters that entities stand for.
///
/// The HTML is what generators of documentation put into their search indexes: no scripts, no comments.
pub(crate) fn to_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        if let Some(end) = rest.find('>').filter(|_| is_tag) {
            if !is_inline(&rest[1..end]) {
                text.push(' ');
            }
            rest = &rest[end + 1..];
        } else {
            text.push('<');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    one_line(&html_escape::decode_html_entities(&text))
}

/// The text with each run of white space as one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Whether a tag can stand inside a word.
fn is_inline(tag: &str) -> bool {
    let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(tag);
    matches!(
        name,
        "a" | "abbr" | "b" | "code" | "em" | "i" | "kbd" | "mark" | "s" | "span" | "strong" | "sub" | "sup" | "wbr"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_entities_become_characters() {
        assert_eq!(to_text("<p>Intro with <code>Vec&lt;u8&gt;</code>s.</p>"), "Intro with Vec<u8>s.");
        assert_eq!(to_text("<ul> <li>one</li><li>two</li> </ul>"), "one two");
        assert_eq!(to_text("AT&amp;T &uuml;ber &#39;x&#39; &nosuch;"), "AT&T über 'x' &nosuch;");
    }

    #[test]
    fn what_is_no_tag_stays() {
        assert_eq!(to_text("A < B, 1<2 and a <"), "A < B, 1<2 and a <");
        assert_eq!(to_text("<p>cut <b"), "cut <b");
    }
}
