//! `[users.NAME]` and `[users."*"]`: who may call what and how often, and where their own values of variables come from.
//!
//! Everybody without a table has that of `*`, and so has a user for each key that their own table leaves out. Only `enabled` is
//! not taken over: who has a table of their own is let in unless that one says otherwise.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    policy::{EnvName, Rate, UserName, UserPolicies, UserPolicy, limits::check_concurrency},
    source::{Source, SourceError},
};

/// Where one user's own values of variables come from. The values are secrets, and so not in a file that is committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValueSources {
    /// By the variable that plugins see, the host's variable that holds this user's value.
    pub env: BTreeMap<EnvName, EnvName>,
    /// A file of `NAME=value` lines, as written: relative to toolcell.toml.
    pub env_file: Option<PathBuf>,
}

/// `[users]` as written, by name.
pub(super) type RawUsers = BTreeMap<Spanned<String>, RawUser>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawUser {
    enabled: Option<bool>,
    plugins: Option<Vec<Spanned<String>>>,
    tools: Option<Vec<Spanned<String>>>,
    rate: Option<Spanned<String>>,
    burst: Option<Spanned<i64>>,
    concurrency: Option<Spanned<i64>>,
    env: BTreeMap<Spanned<String>, Spanned<String>>,
    env_file: Option<PathBuf>,
}

/// What users may do, and where the values of those come from who were given some, by the name that the file has for them.
pub(super) fn users(
    source: &Source,
    written: &RawUsers,
) -> Result<(UserPolicies, BTreeMap<String, ValueSources>), SourceError> {
    let mut policies = UserPolicies::default();
    let mut values = BTreeMap::new();
    // First, because the others take from it what they leave out.
    let is_others = |name: &Spanned<String>| name.get_ref() == UserName::OTHERS;
    if let Some((_, others)) = written.iter().find(|(name, _)| is_others(name)) {
        policies.others = policy(source, others, &UserPolicy::default())?;
    }
    for (name, user) in written {
        if !is_others(name) {
            policies.named.insert(source.value(name)?, policy(source, user, &policies.others)?);
        }
        let sources = value_sources(source, user)?;
        if sources != ValueSources::default() {
            values.insert(name.get_ref().clone(), sources);
        }
    }
    Ok((policies, values))
}

fn policy(source: &Source, written: &RawUser, others: &UserPolicy) -> Result<UserPolicy, SourceError> {
    let plugins = written.plugins.as_ref().map(|names| source.set(names)).transpose()?;
    let tools = written.tools.as_ref().map(|names| source.set(names)).transpose()?;
    let concurrency = |number: &Spanned<i64>| {
        check_concurrency(*number.get_ref()).map_err(|error| source.error(number, error.to_string()))
    };
    Ok(UserPolicy {
        enabled: written.enabled.unwrap_or(true),
        plugins: plugins.or_else(|| others.plugins.clone()),
        tools: tools.or_else(|| others.tools.clone()),
        rate: rate(source, written)?.or(others.rate),
        concurrency: written.concurrency.as_ref().map(concurrency).transpose()?.or(others.concurrency),
    })
}

fn rate(source: &Source, RawUser { rate, burst, .. }: &RawUser) -> Result<Option<Rate>, SourceError> {
    let rate: Option<Rate> = rate.as_ref().map(|rate| source.value(rate)).transpose()?;
    match (rate, burst) {
        (Some(rate), Some(burst)) => {
            rate.with_burst(*burst.get_ref()).map(Some).map_err(|problem| source.error(burst, problem))
        }
        (None, Some(burst)) => Err(source.error(burst, "burst stands beside a rate, such as rate = \"60/min\"")),
        (rate, None) => Ok(rate),
    }
}

/// The error does not show what is there in place of a name: it may be the value itself.
fn value_sources(source: &Source, written: &RawUser) -> Result<ValueSources, SourceError> {
    let variable = |value: &Spanned<String>| {
        let problem = "expected the name of the host's variable that holds this user's value, and not the value itself";
        value.get_ref().parse::<EnvName>().map_err(|_| source.error(value, problem))
    };
    let env = written.env.iter().map(|(seen, host)| Ok((source.value(seen)?, variable(host)?)));
    Ok(ValueSources { env: env.collect::<Result<_, SourceError>>()?, env_file: written.env_file.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(&Source { file: "toolcell.toml", text }).map_err(|error| error.to_string())
    }

    const FULL: &str = r#"
[users."*"]
plugins = ["text"]
rate = "60/min"
concurrency = 4
env = { TOKEN = "TEAM_TOKEN" }

[users.alice]
plugins = ["fetch", "text"]
tools = ["fetch"]
rate = "5/s"
burst = 20
env-file = "alice.env"

[users."bob@example.com"]
concurrency = 1

[users.mallory]
enabled = false
"#;

    #[test]
    fn a_key_that_is_left_out_is_that_of_everybody() {
        let config = parse(FULL).expect("the file is good");
        let of = |name: &str| config.policy.users.of(&name.parse().expect("a name")).clone();
        let plugins = |names: &[&str]| Some(names.iter().map(|name| name.parse().expect("a name")).collect());
        let others = UserPolicy {
            plugins: plugins(&["text"]),
            rate: "60/min".parse().ok(),
            concurrency: Some(4),
            ..UserPolicy::default()
        };
        assert_eq!(of("somebody"), others);
        let fast: Rate = "5/s".parse().expect("a rate");
        let alice = UserPolicy {
            plugins: plugins(&["fetch", "text"]),
            tools: Some(["fetch".to_owned()].into()),
            rate: fast.with_burst(20).ok(),
            ..others.clone()
        };
        assert_eq!(of("alice"), alice);
        assert_eq!(of("bob@example.com"), UserPolicy { concurrency: Some(1), ..others.clone() });
        assert_eq!(of("mallory"), UserPolicy { enabled: false, ..others });
        let sources = &config.user_values;
        assert_eq!(sources.keys().collect::<Vec<_>>(), ["*", "alice"]);
        assert_eq!(sources["alice"].env_file, Some(PathBuf::from("alice.env")));
        let variable = |name: &str| name.parse::<EnvName>().expect("a name");
        assert_eq!(sources["*"].env, [(variable("TOKEN"), variable("TEAM_TOKEN"))].into());
    }

    #[test]
    fn who_has_a_table_is_let_in_where_others_are_not() {
        let config = parse("[users.\"*\"]\nenabled = false\n[users.alice]\n").expect("the file is good");
        let is_let_in = |name: &str| config.policy.users.of(&name.parse().expect("a name")).enabled;
        assert!(is_let_in("alice") && !is_let_in("bob"));
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        for (text, expected) in [
            ("[users.local]", "1:8: the name `local` is taken: it is whoever started the program"),
            (
                "[users.\" a\"]",
                "1:8: a user's name is 1 to 128 of letters, digits and `. _ - @ + : |`, the first a letter or a digit",
            ),
            ("[users.a]\nplugin = []", "2:1: unknown key \"plugin\"; did you mean \"plugins\"?"),
            (
                "[users.a]\nplugins = [\"A\"]",
                "2:12: \"A\" cannot name a plugin; expected 1 to 48 of a-z, 0-9 and `-`, not starting with `-`",
            ),
            ("[users.a]\ntools = [\"t\", \"t\"]", "2:15: \"t\" is in the list twice; remove one"),
            (
                "[users.a]\nrate = \"60\"",
                "2:8: \"60\" is not a rate; write 1 to 1000000 calls and /s, /min or /h, such as \"60/min\"",
            ),
            (
                "[users.a]\nrate = \"60/h\"\nburst = 61",
                "3:9: burst has to be a number from 1 to 60, which come in an hour",
            ),
            ("[users.a]\nburst = 5", "2:9: burst stands beside a rate, such as rate = \"60/min\""),
            ("[users.a]\nconcurrency = 0", "2:15: concurrency 0 is out of range; expected 1 to 1000"),
            (
                "[users.a]\nenv = { TOKEN = \"ghp-secret\" }",
                "2:17: expected the name of the host's variable that holds this user's value, and not the value itself",
            ),
            (
                "[users]\nonly-listed = true",
                "2:15: invalid type: boolean `true`, expected a table of a user's: [users.NAME]",
            ),
        ] {
            assert_eq!(parse(text), Err(format!("toolcell.toml:{expected}")));
        }
    }
}
