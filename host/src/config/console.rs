//! `[console]`: what the status page keeps and lets its visitors do.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use crate::{
    policy::UserName,
    source::{Source, SourceError},
};

/// What the status page keeps and lets its visitors do. Where it listens is said by `serve --console` alone: a file
/// that several servers share cannot give each of them an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// Failed calls that are kept with their explanations, 1 to 1000.
    pub failures: usize,
    /// Whether calls can only be watched: neither cancelled nor made.
    pub read_only: bool,
    /// Who may open the page where other machines reach it.
    pub users: BTreeSet<UserName>,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self { failures: 100, read_only: false, users: BTreeSet::new() }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawConsole {
    failures: Option<Spanned<i64>>,
    read_only: bool,
    users: Vec<Spanned<String>>,
}

pub(super) fn console(source: &Source, written: &RawConsole) -> Result<ConsoleConfig, SourceError> {
    const MOST_FAILURES: usize = 1_000;
    let failures = |written: &Spanned<i64>| {
        let number = usize::try_from(*written.get_ref()).ok().filter(|number| (1..=MOST_FAILURES).contains(number));
        number.ok_or_else(|| source.error(written, format!("failures has to be a number from 1 to {MOST_FAILURES}")))
    };
    Ok(ConsoleConfig {
        failures: written.failures.as_ref().map(failures).transpose()?.unwrap_or(ConsoleConfig::default().failures),
        read_only: written.read_only,
        users: source.set(&written.users)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<ConsoleConfig, String> {
        let config = Config::parse(&Source { file: "toolcell.toml", text });
        config.map(|config| config.console).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_written_is_the_default() {
        assert_eq!(parse("[console]"), Ok(ConsoleConfig::default()));
        let full = "[console]\nfailures = 7\nread-only = true\nusers = [\"alice\"]";
        let users = ["alice".parse().expect("a name")].into();
        assert_eq!(parse(full), Ok(ConsoleConfig { failures: 7, read_only: true, users }));
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        for (text, expected) in [
            ("[console]\nfailures = 0", "2:12: failures has to be a number from 1 to 1000"),
            ("[console]\nfailures = 1001", "2:12: failures has to be a number from 1 to 1000"),
            ("[console]\nreadonly = true", "2:1: unknown key \"readonly\"; did you mean \"read-only\"?"),
            ("[console]\nread-only = 1", "2:13: invalid type: integer `1`, expected a boolean"),
        ] {
            assert_eq!(parse(text), Err(format!("toolcell.toml:{expected}")));
        }
    }
}
