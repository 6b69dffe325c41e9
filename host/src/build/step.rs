//! One program run on the way to a component.

use std::{
    ffi::OsStr,
    io,
    path::Path,
    process::{Command, Stdio},
};

use super::BuildError;
use crate::{plugin::Language, text::shell_word};

/// A program with its arguments, and what to say when it is not there or fails.
#[derive(Debug)]
pub(super) struct Step {
    command: Command,
    language: Language,
    install: &'static str,
    check_first: &'static str,
}

impl Step {
    /// `install` and `check_first` are sentences: how to get the program, and where to look when it fails.
    pub(super) fn new(
        program: impl AsRef<OsStr>,
        language: Language,
        install: &'static str,
        check_first: &'static str,
    ) -> Self {
        Self { command: Command::new(program), language, install, check_first }
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Shows the command, as somebody could type it in `folder`, and runs it there. What it prints goes to stderr: stdout is for what
    /// was built.
    ///
    /// # Errors
    ///
    /// [`BuildError::Missing`] and [`BuildError::Failed`].
    pub(super) fn run(mut self, folder: &Path, notify: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
        let shown = self.shown();
        notify(&format!("$ {shown}"));
        self.command.current_dir(folder).stdin(Stdio::null()).stdout(io::stderr());
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(BuildError::Failed { command: shown, status, check_first: self.check_first }),
            Err(error) => Err(BuildError::Missing {
                program: self.command.get_program().to_string_lossy().into_owned(),
                language: self.language,
                reason: error.to_string(),
                install: self.install,
            }),
        }
    }

    fn shown(&self) -> String {
        let variables = self.command.get_envs().filter_map(|(name, value)| {
            Some(format!("{}={}", name.to_string_lossy(), shell_word(&value?.to_string_lossy())))
        });
        let words = [self.command.get_program()].into_iter().chain(self.command.get_args());
        let words = words.map(|word| shell_word(&word.to_string_lossy()));
        variables.chain(words).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Step {
        Step::new("sh", Language::Rust, "Install a shell.", "Check the script.").args(["-c", script])
    }

    #[test]
    fn what_is_run_is_shown_as_it_could_be_typed() {
        let mut told = Vec::new();
        let here = Path::new(".");
        shell("test \"$GREETING\" = 'good day'")
            .env("GREETING", "good day")
            .run(here, &mut |line| told.push(line.to_owned()))
            .expect("the test holds");
        assert_eq!(told, ["$ GREETING='good day' sh -c 'test \"$GREETING\" = '\\''good day'\\'''"]);
    }

    #[test]
    fn what_fails_or_is_missing_says_what_to_do() {
        let run = |step: Step| step.run(Path::new("."), &mut |_| {}).expect_err("it fails").to_string();
        assert_eq!(
            run(shell("exit 3")),
            "`sh -c 'exit 3'` ended with exit status: 3; what it says is above. Check the script."
        );
        let missing = Step::new("no-such-program", Language::Rust, "Install it.", "Check it.");
        assert_eq!(
            run(missing),
            "no-such-program is needed to build plugins in Rust and could not be started: No such file or directory (os \
             error 2). Install it."
        );
    }
}
