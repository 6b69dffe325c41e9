use super::*;
use crate::post::Source;

const DAY: i64 = 86_400;
const NOW: i64 = 1_774_958_400;

fn post(title: &str, community: &str, numbers: Option<(u32, u32)>) -> Post {
    Post {
        source: Source::HackerNews,
        community: community.into(),
        title: title.into(),
        url: None,
        discussion_url: String::new(),
        author: None,
        points: numbers.map(|(points, _)| points),
        comments: numbers.map(|(_, comments)| comments),
        created_at: String::new(),
    }
}

fn signals(posts: &[Post], days: i64) -> Signals {
    score(posts, NOW - days * DAY, NOW, &Weights::default()).0
}

#[test]
fn the_formula_gives_what_it_says() {
    // ln(22) / ln(501) = 0.497, ln(11) / ln(301) = 0.420, 0.5 ^ 1, a question, two communities.
    let posts = [post("How do you do it", "Hacker News", Some((20, 10))), post("It", "r/rust", Some((1, 0)))];
    let (signals, score, reasons) = score(&posts, NOW - 7 * DAY, NOW, &Weights::default());
    let expected = Signals { interest: Some(0.50), discussion: Some(0.42), freshness: 0.5, question: 1.0, spread: 0.5 };
    assert_eq!(signals, expected);
    // 30 * 0.50 + 25 * 0.42 + 20 * 0.5 + 15 * 1 + 10 * 0.5
    assert!((score - 55.5).abs() < 1e-9, "{score}");
    assert_eq!(
        reasons,
        [
            "interest +15.0: 21 points",
            "question +15.0: asks: How do you do it",
            "discussion +10.5: 10 comments",
            "freshness +10.0: the newest post is 7 days old",
            "spread +5.0: in Hacker News, r/rust",
        ]
    );
}

#[test]
fn each_signal_has_its_ends() {
    let all = [
        post("Why?", "Hacker News", Some((500, 300))),
        post("b", "r/a", Some((9999, 9999))),
        post("c", "r/b", None),
        post("d", "r/c", None),
    ];
    let full = Signals { interest: Some(1.0), discussion: Some(1.0), freshness: 1.0, question: 1.0, spread: 1.0 };
    assert_eq!(signals(&all, 0), full);
    // A clock that is ahead makes nothing fresher than new.
    assert_eq!(signals(&all, -3), full);
    let nothing = Signals { interest: Some(0.0), discussion: Some(0.0), freshness: 0.0, question: 0.0, spread: 0.0 };
    assert_eq!(signals(&[post("a", "r/a", Some((0, 0)))], 365), nothing);
}

#[test]
fn what_is_not_known_counts_a_quarter_and_is_said() {
    let (signals, score, reasons) = score(&[post("a", "r/a", None)], NOW - 365 * DAY, NOW, &Weights::default());
    assert_eq!((signals.interest, signals.discussion), (None, None));
    assert!((score - 13.8).abs() < 1e-9, "{score}");
    assert_eq!(reasons[..2], ["interest +7.5: points are not known", "discussion +6.2: comments are not known"]);
}

#[test]
fn points_count_by_their_order_of_magnitude() {
    let interest = |points| signals(&[post("a", "r/a", Some((points, 0)))], 0).interest.unwrap();
    let steps = [interest(9), interest(99), interest(499)];
    assert_eq!(format!("{steps:?}"), "[0.37, 0.74, 1.0]");
}

#[test]
fn the_score_is_100_at_most_whatever_the_weights() {
    let posts = [post("Why?", "a", Some((500, 300))), post("b", "b", None), post("c", "c", None)];
    for weights in [Weights::default(), Weights { interest: 1.0, discussion: 1.0, ..Weights::default() }] {
        let (_, score, _) = score(&posts, NOW, NOW, &weights);
        assert!((score - 100.0).abs() < 1e-9, "{score}");
    }
}

#[test]
fn titles_that_ask_are_told_from_those_that_say() {
    for title in [
        "How do you isolate plugins",
        "Ask HN: Plugins",
        "Isolating plugins?",
        "Looking for a plugin system",
        "An alternative to Docker",
        "What's a plugin",
    ] {
        assert!(asks(title), "{title}");
    }
    for title in ["However it is", "Show HN: A plugin system", "Whole new plugins", "Issue closed"] {
        assert!(!asks(title), "{title}");
    }
}

#[test]
fn young_posts_have_their_age_in_hours() {
    assert_eq!(age(0.5), "12 hours");
    assert_eq!(age(2.4), "2 days");
}
