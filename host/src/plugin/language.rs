//! The languages that plugins are written in, told apart by the file that each one's own tools start from.

use std::{fmt, path::Path};

use clap::ValueEnum;

/// A language that Toolcell starts and builds plugins in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// With cargo and the SDK `toolcell-sdk`.
    Rust,
    /// With npm and the SDK `toolcell`.
    #[value(name = "javascript")]
    JavaScript,
    /// With npm, the SDK `toolcell` and types that the compiler checks.
    #[value(name = "typescript")]
    TypeScript,
}

impl Language {
    /// All of them, in the order in which a folder's files are looked at.
    /// TypeScript has the file of JavaScript, too.
    const ALL: [Self; 3] = [Self::Rust, Self::TypeScript, Self::JavaScript];

    /// The language of the project in this folder; `None` where there is no project.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        Self::ALL.into_iter().find(|language| folder.join(language.project_file()).is_file())
    }

    /// The file that makes a folder a project in this language.
    #[must_use]
    pub fn project_file(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::JavaScript => "package.json",
            Self::TypeScript => "tsconfig.json",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
        })
    }
}
