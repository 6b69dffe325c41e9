//! Characters that make a text read differently from what it is.

/// The first character that a person cannot see, or that rearranges what they see: control characters (line feed and tab
/// excepted), bidirectional controls, zero-width and filler characters, tags and variation selectors (those that choose
/// between text and emoji excepted). Such characters hide instructions from the person who reviews a description
/// (Unicode Technical Report 36, section 2; CVE-2021-42574).
#[must_use]
pub fn hidden_character(text: &str) -> Option<char> {
    text.chars().find(|c| is_hidden(*c))
}

fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        _ if c.is_control() => true,
        '\u{ad}'                      // soft hyphen
        | '\u{34f}'                   // combining grapheme joiner
        | '\u{61c}'                   // Arabic letter mark
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'     // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'     // Mongolian selectors
        | '\u{200b}'..='\u{200f}'     // zero-width characters and direction marks
        | '\u{2028}'..='\u{202e}'     // line and paragraph separators, bidirectional embeddings
        | '\u{2060}'..='\u{206f}'     // invisible operators, bidirectional isolates
        | '\u{2800}'                  // blank Braille pattern
        | '\u{fe00}'..='\u{fe0d}'     // variation selectors
        | '\u{feff}'                  // byte order mark
        | '\u{fff0}'..='\u{fffb}'     // interlinear annotation
        | '\u{1bca0}'..='\u{1bca3}'   // shorthand format controls
        | '\u{1d173}'..='\u{1d17a}'   // musical format controls
        | '\u{e0000}'..='\u{e0fff}'   // tags, more variation selectors
        => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
