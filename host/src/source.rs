//! Text files that a person wrote, and errors that point into them: `plugins/x/plugin.toml:7:12: what was expected`.

use std::{collections::BTreeSet, fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use toml::Spanned;

use crate::{
    nearest::nearest,
    policy::{
        Access, CacheCaps, CacheRoom, Folders, PartialLimits,
        limits::{check_concurrency, parse_deadline, parse_memory},
        state::{parse_room, parse_ttl},
        units::{bytes_text, duration_text},
    },
};

/// A text and the name that errors call it by.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// As the operator would write the path.
    pub file: &'a str,
    /// What the file holds.
    pub text: &'a str,
}

/// Something in a file is not as it has to be, or the file itself is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// As the operator would write the path.
    pub file: String,
    /// Line and column, both from 1, the column in characters. `None` for the file as a whole.
    pub position: Option<(usize, usize)>,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl SourceError {
    /// An error about the file as a whole.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), position: None, message: message.into() }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for SourceError {}

impl Source<'_> {
    /// Reads the text as TOML into its raw form.
    ///
    /// # Errors
    ///
    /// What TOML or the form does not allow, where it is, and for an unknown key the one that was probably meant.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, SourceError> {
        toml::from_str(self.text).map_err(|error| {
            let message = in_plain_words(error.message());
            match error.span() {
                Some(span) => self.error_at(span, message),
                None => SourceError::of_file(self.file, message),
            }
        })
    }

    /// An error about the bytes of the text from `span.start`.
    pub fn error_at(&self, span: Range<usize>, message: impl Into<String>) -> SourceError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let position = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
        SourceError { file: self.file.to_owned(), position: Some(position), message: message.into() }
    }

    /// An error about a value.
    pub fn error<T>(&self, value: &Spanned<T>, message: impl Into<String>) -> SourceError {
        self.error_at(value.span(), message)
    }

    /// The meaning of one written value.
    ///
    /// # Errors
    ///
    /// The value's own error, at its place.
    pub fn value<T: FromStr<Err: fmt::Display>>(&self, written: &Spanned<String>) -> Result<T, SourceError> {
        written.get_ref().parse().map_err(|error: T::Err| self.error(written, error.to_string()))
    }

    /// The meaning of a written list in which order means nothing.
    ///
    /// # Errors
    ///
    /// The first bad value, or the first that means the same as one before it.
    pub fn set<T>(&self, written: &[Spanned<String>]) -> Result<BTreeSet<T>, SourceError>
    where
        T: FromStr<Err: fmt::Display> + Ord,
    {
        let mut set = BTreeSet::new();
        for item in written {
            if !set.insert(self.value(item)?) {
                return Err(self.error(item, format!("{:?} is in the list twice; remove one", item.get_ref())));
            }
        }
        Ok(set)
    }

    /// An error about the first limit of a table.
    pub(crate) fn error_of_limits(&self, written: &LimitsTable, message: &str) -> SourceError {
        let LimitsTable { memory, deadline, concurrency } = written;
        let span = memory.as_ref().or(deadline.as_ref()).map(Spanned::span);
        let span = span.or_else(|| concurrency.as_ref().map(Spanned::span)).unwrap_or_default();
        self.error_at(span, message)
    }

    /// The meaning of a written room of which each measure may be left out.
    ///
    /// # Errors
    ///
    /// The first measure that is not a size or a duration in its range.
    pub(crate) fn cache_caps(&self, CacheTable { max, ttl_max }: &CacheTable) -> Result<CacheCaps, SourceError> {
        let max = max.as_ref().map(|max| parse_room(max.get_ref()).map_err(|error| self.error(max, error)));
        let ttl_max = ttl_max.as_ref().map(|ttl| parse_ttl(ttl.get_ref()).map_err(|error| self.error(ttl, error)));
        Ok(CacheCaps { max: max.transpose()?, ttl_max: ttl_max.transpose()? })
    }

    /// The meaning of a written room.
    ///
    /// # Errors
    ///
    /// Those of [`Source::cache_caps`], or the measure that is missing.
    pub(crate) fn cache_room(&self, written: &Spanned<CacheTable>) -> Result<CacheRoom, SourceError> {
        let CacheCaps { max, ttl_max } = self.cache_caps(written.get_ref())?;
        let missing =
            |key: &str| self.error(written, format!("missing key `{key}`, such as max = \"16MiB\", ttl-max = \"1h\""));
        Ok(CacheRoom { max: max.ok_or_else(|| missing("max"))?, ttl_max: ttl_max.ok_or_else(|| missing("ttl-max"))? })
    }

    /// The meaning of a written list of folders.
    ///
    /// # Errors
    ///
    /// The first path or access that is none, the first folder that the plugin sees where another is or that lies in one that
    /// it asks to write in, and one too many.
    pub(crate) fn folders(&self, written: &[FolderTable]) -> Result<Folders, SourceError> {
        let mut folders = Folders::default();
        if let Some(FolderTable { path, .. }) = written.get(Folders::MOST) {
            return Err(self.error(path, format!("a plugin may have {} folders", Folders::MOST)));
        }
        for FolderTable { path, access } in written {
            let access = access.as_ref().map_or(Ok(Access::Read), |access| self.value(access))?;
            if !folders.insert(self.value(path)?, access) {
                let problem = format!(
                    "the plugin sees another folder of the list at the path of {:?}; remove one",
                    path.get_ref()
                );
                return Err(self.error(path, problem));
            }
        }
        let nested = written.iter().find(|folder| folders.is_within_changeable(folder.path.get_ref()));
        match nested {
            // What can be moved in the outer one would decide where the inner one is.
            Some(FolderTable { path, .. }) => {
                let problem =
                    format!("{:?} lies in another folder of the list that is read-write; remove one", path.get_ref());
                Err(self.error(path, problem))
            }
            None => Ok(folders),
        }
    }

    /// The meaning of a written table of limits.
    ///
    /// # Errors
    ///
    /// The first limit that is not a size, a duration or a number in its range.
    pub(crate) fn limits(&self, written: &LimitsTable) -> Result<PartialLimits, SourceError> {
        let LimitsTable { memory, deadline, concurrency } = written;
        let memory = memory
            .as_ref()
            .map(|memory| parse_memory(memory.get_ref()).map_err(|error| self.error(memory, error.to_string())));
        let deadline = deadline.as_ref().map(|deadline| {
            parse_deadline(deadline.get_ref()).map_err(|error| self.error(deadline, error.to_string()))
        });
        let concurrency = concurrency.as_ref().map(|concurrency| {
            check_concurrency(*concurrency.get_ref()).map_err(|error| self.error(concurrency, error.to_string()))
        });
        Ok(PartialLimits {
            memory: memory.transpose()?,
            deadline: deadline.transpose()?,
            concurrency: concurrency.transpose()?,
        })
    }
}

/// A cache's room as written, in manifests and in the lock file; toolcell.toml has the same and more.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CacheTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl_max: Option<Spanned<String>>,
}

impl CacheTable {
    /// The table to write for this room.
    pub(crate) fn of(room: &CacheRoom) -> Self {
        Self { max: Some(unplaced(bytes_text(room.max))), ttl_max: Some(unplaced(duration_text(room.ttl_max))) }
    }
}

/// A folder as written, in manifests, the lock file and toolcell.toml alike.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FolderTable {
    path: Spanned<String>,
    access: Option<Spanned<String>>,
}

impl FolderTable {
    /// The tables to write for these folders.
    pub(crate) fn of(folders: &Folders) -> Vec<Self> {
        let table = |path: &str, access: Access| Self {
            path: unplaced(path.to_owned()),
            access: Some(unplaced(access.as_str().to_owned())),
        };
        folders.iter().map(|(path, access)| table(path.as_str(), access)).collect()
    }
}

/// `[limits]` as written, in manifests, the lock file and toolcell.toml alike.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<Spanned<i64>>,
}

impl LimitsTable {
    /// The table to write for these limits.
    pub(crate) fn of(limits: &PartialLimits) -> Self {
        Self {
            memory: limits.memory.map(|memory| unplaced(bytes_text(memory))),
            deadline: limits.deadline.map(|deadline| unplaced(duration_text(deadline))),
            concurrency: limits.concurrency.map(|concurrency| unplaced(concurrency.into())),
        }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.memory.is_none() && self.deadline.is_none() && self.concurrency.is_none()
    }
}

/// A value that was not read from a text but is to be written.
pub(crate) fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

/// Serde's words in those of TOML, and for an unknown key the one that was probably meant.
fn in_plain_words(message: &str) -> String {
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("missing key {field}");
    }
    for (serde, toml) in [
        ("expected a sequence", "expected a list: [...]"),
        ("expected a map", "expected a table: { ... }"),
        ("expected a string", "expected text in quotes"),
        ("expected struct RawUser", "expected a table of a user's: [users.NAME]"),
        ("expected struct FolderTable", "expected a folder: { path = \"data\", access = \"read\" }"),
    ] {
        if let Some(before) = message.strip_suffix(serde) {
            return format!("{before}{toml}");
        }
    }
    with_suggestion(message)
}

/// Serde words an unknown key as ``unknown field `netwrok`, expected one of `network`, `env` ``: the first backticked word
/// is what was written, the others are what there is.
fn with_suggestion(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field ") else {
        return message.to_owned();
    };
    let mut words = rest.split('`').skip(1).step_by(2);
    let written = words.next().unwrap_or_default();
    let known: Vec<&str> = words.collect();
    match nearest(written, known.iter().copied()) {
        Some(nearest) => format!("unknown key {written:?}; did you mean {nearest:?}?"),
        None => format!("unknown key {written:?}; expected one of: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[serde(default)]
        names: Vec<Spanned<String>>,
        #[serde(default)]
        limits: LimitsTable,
    }

    fn read(text: &str) -> Result<(BTreeSet<crate::policy::EnvName>, PartialLimits), String> {
        let source = Source { file: "f.toml", text };
        let read = || {
            let form: Form = source.parse()?;
            Ok((source.set(&form.names)?, source.limits(&form.limits)?))
        };
        read().map_err(|error: SourceError| error.to_string())
    }

    #[test]
    fn errors_point_to_their_place() {
        for (text, expected) in [
            (
                "names = [\n  \"A\",\n  \"ä\", \"2B\"]",
                "f.toml:3:3: \"ä\" is not the name of a variable; \
                expected letters, digits and `_`, not starting with a digit",
            ),
            ("names = [\"A\", \"A\"]", "f.toml:1:15: \"A\" is in the list twice; remove one"),
            ("names = 3", "f.toml:1:9: invalid type: integer `3`, expected a list: [...]"),
            ("name = []", "f.toml:1:1: unknown key \"name\"; did you mean \"names\"?"),
            ("zzz = []", "f.toml:1:1: unknown key \"zzz\"; expected one of: names, limits"),
            ("[limits]\nmemmory = \"1MiB\"", "f.toml:2:1: unknown key \"memmory\"; did you mean \"memory\"?"),
            ("[limits]\nmemory = 64", "f.toml:2:10: invalid type: integer `64`, expected text in quotes"),
            (
                "[limits]\nmemory = \"64\"",
                "f.toml:2:10: \"64\" is not a size; \
                write a whole number and KiB, MiB or GiB, such as \"64MiB\"",
            ),
            (
                "[limits]\ndeadline = \"2d\"",
                "f.toml:2:12: \"2d\" is not a duration; \
                write a whole number and ms, s, m or h, such as \"30s\"",
            ),
            ("[limits]\nconcurrency = 0", "f.toml:2:15: concurrency 0 is out of range; expected 1 to 1000"),
            ("names = []\nnames = []", "f.toml:2:1: duplicate key"),
        ] {
            assert_eq!(read(text), Err(expected.to_owned()));
        }
    }

    #[test]
    fn columns_count_characters() {
        let source = Source { file: "f", text: "a\näöü x" };
        assert_eq!(source.error_at(9..10, "here").to_string(), "f:2:5: here");
    }

    #[test]
    fn a_file_without_a_place_is_named() {
        assert_eq!(SourceError::of_file("plugins/x", "is not a folder").to_string(), "plugins/x: is not a folder");
    }
}
