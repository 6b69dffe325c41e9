//! The languages that plugins are written in, told apart by the file that each one's own tools start from.

use std::{fmt, path::Path};

use clap::ValueEnum;

/// A language that Toolcell starts and builds plugins in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// With cargo and the SDK `toolcell-sdk`.
    Rust,
    /// With componentize-py and the SDK `toolcell`.
    Python,
    /// With npm and the SDK `toolcell`.
    #[value(name = "javascript")]
    JavaScript,
    /// With npm, the SDK `toolcell` and types that the compiler checks.
    #[value(name = "typescript")]
    TypeScript,
    /// With the compiler of go.dev, against the bindings of the project's WIT.
    Go,
    /// With clang or zig, against the bindings of the project's WIT; C++ and Zig by the same Makefile.
    C,
}

impl Language {
    /// All of them, in the order in which a folder's files are looked at: TypeScript has the file of JavaScript, too, and projects
    /// of every language may have a Makefile.
    const ALL: [Self; 6] = [Self::Rust, Self::Python, Self::TypeScript, Self::JavaScript, Self::Go, Self::C];

    /// The language of the project in this folder; `None` where there is no project.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let is_project = |language: &Self| {
            // A Makefile alone says nothing of what it makes.
            folder.join(language.project_file()).is_file() && (*language != Self::C || folder.join("wit").is_dir())
        };
        Self::ALL.into_iter().find(is_project)
    }

    /// The file that makes a folder a project in this language.
    #[must_use]
    pub fn project_file(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Python => "pyproject.toml",
            Self::JavaScript => "package.json",
            Self::TypeScript => "tsconfig.json",
            Self::Go => "go.mod",
            Self::C => "Makefile",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Go => "Go",
            Self::C => "C",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_makefile_is_a_project_in_c_only_beside_wit() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("Makefile"), "").expect("it is ours");
        assert_eq!(Language::of(folder.path()), None);
        fs::create_dir(folder.path().join("wit")).expect("it is ours");
        assert_eq!(Language::of(folder.path()), Some(Language::C));
        fs::write(folder.path().join("go.mod"), "").expect("it is ours");
        assert_eq!(Language::of(folder.path()), Some(Language::Go));
    }
}
