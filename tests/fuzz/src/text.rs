//! Files that people write.

use toolcell::source::SourceError;

/// The input as text, where it is one.
pub(crate) fn of(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// An error points into the text that it is about and says something.
///
/// # Panics
///
/// When it does not.
pub(crate) fn check_error(error: &SourceError, text: &str) {
    assert!(!error.message.is_empty());
    if let Some((line, column)) = error.position {
        let lines: Vec<&str> = text.split('\n').collect();
        assert!((1..=lines.len()).contains(&line), "{error}");
        assert!((1..=lines[line - 1].chars().count() + 1).contains(&column), "{error}");
    }
}
