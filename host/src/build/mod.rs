//! From a plugin's source to its component, by its language's own tools: one file for each language.
//!
//! What a project depends on, its own package manager keeps in the project's folder. What Toolcell needs besides (a compiler to
//! components, say) is installed once for all plugins, in a folder of this user's; see [`tools`].

mod c;
mod error;
mod go;
mod javascript;
mod pip;
mod python;
mod rust;
mod step;
mod tools;
mod wit;

use std::path::PathBuf;

pub(crate) use self::error::BuildError;
use crate::plugin::Language;

/// A plugin's source.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) language: Language,
    /// Where its files are.
    pub(crate) folder: PathBuf,
    /// Whether the component keeps its line tables, where the language has a choice.
    pub(crate) line_tables: bool,
}

impl Project {
    /// Builds the component and returns its bytes. `notify` gets a line before each step that can take longer than a second, and
    /// each command as it is run; what the tools themselves say goes to stderr as it comes.
    ///
    /// # Errors
    ///
    /// [`BuildError`], with what to install or where to look.
    pub(crate) fn build(&self, notify: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
        match self.language {
            Language::Rust => rust::build(self, notify),
            Language::Python => python::build(self, notify),
            Language::JavaScript | Language::TypeScript => javascript::build(self, notify),
            Language::Go => go::build(self, notify),
            Language::C => c::build(self, notify),
        }
    }
}
