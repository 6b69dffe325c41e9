//! The index that is kept in the cache: made once for each version of the documentation, read by every search.
//!
//! It holds what a search needs in a form that is read in place: a fresh instance looks up words without having parsed
//! or counted anything before.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::format;
use crate::words::{closeness, stem, words};

/// How much one occurrence of a word counts in the title of a section, and in that of its page, against one in the text.
const TITLE_WEIGHT: u32 = 5;
const PAGE_WEIGHT: u32 = 2;

/// How soon further occurrences of a word count for less, and how much long sections are held back: the usual values
/// (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", section 3).
const K1: f32 = 1.2;
const B: f32 = 0.75;

#[derive(Serialize, Deserialize)]
pub(crate) struct Index<'a> {
    #[serde(borrow)]
    pub(crate) sections: Vec<Section<'a>>,
    /// In alphabetical order.
    #[serde(borrow)]
    words: Vec<Word<'a>>,
    /// In words, for a section.
    mean_length: f32,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Section<'a> {
    pub(crate) url: &'a str,
    pub(crate) page: &'a str,
    pub(crate) heading: Option<&'a str>,
    pub(crate) text: &'a str,
    /// In words.
    length: u32,
}

#[derive(Serialize, Deserialize)]
struct Word<'a> {
    #[serde(borrow)]
    word: Cow<'a, str>,
    /// A `Vec<Occurrence>`, which is read only for the words that are asked for.
    #[serde(borrow)]
    occurrences: Cow<'a, [u8]>,
}

/// A section by its place in `sections`, and how much the word counts there.
type Occurrence = (u32, u32);

impl<'a> Index<'a> {
    /// Reads every word of the documentation.
    pub(crate) fn of(sections: &'a [format::Section]) -> Self {
        let mut occurrences: HashMap<Cow<'a, str>, Vec<Occurrence>> = HashMap::new();
        let mut indexed = Vec::with_capacity(sections.len());
        for (number, section) in (0..).zip(sections) {
            let heading = section.heading.as_deref();
            let weighted = [(Some(section.page.as_str()), if heading.is_some() { PAGE_WEIGHT } else { TITLE_WEIGHT })];
            let weighted = weighted.into_iter().chain([(heading, TITLE_WEIGHT), (Some(section.text.as_str()), 1)]);
            let mut length = 0;
            for (text, weight) in weighted {
                for (_, word) in words(text.unwrap_or_default()) {
                    length += 1;
                    let of_word = occurrences.entry(word).or_default();
                    match of_word.last_mut().filter(|(last, _)| *last == number) {
                        Some((_, count)) => *count += weight,
                        None => of_word.push((number, weight)),
                    }
                }
            }
            indexed.push(Section { url: &section.url, page: &section.page, heading, text: &section.text, length });
        }
        let total: f32 = indexed.iter().map(|section| to_f32(section.length)).sum();
        let words = occurrences.into_iter().map(|(word, of_word)| {
            let occurrences = postcard::to_allocvec(&of_word).unwrap_or_default().into();
            Word { word, occurrences }
        });
        let mut words: Vec<Word<'a>> = words.collect();
        words.sort_unstable_by(|a, b| a.word.cmp(&b.word));
        Self { words, mean_length: (total / to_f32(indexed.len())).max(1.0), sections: indexed }
    }

    /// The sections that have at least one of the words, by their place in `sections`, each with its rank by BM25, the best
    /// first. Of equals it is the one that comes first in the documentation.
    pub(crate) fn find(&self, asked: &[String]) -> Vec<(usize, f32)> {
        let mut scores = vec![0.0_f32; self.sections.len()];
        for asked in asked {
            let counts = self.counts(asked);
            let (all, having) = (to_f32(scores.len()), to_f32(counts.len()));
            let rarity = (1.0 + (all - having + 0.5) / (having + 0.5)).ln();
            for (number, count) in counts {
                let (Some(score), Some(section)) = (scores.get_mut(number), self.sections.get(number)) else {
                    continue;
                };
                let length = to_f32(section.length) / self.mean_length;
                *score += rarity * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length));
            }
        }
        let mut found: Vec<(usize, f32)> = scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0).collect();
        found.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        found
    }

    /// How much a word counts in each section that has it, or a word that is close to it.
    fn counts(&self, asked: &str) -> BTreeMap<usize, f32> {
        let mut counts = BTreeMap::new();
        let stem = stem(asked);
        let from = self.words.partition_point(|word| *word.word < *stem);
        for Word { word, occurrences } in self.words[from..].iter().take_while(|word| word.word.starts_with(stem)) {
            let Some(closeness) = closeness(asked, word) else { continue };
            let occurrences: Vec<Occurrence> = postcard::from_bytes(occurrences).unwrap_or_default();
            for (number, count) in occurrences {
                *counts.entry(number as usize).or_default() += closeness * to_f32(count);
            }
        }
        counts
    }
}

/// Counts are far below what a float tells apart.
#[expect(clippy::cast_precision_loss, reason = "said above")]
fn to_f32(count: impl TryInto<u32>) -> f32 {
    count.try_into().unwrap_or(u32::MAX) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(page: &str, heading: Option<&str>, text: &str) -> format::Section {
        let heading = heading.map(str::to_owned);
        format::Section { url: String::new(), page: page.to_owned(), heading, text: text.to_owned() }
    }

    /// The places of the sections that are found, the best first.
    fn find(sections: &[format::Section], asked: &str) -> Vec<usize> {
        let bytes = postcard::to_allocvec(&Index::of(sections)).unwrap();
        let index: Index<'_> = postcard::from_bytes(&bytes).unwrap();
        let asked: Vec<String> = words(asked).map(|(_, word)| word.into_owned()).collect();
        index.find(&asked).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn the_formula_is_bm25() {
        // Worked by hand: three sections of 4, 4 and 8 words (the titles count), so 16/3 on average; `ttl` twice in one.
        let sections = [
            section("a", None, "ttl of ttl"),
            section("b", None, "one two three"),
            section("c", None, "one two three four five six seven"),
        ];
        let found = Index::of(&sections).find(&["ttl".to_owned()]);
        let rarity = (1.0_f32 + 2.5 / 1.5).ln();
        let expected = rarity * 2.0 * 2.2 / (2.0 + 1.2 * (0.25 + 0.75 * 4.0 / (16.0 / 3.0)));
        assert_eq!(found.len(), 1);
        assert!((found[0].1 - expected).abs() < 1e-5, "{} {expected}", found[0].1);
    }

    #[test]
    fn a_title_counts_more_than_the_text() {
        let sections = [
            section("Other", None, "cache cache and more words"),
            section("Cache", None, "this text has other words"),
            section("Cache", Some("Reading"), "this text has other words"),
        ];
        assert_eq!(find(&sections, "cache"), [1, 0, 2]);
    }

    #[test]
    fn a_rare_word_counts_more_than_a_common_one() {
        let sections = [
            section("a", None, "the the the words"),
            section("b", None, "the ttl and words"),
            section("c", None, "the other few words"),
        ];
        assert_eq!(find(&sections, "the ttl")[0], 1);
    }

    #[test]
    fn a_short_section_comes_before_a_long_one() {
        let long = format!("cache {}", "word ".repeat(50));
        assert_eq!(find(&[section("a", None, &long), section("b", None, "cache")], "cache"), [1, 0]);
    }

    #[test]
    fn the_word_itself_comes_before_those_that_are_close() {
        let sections = [section("a", None, "caching"), section("b", None, "cache"), section("c", None, "cachet")];
        assert_eq!(find(&sections, "cache"), [1, 0, 2]);
        assert_eq!(find(&sections, "caches"), [0, 1]);
    }

    #[test]
    fn what_no_section_has_is_not_found() {
        assert!(find(&[section("a", None, "b")], "zzz").is_empty());
        assert!(find(&[section("", None, "")], "a").is_empty());
    }
}
