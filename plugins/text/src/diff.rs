use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};
use toolcell_sdk::ToolError;

/// How long the search for the shortest diff may take. After it the diff is still right, but may be longer than needed.
const SEARCH_TIME: Duration = Duration::from_secs(2);

/// Compares two texts line by line and returns a unified diff, as `diff -u` prints it, with the numbers of added and
/// removed lines. Use it to see or to show exactly what changed between two versions. Reads nothing but its arguments and
/// never fails; texts of very many different lines may get a diff that is longer than needed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiffText {
    /// The text before the change.
    before: String,
    /// The text after the change.
    after: String,
    /// How many unchanged lines to show around each change.
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = 100))]
    context_lines: usize,
}

fn three() -> usize {
    3
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Comparison {
    /// Whether the texts are equal.
    identical: bool,
    /// Lines that only `after` has.
    added_lines: usize,
    /// Lines that only `before` has.
    removed_lines: usize,
    /// The unified diff, empty when the texts are equal. Lines begin with `-` (before), `+` (after) or a space (both).
    diff: String,
}

#[expect(clippy::unnecessary_wraps, reason = "every tool returns a Result")]
pub(crate) fn diff_text(DiffText { before, after, context_lines }: DiffText) -> Result<Comparison, ToolError> {
    let changes = TextDiff::configure().timeout(SEARCH_TIME).diff_lines(&before, &after);
    let count = |tag| changes.iter_all_changes().filter(|change| change.tag() == tag).count();
    let diff = changes.unified_diff().context_radius(context_lines).header("before", "after").to_string();
    Ok(Comparison {
        identical: before == after,
        added_lines: count(ChangeTag::Insert),
        removed_lines: count(ChangeTag::Delete),
        diff,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(before: &str, after: &str, context_lines: usize) -> Comparison {
        diff_text(DiffText { before: before.to_owned(), after: after.to_owned(), context_lines }).unwrap()
    }

    #[test]
    fn a_changed_line_is_one_removed_and_one_added() {
        let diff = diff("a\nb\nc\n", "a\nB\nc\n", 1);
        assert_eq!((diff.identical, diff.added_lines, diff.removed_lines), (false, 1, 1));
        assert_eq!(diff.diff, "--- before\n+++ after\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
    }

    #[test]
    fn context_is_as_wide_as_asked() {
        let diff = diff("a\nb\nc\n", "a\nB\nc\n", 0);
        assert_eq!(diff.diff, "--- before\n+++ after\n@@ -2 +2 @@\n-b\n+B\n");
    }

    #[test]
    fn equal_texts_have_an_empty_diff() {
        let diff = diff("a\n", "a\n", 3);
        assert!(diff.identical);
        assert_eq!(diff.diff, "");
    }

    #[test]
    fn a_missing_last_line_break_is_a_difference() {
        let diff = diff("a\n", "a", 3);
        assert!(!diff.identical);
        assert!(diff.diff.contains("No newline at end of file"), "{}", diff.diff);
    }
}
