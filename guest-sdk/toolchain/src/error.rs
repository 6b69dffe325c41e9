use std::{error::Error, fmt, path::PathBuf, process::ExitStatus};

use crate::TARGET;

/// Why there is no compiler for guests.
#[derive(Debug)]
pub enum SetupError {
    /// No Rust compiler runs; says why.
    NoCompiler(String),
    /// The compiler lacks the target, and nothing that was tried could add it.
    NoTarget {
        /// What was tried and why it failed, one line each, in the order of trying.
        tried: Vec<String>,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCompiler(reason) => {
                writeln!(f, "there is no Rust compiler to build plugins with: {reason}")?;
                write!(f, "Install Rust (https://www.rust-lang.org/tools/install), then try again.")
            }
            Self::NoTarget { tried } => {
                writeln!(f, "the Rust target {TARGET} is missing and could not be set up. Tried:")?;
                for attempt in tried {
                    writeln!(f, "  - {attempt}")?;
                }
                write!(f, "Run `rustup target add {TARGET}` where rustup reaches its server, then try again.")
            }
        }
    }
}

impl Error for SetupError {}

/// Why a crate did not become a component.
#[derive(Debug)]
pub enum BuildError {
    /// Cargo cannot read the crate or its dependencies; says why.
    Unreadable {
        /// The crate's `Cargo.toml`.
        manifest_path: PathBuf,
        /// Cargo's own words.
        reason: String,
    },
    /// Cargo could not be started or watched; says why.
    Cargo(String),
    /// The crate does not compile. The compiler's messages went to stderr.
    Failed {
        /// The crate's `Cargo.toml`.
        manifest_path: PathBuf,
        /// How cargo ended.
        status: ExitStatus,
    },
    /// The crate compiles, and none of its targets is a component.
    NoComponent {
        /// The crate's `Cargo.toml`.
        manifest_path: PathBuf,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { manifest_path, reason } => {
                write!(f, "{}: cargo cannot read this crate or its dependencies: {reason}", manifest_path.display())
            }
            Self::Cargo(reason) => write!(f, "cargo could not be run to build a plugin: {reason}"),
            Self::Failed { manifest_path, status } => {
                write!(f, "{}: the crate does not build for {TARGET} ({status}). ", manifest_path.display())?;
                write!(f, "The compiler's messages above say why.")
            }
            Self::NoComponent { manifest_path } => {
                write!(f, "{}: the crate builds, but no component comes out. ", manifest_path.display())?;
                write!(f, "Check that what it builds has `crate-type = [\"cdylib\"]`.")
            }
        }
    }
}

impl Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_target_lists_what_was_tried_and_what_to_run() {
        let error = SetupError::NoTarget { tried: vec!["the first way: no".to_owned(), "the second: no".to_owned()] };
        assert_eq!(
            error.to_string(),
            "the Rust target wasm32-wasip2 is missing and could not be set up. Tried:\n  - the first way: no\n  - the \
             second: no\nRun `rustup target add wasm32-wasip2` where rustup reaches its server, then try again."
        );
    }

    #[test]
    fn a_crate_without_component_is_told_what_to_check() {
        let error = BuildError::NoComponent { manifest_path: PathBuf::from("plugins/text/Cargo.toml") };
        assert_eq!(
            error.to_string(),
            "plugins/text/Cargo.toml: the crate builds, but no component comes out. Check that what it builds has \
             `crate-type = [\"cdylib\"]`."
        );
    }
}
