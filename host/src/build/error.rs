use std::{fmt::Display, path::Path, process::ExitStatus};

use crate::plugin::Language;

/// Why source did not become a component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// There is no Rust that builds for WebAssembly.
    #[error(transparent)]
    NoRust(#[from] toolcell_toolchain::SetupError),
    /// The crate did not build.
    #[error(transparent)]
    Rust(#[from] toolcell_toolchain::BuildError),
    /// A program that the language needs could not be started.
    #[error("{program} is needed to build plugins in {language} and could not be started: {reason}. {install}")]
    Missing {
        /// As it is called.
        program: String,
        /// What needs it.
        language: Language,
        /// Of the operating system.
        reason: String,
        /// A sentence that says how to get it.
        install: &'static str,
    },
    /// A program that the language needs is too old.
    #[error("{program} is {version} here, too old to build plugins in {language}. {install}")]
    Outdated {
        /// As it is called.
        program: &'static str,
        /// As it says itself.
        version: String,
        /// What needs it.
        language: Language,
        /// A sentence that says how to get a newer one.
        install: &'static str,
    },
    /// A program that was started failed. What it said is on stderr.
    #[error("`{command}` ended with {status}; what it says is above. {check_first}")]
    Failed {
        /// As it was run.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// A sentence that says where to look.
        check_first: &'static str,
    },
    /// A file or folder is not as it has to be.
    #[error("{path}: {problem}")]
    File {
        /// Which one.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl BuildError {
    pub(super) fn file(path: &Path, problem: impl Display) -> Self {
        Self::File { path: path.display().to_string(), problem: problem.to_string() }
    }
}
