//! Text that a guest or a server wrote, made safe to show: no control characters that forge log lines or terminal output,
//! no bidirectional controls that show one thing and mean another, and no more than fits.

/// The text with its control and bidirectional characters left out, except line feeds and tabs, cut after `limit`
/// characters.
#[must_use]
pub fn shown(text: &str, limit: usize) -> String {
    let mut kept = text.chars().filter(|&c| !is_hidden(c) || c == '\n' || c == '\t');
    let mut shown: String = kept.by_ref().take(limit).collect();
    if kept.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The text on one line, every hidden character escaped: for logs, where what was written matters.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// Control characters (C0, DEL, C1) and the characters that change the direction of text (Unicode UAX #9, section 2).
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
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
}
