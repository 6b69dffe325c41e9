//! Folders that a plugin may use: how they are named, how far they may be used, and why a path is refused.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::Grant;
use crate::{
    receipt::{Denial, FileDenial, FileRefusal},
    text::{self, hidden_character},
};

/// What may be done with the files of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read and list them.
    Read,
    /// Change, make and delete them, too.
    ReadWrite,
}

impl Access {
    /// As it is written in manifests and the lock file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
        }
    }
}

/// The text names no access.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no access; expected \"read\" or \"read-write\"")]
pub struct InvalidAccess(String);

impl FromStr for Access {
    type Err = InvalidAccess;

    fn from_str(text: &str) -> Result<Self, InvalidAccess> {
        [Self::Read, Self::ReadWrite]
            .into_iter()
            .find(|access| access.as_str() == text)
            .ok_or_else(|| InvalidAccess(text.to_owned()))
    }
}

/// The path of a folder as manifests write it: relative for one in the plugin's own folder, absolute for another of the
/// machine. 1 to 255 bytes, without `.`, `..`, empty parts, backslashes and characters that cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderPath(String);

impl FolderPath {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the folder lies in the plugin's own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        !self.0.starts_with('/')
    }

    /// The path by which the plugin sees it: as it is written, a relative one from `/`.
    #[must_use]
    pub fn seen_at(&self) -> String {
        if self.is_own() { format!("/{}", self.0) } else { self.0.clone() }
    }

    /// Whether it holds the path that a plugin gave, which may lead out again by `..`.
    fn holds(&self, path: &str) -> bool {
        let within = path.strip_prefix(self.seen_at().as_str());
        within.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot name a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot name a folder of files; expected a path such as \"data\", in the plugin's own folder, or \"/srv/docs\", \
     without `.`, `..` and characters that cannot be seen"
)]
pub struct InvalidFolderPath(String);

impl FromStr for FolderPath {
    type Err = InvalidFolderPath;

    fn from_str(text: &str) -> Result<Self, InvalidFolderPath> {
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        let parts = text.strip_prefix('/').unwrap_or(text);
        let is_unseen = text.contains(['\\', '\n', '\t']) || hidden_character(text).is_some();
        if parts.split('/').all(is_plain) && text.len() <= 255 && !is_unseen {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidFolderPath(text.to_owned()))
        }
    }
}

/// Folders and how far each may be used, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folders(BTreeMap<FolderPath, Access>);

impl Folders {
    /// Folders that a plugin may have.
    pub const MOST: usize = 16;

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The folders, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&FolderPath, Access)> {
        self.0.iter().map(|(path, access)| (path, *access))
    }

    /// How far the folder of this path may be used.
    #[must_use]
    pub fn access(&self, path: &FolderPath) -> Option<Access> {
        self.0.get(path).copied()
    }

    /// Whether any of them may be changed.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.0.values().any(|access| *access == Access::ReadWrite)
    }

    /// Adds a folder. `false` where the plugin sees another at the same path already: this one, or `/data` beside `data`.
    #[must_use]
    pub fn insert(&mut self, path: FolderPath, access: Access) -> bool {
        let is_free = self.0.keys().all(|other| other.seen_at() != path.seen_at());
        if is_free {
            self.0.insert(path, access);
        }
        is_free
    }

    /// Whether the folder of this path lies in another one of these that may be changed.
    #[must_use]
    pub fn is_within_changeable(&self, path: &str) -> bool {
        let Ok(path) = path.parse::<FolderPath>() else { return false };
        let changeable = self.iter().filter(|(other, access)| *access == Access::ReadWrite && **other != path);
        changeable.into_iter().any(|(other, _)| other.holds(&path.seen_at()))
    }

    /// The folders that the others do not take in, each as far as it is asked for here.
    #[must_use]
    pub fn beyond(&self, others: &Self) -> Self {
        let is_more = |(path, access): &(&FolderPath, Access)| others.access(path).is_none_or(|other| *access > other);
        self.iter().filter(is_more).map(|(path, access)| (path.clone(), access)).collect()
    }

    /// What both allow.
    #[must_use]
    pub fn intersection(&self, others: &Self) -> Self {
        let both = |(path, access): (&FolderPath, Access)| Some((path.clone(), access.min(others.access(path)?)));
        self.iter().filter_map(both).collect()
    }

    /// What either allows.
    #[must_use]
    pub fn union(&self, others: &Self) -> Self {
        let mut both = self.clone();
        for (path, access) in others.iter() {
            let known = both.0.entry(path.clone()).or_insert(access);
            *known = access.max(*known);
        }
        both
    }

    /// One phrase for each, to be read after "it may".
    pub fn in_words(&self) -> impl Iterator<Item = String> {
        self.iter().map(|(path, access)| {
            let place = if path.is_own() {
                format!("`{path}` of its own folder")
            } else {
                format!("{path} of this machine, and all that is below it")
            };
            match access {
                Access::Read => format!("read the files in {place}"),
                Access::ReadWrite => format!(
                    "read, write and delete the files in {place}; what it writes stays after the call, and nothing bounds how \
                     much that becomes over many calls"
                ),
            }
        })
    }

    /// The folder that a path of the plugin's lies in; of several the innermost.
    fn holding(&self, path: &str) -> Option<(&FolderPath, Access)> {
        self.iter().filter(|(folder, _)| folder.holds(path)).max_by_key(|(folder, _)| folder.seen_at().len())
    }
}

impl FromIterator<(FolderPath, Access)> for Folders {
    fn from_iter<T: IntoIterator<Item = (FolderPath, Access)>>(folders: T) -> Self {
        Self(folders.into_iter().collect())
    }
}

/// One folder that the operator grants by name: `PATH` as far as it is asked for, `PATH:read` to be read alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderChoice {
    /// The folder.
    pub path: FolderPath,
    /// How far it may be used at most.
    pub most: Access,
}

impl FromStr for FolderChoice {
    type Err = InvalidFolderPath;

    fn from_str(text: &str) -> Result<Self, InvalidFolderPath> {
        let (path, most) = match text.strip_suffix(":read") {
            Some(path) => (path, Access::Read),
            None => (text, Access::ReadWrite),
        };
        Ok(Self { path: path.parse()?, most })
    }
}

impl Grant {
    /// Why a path is refused that no open folder holds. `path` is as the plugin gave it.
    #[must_use]
    pub fn file_out_of_reach(&self, path: &str) -> Denial {
        self.file_denial(
            path,
            match self.asked_files.holding(path) {
                None => FileRefusal::NotAsked { asks_for_some: !self.asked_files.is_empty() },
                Some((folder, _)) if self.files.access(folder).is_some() => {
                    FileRefusal::Missing { folder: folder.to_string() }
                }
                Some((folder, _)) => FileRefusal::NotGranted { folder: folder.to_string() },
            },
        )
    }

    /// Why something in a folder that may only be read is not changed.
    #[must_use]
    pub fn file_only_read(&self, path: &str) -> Denial {
        let asked = self.asked_files.holding(path);
        self.file_denial(
            path,
            FileRefusal::ReadOnly { is_asked: asked.is_some_and(|(_, access)| access == Access::ReadWrite) },
        )
    }

    /// Why a path is refused that leads out of the folder in which it begins.
    #[must_use]
    pub fn file_leads_out(&self, path: &str) -> Denial {
        self.file_denial(path, FileRefusal::LeadsOut)
    }

    fn file_denial(&self, path: &str, why: FileRefusal) -> Denial {
        let path = text::one_line(&text::shown(path, FileDenial::MAX_PATH));
        Denial::File(Box::new(FileDenial { path, why, plugin: self.plugin_text() }))
    }

    /// The folders whose files may be used.
    #[must_use]
    pub fn files(&self) -> &Folders {
        &self.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Capabilities, Limits, PluginPolicy, Policy};

    fn folders(folders: &[(&str, Access)]) -> Folders {
        folders.iter().map(|(path, access)| (path.parse().expect("the test writes a path"), *access)).collect()
    }

    fn why(denial: Denial) -> FileRefusal {
        if let Denial::File(denial) = denial { denial.why } else { panic!("{denial:?}") }
    }

    #[test]
    fn folders_are_named_plainly() {
        for (good, seen_at) in [("data", "/data"), ("a/b c", "/a/b c"), ("/srv/docs", "/srv/docs"), ("ä..", "/ä..")] {
            let path: Result<FolderPath, _> = good.parse();
            assert_eq!(path.map(|path| path.seen_at()), Ok(seen_at.to_owned()));
        }
        let long = "a".repeat(256);
        for bad in
            ["", ".", "..", "/", "//", "a/", "a//b", "../a", "a/../b", "/..", "./a", "a\\b", "a\0", "a\u{202e}", &long]
        {
            assert_eq!(bad.parse::<FolderPath>(), Err(InvalidFolderPath(bad.to_owned())));
        }
    }

    #[test]
    fn no_two_folders_are_seen_at_one_path() {
        let mut seen = folders(&[("data", Access::Read)]);
        assert!(!seen.insert("/data".parse().expect("a path"), Access::Read));
        assert!(!seen.insert("data".parse().expect("a path"), Access::ReadWrite));
        assert!(seen.insert("data/in".parse().expect("a path"), Access::Read));
    }

    #[test]
    fn writing_is_more_than_reading() {
        let read = folders(&[("data", Access::Read), ("/srv/docs", Access::Read)]);
        let write = folders(&[("data", Access::ReadWrite)]);
        assert_eq!(write.beyond(&read), write);
        assert_eq!(read.beyond(&write), folders(&[("/srv/docs", Access::Read)]));
        assert_eq!(read.intersection(&write), folders(&[("data", Access::Read)]));
        assert_eq!(read.union(&write), folders(&[("data", Access::ReadWrite), ("/srv/docs", Access::Read)]));
        assert!(write.may_change() && !read.may_change());
    }

    #[test]
    fn a_refusal_says_whose_matter_it_is() {
        let files = folders(&[("data", Access::ReadWrite), ("in", Access::Read), ("/srv/docs", Access::Read)]);
        let everything = Grant::everything(&Capabilities { files, ..Capabilities::default() });
        let own = PluginPolicy { files: Some(folders(&[("data", Access::Read)])), ..PluginPolicy::default() };
        let policy = Policy { plugins: [("p".parse().expect("a name"), own)].into(), ..Policy::default() };
        let grant = policy.narrow(&"p".parse().expect("a name"), everything).expect("the plugin is enabled");
        assert_eq!(grant.files(), &folders(&[("data", Access::Read)]));

        let folder = |folder: &str| folder.to_owned();
        assert_eq!(
            why(grant.file_out_of_reach("/srv/docs/a")),
            FileRefusal::NotGranted { folder: folder("/srv/docs") }
        );
        assert_eq!(why(grant.file_out_of_reach("/data/a")), FileRefusal::Missing { folder: folder("data") });
        for path in ["/srv/docs2", "/", "/database", "data"] {
            assert_eq!(why(grant.file_out_of_reach(path)), FileRefusal::NotAsked { asks_for_some: true }, "{path}");
        }
        let nothing = Grant::nothing(Limits::default());
        assert_eq!(why(nothing.file_out_of_reach("/data")), FileRefusal::NotAsked { asks_for_some: false });
        assert_eq!(why(grant.file_only_read("/data/a")), FileRefusal::ReadOnly { is_asked: true });
        assert_eq!(why(grant.file_only_read("/in/a")), FileRefusal::ReadOnly { is_asked: false });
    }

    #[test]
    fn what_a_plugin_wrote_is_bounded_and_shown_safely() {
        let Denial::File(denial) =
            Grant::nothing(Limits::default()).file_leads_out(&format!("/\n\u{202e}{}", "x".repeat(999)))
        else {
            panic!("it is a file's")
        };
        assert!(denial.path.starts_with("/\\nxxx") && denial.path.chars().count() < 140, "{}", denial.path);
    }

    #[test]
    fn a_choice_is_the_whole_folder_or_reading_alone() {
        let choice = |text: &str| text.parse::<FolderChoice>().map(|choice| (choice.path.to_string(), choice.most));
        assert_eq!(choice("data"), Ok(("data".to_owned(), Access::ReadWrite)));
        assert_eq!(choice("/srv/a:read"), Ok(("/srv/a".to_owned(), Access::Read)));
        assert!(choice(":read").is_err());
    }
}
