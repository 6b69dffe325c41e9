//! What a call did with files, and which paths it was refused.

use serde::{Deserialize, Serialize};

/// How a call used the files of folders that its plugin was granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileUse {
    /// Files and folders that were opened.
    pub opened: u64,
    /// Bytes written, with 4 KiB for each file, folder or link that may be new.
    pub written: u64,
}

impl FileUse {
    /// Whether nothing was opened and nothing written.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A path that a guest was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDenial {
    /// As the guest gave it, cut to [`FileDenial::MAX_PATH`] characters and safe to show.
    pub path: String,
    /// Why.
    pub why: FileRefusal,
    /// The plugin, for which a person may decide otherwise.
    pub plugin: Option<String>,
}

impl FileDenial {
    /// Characters of a path that are kept.
    pub const MAX_PATH: usize = 120;

    /// Whether the plugin works with files at all. One that asks for none may be refused what its language's runtime looks
    /// for by itself, such as the time zone of the machine.
    #[must_use]
    pub fn is_of_a_plugin_with_files(&self) -> bool {
        self.why != FileRefusal::NotAsked { asks_for_some: false }
    }
}

/// Why a path was refused. Folders are as the manifest writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRefusal {
    /// The manifest asks for no folder that holds it.
    NotAsked {
        /// Whether it asks for other folders.
        asks_for_some: bool,
    },
    /// The manifest asks for its folder and the operator has not granted it.
    NotGranted {
        /// The folder.
        folder: String,
    },
    /// Its folder may be read, and this would have changed something.
    ReadOnly {
        /// Whether the manifest asks to write there, so that it is the operator who has not granted it.
        is_asked: bool,
    },
    /// It leads out of its folder, by `..` or a symbolic link.
    LeadsOut,
    /// Its folder is granted, and is not there on the host or cannot be opened.
    Missing {
        /// The folder.
        folder: String,
    },
}
