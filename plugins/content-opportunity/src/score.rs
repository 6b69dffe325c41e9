//! The formula.
//!
//! Each of five signals is a number from 0 to 1:
//!
//! | signal | is | weight |
//! |---|---|---|
//! | interest | ln(1 + points) / ln(1 + 500), at most 1 | 0.30 |
//! | discussion | ln(1 + comments) / ln(1 + 300), at most 1 | 0.25 |
//! | freshness | 0.5 ^ (days since the newest post / 7) | 0.20 |
//! | question | 1 if a title asks for something, otherwise 0 | 0.15 |
//! | spread | (communities - 1) / 2, at most 1 | 0.10 |
//!
//! Points and comments are added up over the posts of an opportunity. The score is 100 times the mean of the signals by
//! their weights. A signal that no source told counts as 0.25, so that a post without numbers is neither first nor last
//! because of it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::post::Post;

/// A story with so many points was on the front page of Hacker News for hours.
const MANY_POINTS: f64 = 500.0;
/// As many comments as such a story has.
const MANY_COMMENTS: f64 = 300.0;
/// After so many days a post counts half as fresh.
const HALF_LIFE_DAYS: f64 = 7.0;
/// In so many communities something is everywhere.
const MANY_COMMUNITIES: usize = 3;
/// What a signal counts that no source told.
const UNKNOWN: f64 = 0.25;

/// How a title begins that asks for something, in English.
const QUESTIONS: [&str; 14] = [
    "ask hn",
    "how",
    "what",
    "why",
    "which",
    "where",
    "when",
    "who",
    "is there",
    "are there",
    "does anyone",
    "can i",
    "can you",
    "should",
];
/// What a title has that asks for something without a question, in English.
const WISHES: [&str; 7] =
    ["looking for", "alternative to", "alternatives to", "recommend", "best way to", "need help", "wish there"];

/// The five signals, each from 0 to 1. Absent when no source told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Signals {
    /// How many points the posts have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interest: Option<f64>,
    /// How many comments they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) discussion: Option<f64>,
    /// How new the newest of them is.
    pub(crate) freshness: f64,
    /// 1 when a title asks for something, otherwise 0. Only English is understood.
    pub(crate) question: f64,
    /// In how many communities they are.
    pub(crate) spread: f64,
}

/// How much each signal counts against the others: 0 leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Weights {
    /// Of the points.
    #[schemars(range(min = 0, max = 1))]
    interest: f64,
    /// Of the comments.
    #[schemars(range(min = 0, max = 1))]
    discussion: f64,
    /// Of the age.
    #[schemars(range(min = 0, max = 1))]
    freshness: f64,
    /// Of titles that ask for something.
    #[schemars(range(min = 0, max = 1))]
    question: f64,
    /// Of being in several communities.
    #[schemars(range(min = 0, max = 1))]
    spread: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { interest: 0.30, discussion: 0.25, freshness: 0.20, question: 0.15, spread: 0.10 }
    }
}

impl Weights {
    pub(crate) fn sum(&self) -> f64 {
        self.interest + self.discussion + self.freshness + self.question + self.spread
    }
}

/// Signals, score (0 to 100) and reasons of posts about the same, `newest` being the Unix time of the newest of them.
pub(crate) fn score(posts: &[Post], newest: i64, now: i64, weights: &Weights) -> (Signals, f64, Vec<String>) {
    let points = sum(posts, |post| post.points);
    let comments = sum(posts, |post| post.comments);
    let days = to_f64((now - newest).max(0)) / 86_400.0;
    let asks = posts.iter().find(|post| asks(&post.title));
    let communities: BTreeSet<&str> = posts.iter().map(|post| post.community.as_str()).collect();
    let signals = Signals {
        interest: points.map(|points| share(points, MANY_POINTS)),
        discussion: comments.map(|comments| share(comments, MANY_COMMENTS)),
        freshness: rounded(0.5_f64.powf(days / HALF_LIFE_DAYS), 100.0),
        question: if asks.is_some() { 1.0 } else { 0.0 },
        spread: to_f64(communities.len().min(MANY_COMMUNITIES) - 1) / to_f64(MANY_COMMUNITIES - 1),
    };
    let number =
        |number: Option<u64>, of: &str| number.map_or_else(|| format!("{of} are not known"), |n| format!("{n} {of}"));
    let names: Vec<&str> = communities.iter().copied().collect();
    let title = asks.map_or_else(|| "no title asks for something".to_owned(), |post| format!("asks: {}", post.title));
    let mut parts = [
        ("interest", signals.interest, weights.interest, number(points, "points")),
        ("discussion", signals.discussion, weights.discussion, number(comments, "comments")),
        ("freshness", Some(signals.freshness), weights.freshness, format!("the newest post is {} old", age(days))),
        ("question", Some(signals.question), weights.question, title),
        ("spread", Some(signals.spread), weights.spread, format!("in {}", names.join(", "))),
    ]
    .map(|(name, signal, weight, why)| (name, 100.0 * weight * signal.unwrap_or(UNKNOWN) / weights.sum(), why));
    let score = parts.iter().map(|(_, part, _)| part).sum::<f64>();
    parts.sort_by(|(_, a, _), (_, b, _)| b.total_cmp(a));
    let reasons = parts.map(|(name, part, why)| format!("{name} +{part:.1}: {why}"));
    (signals, rounded(score, 10.0), reasons.into())
}

/// The sum of what is known, or `None` if nothing is.
fn sum(posts: &[Post], number: impl Fn(&Post) -> Option<u32>) -> Option<u64> {
    posts.iter().filter_map(number).map(u64::from).reduce(|a, b| a + b)
}

/// On a logarithmic scale: from 10 to 100 is as far as from 100 to 1,000.
fn share(count: u64, many: f64) -> f64 {
    rounded((to_f64(count).ln_1p() / many.ln_1p()).min(1.0), 100.0)
}

/// Whether a title asks for something.
fn asks(title: &str) -> bool {
    let title = title.trim().to_lowercase();
    // `how`, but not `however`.
    let begins = |start: &str| title.strip_prefix(start).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    title.ends_with('?')
        || QUESTIONS.iter().any(|start| begins(start))
        || WISHES.iter().any(|wish| title.contains(wish))
}

fn age(days: f64) -> String {
    if days < 2.0 { format!("{:.0} hours", days * 24.0) } else { format!("{days:.0} days") }
}

fn rounded(number: f64, steps: f64) -> f64 {
    (number * steps).round() / steps
}

/// Counts and times are far below what a float tells apart.
#[expect(clippy::cast_precision_loss, reason = "said above")]
fn to_f64(count: impl TryInto<i64>) -> f64 {
    count.try_into().unwrap_or(i64::MAX) as f64
}

#[cfg(test)]
mod tests;
