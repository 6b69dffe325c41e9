//! How far a call has come, for a client that asked to see it.

use crate::host;

/// Reports that `done` of `total` units are done, with a word on what is going on.
///
/// The units are the tool's own. `done` has to grow from report to report; the host drops others, and sends only the
/// newest when reports come faster than the client takes them. Returns at once.
pub fn report(done: f64, total: impl Into<Option<f64>>, message: &str) {
    let message = Some(message).filter(|message| !message.is_empty());
    host::report(done, total.into(), message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Progress};

    #[test]
    fn reports_reach_the_host() {
        report(1.0, 2.0, "page 1");
        report(2.0, None, "");
        let first = Progress { done: 1.0, total: Some(2.0), message: Some("page 1".into()) };
        let second = Progress { done: 2.0, total: None, message: None };
        assert_eq!(testing::take_progress(), [first, second]);
    }
}
