use std::borrow::Cow;

/// The longest word that is told apart, in characters: what is longer is a key or a hash and not a word.
const MAX_CHARS: usize = 40;

/// How long a word has to be to stand for all that begin with it, in characters.
const MIN_PREFIX_CHARS: usize = 3;

/// The words of a text in lower case, each with the byte at which it begins: runs of letters and digits, so that
/// `get_or_fetch` and `std::fs` are what one would type to find them.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let runs = text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty());
    runs.map(|run| (run.as_ptr().addr() - text.as_ptr().addr(), lower(run)))
}

/// Most words of a text are so already, and a copy of each is half of the work of making an index.
fn lower(run: &str) -> Cow<'_, str> {
    if run.len() <= MAX_CHARS && run.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Cow::Borrowed(run);
    }
    run.chars().take(MAX_CHARS).flat_map(char::to_lowercase).collect()
}

/// Whether `asked` finds `word`, and then for how much: itself for 1; with another English ending, or as the beginning of a
/// longer word, for a half.
pub(crate) fn closeness(asked: &str, word: &str) -> Option<f32> {
    if asked == word {
        return Some(1.0);
    }
    let begins = word.starts_with(asked) && asked.chars().count() >= MIN_PREFIX_CHARS;
    (begins || stem(asked) == stem(word)).then_some(0.5)
}

/// A word without the endings that English gives to one and the same: `cach` of cache, caches, cached and caching. It is a
/// beginning of the word.
pub(crate) fn stem(word: &str) -> &str {
    let singular = word.strip_suffix('s').filter(|singular| singular.len() >= 3 && !singular.ends_with('s'));
    let singular = singular.unwrap_or(word);
    let endings = ["ing", "ed", "e"].into_iter();
    endings.filter_map(|ending| singular.strip_suffix(ending)).find(|stem| stem.len() >= 4).unwrap_or(singular)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(usize, String)> {
        words(text).map(|(at, word)| (at, word.into_owned())).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        let expected = [(0, "get"), (4, "or"), (7, "fetch"), (14, "utf8"), (20, "übung")];
        assert_eq!(all("get_or_fetch: UTF8, Übung!"), expected.map(|(at, word)| (at, word.to_owned())));
        assert_eq!(all(" -- "), []);
        assert_eq!(all(&"x".repeat(99))[0].1.len(), MAX_CHARS);
    }

    #[test]
    fn a_word_finds_itself_and_what_begins_with_it() {
        assert_eq!(closeness("cache", "cache"), Some(1.0));
        assert_eq!(closeness("cache", "caches"), Some(0.5));
        assert_eq!(closeness("caches", "cache"), Some(0.5));
        assert_eq!(closeness("conf", "configuration"), Some(0.5));
        assert_eq!(closeness("configuration", "conf"), None);
        assert_eq!(closeness("ca", "cache"), None);
        assert_eq!(closeness("c", "c"), Some(1.0));
    }

    #[test]
    fn endings_make_no_other_word() {
        for words in [
            &["cache", "caches", "cached", "caching"][..],
            &["setting", "settings"],
            &["index", "indexes", "indexed", "indexing"],
            &["class", "classes"],
            &["log", "logs"],
        ] {
            assert!(words.iter().all(|word| stem(word) == stem(words[0])), "{words:?}");
        }
        for (one, other) in [("string", "stre"), ("use", "us"), ("thing", "the"), ("bed", "b"), ("s", "")] {
            assert_ne!(stem(one), stem(other));
        }
        assert_eq!(stem("übung"), "übung");
    }
}
