//! Packages of `PyPI`: those that Python plugins import, and those that are tools of other languages.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::{BuildError, step::Step, tools};
use crate::plugin::Language;

const CHECK_FIRST: &str = "Check that PyPI is within reach.";

/// Installs what `requirement` names into the folder `site` of `folder`. `missing` is a sentence that says how to get pip.
///
/// # Errors
///
/// When there is no pip, or it fails.
pub(super) fn install(
    folder: &Path,
    requirement: &str,
    language: Language,
    missing: &'static str,
    notify: &mut dyn FnMut(&str),
) -> Result<(), BuildError> {
    step(language, missing, CHECK_FIRST, notify)?.args(["--target", "site", requirement]).run(folder, notify)
}

/// `pip install`, with whatever pip there is: Debian's Python has pip and venv in packages of their own, and either is enough.
///
/// # Errors
///
/// When there is neither.
pub(super) fn step(
    language: Language,
    missing: &'static str,
    check_first: &'static str,
    notify: &mut dyn FnMut(&str),
) -> Result<Step, BuildError> {
    let python = if has_pip() {
        "python3".into()
    } else {
        let venv = tools::tool("python-pip", "1", |folder| {
            Step::new("python3", language, missing, missing).args(["-m", "venv", "venv"]).run(folder, notify)
        })?;
        venv.join("venv/bin/python")
    };
    Ok(Step::new(python, language, missing, check_first)
        // A user's own configuration may ask for --user, which excludes --target.
        .env("PIP_USER", "0")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]))
}

fn has_pip() -> bool {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    pip.status().is_ok_and(|status| status.success())
}
