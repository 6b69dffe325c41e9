use crate::words::{closeness, words};

/// How much of a text is shown, in bytes: a few sentences.
const LENGTH: usize = 320;

/// How much of it comes before the first word that was found, in bytes.
const BEFORE: usize = 60;

/// The part of `text` that has the most of the words asked for, from word to word, with `…` where something was left out.
pub(crate) fn excerpt(text: &str, asked: &[String]) -> String {
    if text.len() <= LENGTH {
        return text.to_owned();
    }
    let first = densest(text, asked).unwrap_or(0);
    let start = match first.saturating_sub(BEFORE) {
        0 => 0,
        before => next_word(text, before),
    };
    let end = text.floor_char_boundary((start + LENGTH).min(text.len()));
    let end = if end == text.len() { end } else { text[start..end].rfind(' ').map_or(end, |space| start + space) };
    let mut excerpt = String::with_capacity(LENGTH + 6);
    if start > 0 {
        excerpt.push('…');
    }
    excerpt.push_str(&text[start..end]);
    if end < text.len() {
        excerpt.push('…');
    }
    excerpt
}

/// Where the first word of the part begins that has the most of the words asked for. Of equal ones it is the first.
fn densest(text: &str, asked: &[String]) -> Option<usize> {
    let found: Vec<(usize, usize)> = words(text)
        .filter_map(|(at, word)| Some((at, asked.iter().position(|asked| closeness(asked, &word).is_some())?)))
        .collect();
    let distinct_from = |first: usize| {
        let part = found[first..].iter().take_while(|(at, _)| *at < found[first].0 + LENGTH - BEFORE);
        let mut which: Vec<usize> = part.map(|(_, which)| *which).collect();
        which.sort_unstable();
        which.dedup();
        which.len()
    };
    let best = (0..found.len()).rev().max_by_key(|first| distinct_from(*first))?;
    Some(found[best].0)
}

/// Where the next word begins, from `at` on.
fn next_word(text: &str, at: usize) -> usize {
    let at = text.ceil_char_boundary(at);
    text[at..].find(' ').map_or(at, |space| at + space + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(excerpt("All of it.", &asked(&["nothing"])), "All of it.");
    }

    #[test]
    fn a_long_text_is_cut_between_words_around_what_was_found() {
        let text = format!("{}The cache keeps it. {}", "before ".repeat(100), "after ".repeat(100));
        let excerpt = excerpt(&text, &asked(&["cache"]));
        assert!(excerpt.starts_with("…before before"), "{excerpt}");
        assert!(excerpt.contains("before The cache keeps it. after"), "{excerpt}");
        assert!(excerpt.ends_with("after…"), "{excerpt}");
        assert!(excerpt.len() <= LENGTH + 6, "{}", excerpt.len());
    }

    #[test]
    fn the_part_with_the_most_words_is_shown() {
        let filler = "filler ".repeat(100);
        let text = format!("cache {filler} cache cache {filler} the cache and its ttl {filler}");
        assert!(excerpt(&text, &asked(&["cache", "ttl"])).contains("the cache and its ttl"));
    }

    #[test]
    fn without_a_word_found_the_beginning_is_shown() {
        let shown = excerpt(&"word ".repeat(100), &asked(&["other"]));
        assert!(shown.starts_with("word word") && shown.ends_with("word…"), "{shown}");
    }

    #[test]
    fn characters_stay_whole() {
        let text = "äöü ".repeat(200);
        for word in ["äöü", "x"] {
            assert!(excerpt(&text, &asked(&[word])).contains("äöü äöü"));
        }
        assert!(excerpt(&"ä".repeat(400), &[]).ends_with("ä…"));
    }
}
