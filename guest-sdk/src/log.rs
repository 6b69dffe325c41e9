//! Lines for the operator. They go to the host's log with plugin, tool and call id, never to the model.
//!
//! A call may write 64 KiB; the host counts and drops the rest.

use std::fmt::Display;

use crate::host;

pub use crate::bindings::toolcell::plugin::log::Level;

/// What helps the plugin's author.
pub fn debug(message: impl Display) {
    host::log(Level::Debug, &message.to_string());
}

/// What an operator may want to know.
pub fn info(message: impl Display) {
    host::log(Level::Info, &message.to_string());
}

/// What an operator should look at some day.
pub fn warn(message: impl Display) {
    host::log(Level::Warn, &message.to_string());
}

/// What an operator should look at now.
pub fn error(message: impl Display) {
    host::log(Level::Error, &message.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn lines_reach_the_host_with_their_level() {
        debug("a");
        info(format_args!("{} stories", 3));
        warn("c");
        error("d");
        let expected = [(Level::Debug, "a"), (Level::Info, "3 stories"), (Level::Warn, "c"), (Level::Error, "d")];
        assert_eq!(testing::take_logs(), expected.map(|(level, line)| (level, line.to_owned())));
    }
}
