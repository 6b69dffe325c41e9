//! The name that somebody probably meant.

/// The known name that is most like the one that was written, if one is like it at all.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Below this similarity (Jaro-Winkler), two names share little but some letters.
    const ALIKE: f64 = 0.75;
    let likeness = |known: &str| strsim::jaro_winkler(written, known);
    let nearest = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) > ALIKE).then_some(nearest)
}

/// `; did you mean "x"?`, for the end of an error about a name that is not known; empty where none is like it.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, known).map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["fetch", "hn-search", "text"];
        assert_eq!(nearest("fetc", known), Some("fetch"));
        assert_eq!(nearest("hnsearch", known), Some("hn-search"));
        assert_eq!(nearest("weather", known), None);
        assert_eq!(nearest("fetch", []), None);
    }

    #[test]
    fn the_suggestion_ends_an_error() {
        assert_eq!(did_you_mean("txet", ["text"]), "; did you mean \"text\"?");
        assert_eq!(did_you_mean("weather", ["text"]), "");
    }
}
