//! Text that a guest or a server wrote: made safe to show, with no more than fits, and checked before a person reviews it.

/// The text without active characters (see [`is_active`]), except line feeds and tabs, cut after `limit` characters.
#[must_use]
pub fn shown(text: &str, limit: usize) -> String {
    let mut kept = text.chars().filter(|&c| !is_active(c) || c == '\n' || c == '\t');
    let mut shown: String = kept.by_ref().take(limit).collect();
    if kept.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The text on one line, every active character escaped: for logs, where what was written matters.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_active(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// The text as one word of a POSIX shell.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A name as words for people: `search_hn` as `Search hn`.
#[must_use]
pub fn title_of(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether a character forges lines of a log, steers a terminal or changes the direction of the text around it. What a
/// guest writes is never shown with it.
#[must_use]
pub fn is_active(c: char) -> bool {
    hidden(c) == Some(Hidden::Active)
}

/// The first character that a person cannot see, or that rearranges what they see, line feeds and tabs excepted. Such
/// characters hide instructions from the person who reviews a text (Unicode Technical Report 36, section 2;
/// CVE-2021-42574).
#[must_use]
pub fn hidden_character(text: &str) -> Option<char> {
    text.chars().find(|&c| c != '\n' && c != '\t' && hidden(c).is_some())
}

/// Why a person does not see a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// It does something instead: control characters, and those that change direction (Unicode UAX #9, section 2).
    Active,
    /// It takes no room. Some scripts and emoji are made with these, so they are shown as they are.
    Unseen,
}

fn hidden(c: char) -> Option<Hidden> {
    match c {
        // Most of all text, and all of each line of the audit log: worth not comparing with everything below.
        ' '..='~' => None,
        _ if c.is_control() => Some(Hidden::Active),
        '\u{61c}'                      // Arabic letter mark
        | '\u{200e}' | '\u{200f}'      // direction marks
        | '\u{202a}'..='\u{202e}'      // bidirectional embeddings and overrides
        | '\u{2066}'..='\u{2069}'      // bidirectional isolates
        => Some(Hidden::Active),
        '\u{ad}'                       // soft hyphen
        | '\u{34f}'                    // combining grapheme joiner
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'      // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'      // Mongolian selectors
        | '\u{200b}'..='\u{200d}'      // zero-width characters
        | '\u{2028}' | '\u{2029}'      // line and paragraph separators
        | '\u{2060}'..='\u{206f}'      // invisible operators
        | '\u{2800}'                   // blank Braille pattern
        | '\u{fe00}'..='\u{fe0d}'      // variation selectors, less those between text and emoji
        | '\u{feff}'                   // byte order mark
        | '\u{fff0}'..='\u{fffb}'      // interlinear annotation
        | '\u{1bca0}'..='\u{1bca3}'    // shorthand format controls
        | '\u{1d173}'..='\u{1d17a}'    // musical format controls
        | '\u{e0000}'..='\u{e0fff}'    // tags, more variation selectors
        => Some(Hidden::Unseen),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_not_shown() {
        assert_eq!(shown("a\u{1b}[31mb\u{202e}c\nd", 100), "a[31mbc\nd");
        assert_eq!(shown("abcdef", 3), "abc…");
        assert_eq!(shown("abc", 3), "abc");
    }

    #[test]
    fn a_log_line_cannot_be_forged() {
        assert_eq!(one_line("ok\n2026 ERROR forged\u{9b}"), "ok\\n2026 ERROR forged\\u{9b}");
    }

    #[test]
    fn plain_text_passes() {
        for text in ["", "Search stories.\n\tThen read.", "Grüße, 世界, שלום, ⚠\u{fe0f}"] {
            assert_eq!(hidden_character(text), None, "{text:?}");
        }
    }

    #[test]
    fn hidden_characters_are_found() {
        for c in [
            '\0',
            '\u{1b}',
            '\r',
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{3164}',
            '\u{fe00}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert_eq!(hidden_character(&format!("a{c}b")), Some(c));
        }
    }
}
