//! Tools of other languages that pip installs.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::{BuildError, step::Step, tools};
use crate::plugin::Language;

const CHECK_FIRST: &str = "Check that PyPI is within reach.";

/// Installs what `requirement` names into the folder `site` of `folder`, with whatever pip there is: Debian's Python has pip and venv
/// in packages of their own, and either is enough. `install` is a sentence that says how to get them.
///
/// # Errors
///
/// When there is neither, or pip fails.
pub(super) fn install(
    folder: &Path,
    requirement: &str,
    language: Language,
    install: &'static str,
    notify: &mut dyn FnMut(&str),
) -> Result<(), BuildError> {
    let python = if has_pip() {
        "python3".into()
    } else {
        let venv = tools::tool("python-pip", "1", |folder| {
            Step::new("python3", language, install, install).args(["-m", "venv", "venv"]).run(folder, notify)
        })?;
        venv.join("venv/bin/python")
    };
    Step::new(python, language, install, CHECK_FIRST)
        // A user's own configuration may ask for --user, which excludes --target.
        .env("PIP_USER", "0")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", "site", requirement])
        .run(folder, notify)
}

fn has_pip() -> bool {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    pip.status().is_ok_and(|status| status.success())
}
