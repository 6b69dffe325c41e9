//! `[audit]`: whether calls are recorded, where, and how much of them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    policy::units::{bytes_text, parse_bytes},
    source::{Source, SourceError},
};

/// What toolcell.toml says of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// Whether `serve` records calls.
    pub enabled: bool,
    /// Where it does.
    pub place: AuditPlace,
    /// Bytes of one file, after which the next is begun.
    pub max: u64,
    /// Full files that are kept beside the one that is written.
    pub keep: u32,
    /// Whether arguments, and what plugins print, are recorded, too.
    pub arguments: bool,
    /// Whether a call that could not be recorded must not run.
    pub required: bool,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditPlace {
    /// A file in this user's private state.
    State,
    /// A file of the operator's choice, as written: relative to toolcell.toml.
    File(PathBuf),
    /// Standard output, which over stdio is the protocol's.
    Stdout,
}

impl AuditConfig {
    const MAX: u64 = 64 << 20;
    /// Less would hold hardly a record of a call that reached many servers.
    const LEAST_MAX: u64 = 64 << 10;
    const KEEP: u32 = 8;
    const MOST_KEEP: u32 = 1_000;
    /// A file of another kind is something else: a slip, or a trap in somebody's repository.
    const ENDINGS: [&str; 2] = ["jsonl", "log"];
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            place: AuditPlace::State,
            max: Self::MAX,
            keep: Self::KEEP,
            arguments: false,
            required: false,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAudit {
    enabled: Option<bool>,
    file: Option<Spanned<String>>,
    max: Option<Spanned<String>>,
    keep: Option<Spanned<i64>>,
    arguments: bool,
    required: Option<Spanned<bool>>,
}

/// The meaning of the section.
pub(super) fn audit(source: &Source, written: &RawAudit) -> Result<AuditConfig, SourceError> {
    let RawAudit { enabled, file, max, keep, arguments, required } = written;
    let place = file.as_ref().map_or(Ok(AuditPlace::State), |file| place(source, file))?;
    let enabled = enabled.unwrap_or(true);
    if let Some(required) = required.as_ref().filter(|required| !enabled && *required.get_ref()) {
        return Err(source.error(required, "required has no meaning where enabled is false; remove one of the two"));
    }
    let rotated = max.as_ref().map(|max| (max.span(), "max")).or(keep.as_ref().map(|keep| (keep.span(), "keep")));
    if let (AuditPlace::Stdout, Some((span, key))) = (&place, rotated) {
        let problem = format!("{key} is for files, and file = \"-\" writes to standard output; remove one of the two");
        return Err(source.error_at(span, problem));
    }
    Ok(AuditConfig {
        enabled,
        place,
        max: max.as_ref().map_or(Ok(AuditConfig::MAX), |max| size(source, max))?,
        keep: keep.as_ref().map_or(Ok(AuditConfig::KEEP), |keep| number(source, keep))?,
        arguments: *arguments,
        required: required.as_ref().is_some_and(|required| *required.get_ref()),
    })
}

fn place(source: &Source, file: &Spanned<String>) -> Result<AuditPlace, SourceError> {
    let path = Path::new(file.get_ref());
    let ending = path.extension().and_then(|ending| ending.to_str());
    if file.get_ref() == "-" {
        Ok(AuditPlace::Stdout)
    // What is no file, such as /dev/null, is looked at when it is opened.
    } else if path.starts_with("/dev") || ending.is_some_and(|ending| AuditConfig::ENDINGS.contains(&ending)) {
        Ok(AuditPlace::File(path.to_owned()))
    } else {
        let problem = format!(
            "{:?} cannot name the audit log; expected a file that ends in .jsonl or .log, or \"-\" for standard output",
            file.get_ref()
        );
        Err(source.error(file, problem))
    }
}

fn size(source: &Source, max: &Spanned<String>) -> Result<u64, SourceError> {
    let bytes = parse_bytes(max.get_ref()).map_err(|problem| source.error(max, problem))?;
    let least = AuditConfig::LEAST_MAX;
    if bytes < least {
        return Err(source.error(max, format!("max has to be at least {}", bytes_text(least))));
    }
    Ok(bytes)
}

fn number(source: &Source, keep: &Spanned<i64>) -> Result<u32, SourceError> {
    let most = AuditConfig::MOST_KEEP;
    let number = u32::try_from(*keep.get_ref()).ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| source.error(keep, format!("keep has to be a number from 1 to {most}")))
}

#[cfg(test)]
mod tests {
    use crate::config::{AuditConfig, AuditPlace, Config};
    use crate::source::Source;

    fn parse(text: &str) -> Result<AuditConfig, String> {
        let config = Config::parse(&Source { file: "toolcell.toml", text });
        config.map(|config| config.audit).map_err(|error| error.to_string())
    }

    #[test]
    fn calls_are_recorded_in_the_users_state_where_nothing_else_is_said() {
        let default = AuditConfig::default();
        assert_eq!(parse(""), Ok(default.clone()));
        assert!(default.enabled && !default.arguments && !default.required);
        assert_eq!((default.place, default.max, default.keep), (AuditPlace::State, 64 << 20, 8));
    }

    #[test]
    fn a_full_section_means_what_it_says() {
        let text = "[audit]\nfile = \"log/calls.jsonl\"\nmax = \"1MiB\"\nkeep = 2\narguments = true\nrequired = true\n";
        let config = AuditConfig {
            enabled: true,
            place: AuditPlace::File("log/calls.jsonl".into()),
            max: 1 << 20,
            keep: 2,
            arguments: true,
            required: true,
        };
        assert_eq!(parse(text), Ok(config));
        assert_eq!(parse("[audit]\nfile = \"-\"").map(|config| config.place), Ok(AuditPlace::Stdout));
        assert_eq!(parse("[audit]\nenabled = false").map(|config| config.enabled), Ok(false));
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        for (text, expected) in [
            (
                "[audit]\nfile = \"/home/me/.profile\"",
                "2:8: \"/home/me/.profile\" cannot name the audit log; expected a file that ends in .jsonl or .log, or \
                 \"-\" for standard output",
            ),
            ("[audit]\nmax = \"1KiB\"", "2:7: max has to be at least 64KiB"),
            (
                "[audit]\nmax = \"64MB\"",
                "2:7: \"64MB\" is not a size; write a whole number and KiB, MiB or GiB, such as \"64MiB\"",
            ),
            ("[audit]\nkeep = 0", "2:8: keep has to be a number from 1 to 1000"),
            (
                "[audit]\nfile = \"-\"\nkeep = 3",
                "3:8: keep is for files, and file = \"-\" writes to standard output; remove one of the two",
            ),
            (
                "[audit]\nenabled = false\nrequired = true",
                "3:12: required has no meaning where enabled is false; remove one of the two",
            ),
            ("[audit]\nargument = true", "2:1: unknown key \"argument\"; did you mean \"arguments\"?"),
        ] {
            assert_eq!(parse(text), Err(format!("toolcell.toml:{expected}")));
        }
    }
}
