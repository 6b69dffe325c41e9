use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolcell_sdk::ToolError;

/// Counts the lines, words, characters and bytes of a text exactly. Use it instead of counting yourself, for example to
/// keep to a length limit. Returns the four numbers. Reads nothing but its argument and never fails.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountText {
    /// The text to count in.
    text: String,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Counts {
    /// Lines, separated by line breaks. A last line without a line break counts; an empty text has none.
    lines: usize,
    /// Words, separated by white space.
    words: usize,
    /// Unicode code points, line breaks and spaces included.
    characters: usize,
    /// Bytes in UTF-8.
    bytes: usize,
}

#[expect(clippy::unnecessary_wraps, reason = "every tool returns a Result")]
pub(crate) fn count_text(CountText { text }: CountText) -> Result<Counts, ToolError> {
    Ok(Counts {
        lines: text.lines().count(),
        words: text.split_whitespace().count(),
        characters: text.chars().count(),
        bytes: text.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> (usize, usize, usize, usize) {
        let counts = count_text(CountText { text: text.to_owned() }).unwrap();
        (counts.lines, counts.words, counts.characters, counts.bytes)
    }

    #[test]
    fn lines_words_characters_and_bytes() {
        assert_eq!(count(""), (0, 0, 0, 0));
        assert_eq!(count("one two\nthree"), (2, 3, 13, 13));
        assert_eq!(count("one two\nthree\n"), (2, 3, 14, 14));
        assert_eq!(count("  naïve  café "), (1, 2, 14, 16));
    }
}
