//! `--env-file`: values for the variables that plugins were granted.
//!
//! Lines of `NAME=value`; blank lines and lines that start with `#` are skipped, `export ` in front is allowed, and quotes
//! around a whole value are taken off. Nothing is expanded. Dialects disagree about escapes, and about `#` after a value,
//! so these are refused instead of guessed.

use std::{collections::BTreeMap, fmt};

use crate::{
    policy::EnvName,
    source::{Source, SourceError},
};

/// Variables and their values, which are secrets: they are never formatted.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct EnvFile(BTreeMap<EnvName, String>);

impl EnvFile {
    /// Reads the lines of a file.
    ///
    /// # Errors
    ///
    /// The first line that is not understood. The message never holds a value.
    pub fn parse(source: &Source) -> Result<Self, SourceError> {
        let mut variables = BTreeMap::new();
        let mut start = 0;
        for line in source.text.split_inclusive('\n') {
            let place = start..start + line.len();
            start = place.end;
            let parsed = parse_line(line.trim()).map_err(|message| source.error_at(place.clone(), message))?;
            let Some((name, value)) = parsed else { continue };
            let message = format!("{name} is set twice; remove one");
            if variables.insert(name, value.to_owned()).is_some() {
                return Err(source.error_at(place, message));
            }
        }
        Ok(Self(variables))
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &EnvName) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl IntoIterator for EnvFile {
    type Item = (EnvName, String);
    type IntoIter = std::collections::btree_map::IntoIter<EnvName, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The names alone.
impl fmt::Debug for EnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn parse_line(line: &str) -> Result<Option<(EnvName, &str)>, String> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let assignment = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let Some((name, value)) = assignment.split_once('=') else {
        return Err("expected NAME=value".to_owned());
    };
    // The error of `EnvName` would quote its text, which here may be a piece of a secret.
    let name = name.parse().map_err(|_| {
        "expected NAME=value, the name of letters, digits and `_`, without spaces around the `=`".to_owned()
    })?;
    Ok(Some((name, parse_value(value.trim())?)))
}

fn parse_value(value: &str) -> Result<&str, String> {
    if value.contains('\0') {
        return Err("the value holds a NUL character, which no variable can".to_owned());
    }
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return if value.contains(" #") || value.contains("\t#") {
            Err("the value may end in a comment; put the comment on a line of its own, or quote the value".to_owned())
        } else {
            Ok(value)
        };
    };
    let inner = value[1..].strip_suffix(quote).filter(|inner| !inner.contains(quote));
    let inner =
        inner.ok_or_else(|| format!("the value starts with {quote} and does not end with it, or holds another one"))?;
    if quote == '"' && inner.contains('\\') {
        return Err("the value holds a backslash, which is not an escape here; put it in single quotes".to_owned());
    }
    Ok(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EnvFile, String> {
        EnvFile::parse(&Source { file: ".env", text }).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_taken_as_they_are() {
        let text = "# comment\n\nA=1\r\nexport B = 2\nC= with spaces \nD=\"quo#ted #x\"\nE='a\\b\"c'\nF=\nG=a=b$A#c\n";
        let text = text.replace("B = 2", "B= 2");
        let file = parse(&text).expect("every line is good");
        for (name, value) in [
            ("A", "1"),
            ("B", "2"),
            ("C", "with spaces"),
            ("D", "quo#ted #x"),
            ("E", "a\\b\"c"),
            ("F", ""),
            ("G", "a=b$A#c"),
        ] {
            assert_eq!(file.get(&name.parse().expect("a name")), Some(value), "{name}");
        }
        assert_eq!(file.get(&"H".parse().expect("a name")), None);
    }

    #[test]
    fn doubtful_lines_are_refused_without_their_value() {
        for (text, expected) in [
            ("A=1\nsecret", ".env:2:1: expected NAME=value"),
            (
                "A = secret",
                ".env:1:1: expected NAME=value, the name of letters, digits and `_`, without spaces around the `=`",
            ),
            (
                "A=secret # comment",
                ".env:1:1: the value may end in a comment; put the comment on a line of its own, or quote the value",
            ),
            ("A=\"secret", ".env:1:1: the value starts with \" and does not end with it, or holds another one"),
            ("A='", ".env:1:1: the value starts with ' and does not end with it, or holds another one"),
            ("A='sec'ret'", ".env:1:1: the value starts with ' and does not end with it, or holds another one"),
            (
                "A=\"sec\\nret\"",
                ".env:1:1: the value holds a backslash, which is not an escape here; put it in single quotes",
            ),
            ("A=sec\0ret", ".env:1:1: the value holds a NUL character, which no variable can"),
            ("A=1\n\nA=secret", ".env:3:1: A is set twice; remove one"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()));
        }
    }

    #[test]
    fn values_are_not_formatted() {
        let file = parse("TOKEN=secret").expect("the line is good");
        assert_eq!(format!("{file:?}"), "{EnvName(\"TOKEN\")}");
    }
}
