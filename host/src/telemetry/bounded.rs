//! Labels whose number somebody else decides: the first so many are kept, and the rest counts together.

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

/// What the rest is called. No plugin, tool or server can have this name.
pub(super) const OTHER: &str = "(other)";

/// The values of one label.
#[derive(Debug)]
pub(super) struct Bounded {
    most: usize,
    seen: RwLock<HashSet<String>>,
}

impl Bounded {
    pub(super) fn new(most: usize) -> Self {
        Self { most, seen: RwLock::default() }
    }

    /// The value itself, or [`OTHER`] where there were as many before it as are kept.
    pub(super) fn label(&self, value: String) -> Cow<'static, str> {
        if self.seen.read().unwrap_or_else(PoisonError::into_inner).contains(&value) {
            return value.into();
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= self.most && !seen.contains(&value) {
            return OTHER.into();
        }
        seen.insert(value.clone());
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_the_rest_counts_together() {
        let bounded = Bounded::new(2);
        let labels = ["a", "b", "c", "a", "d"].map(|value| bounded.label(value.to_owned()));
        assert_eq!(labels, ["a", "b", OTHER, "a", OTHER]);
    }
}
