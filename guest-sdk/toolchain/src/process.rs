use std::process::{Command, Output, Stdio};

/// Runs `command` with nothing to read and returns what it printed, or in one line why it did not succeed.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.stdin(Stdio::null()).output() {
        Ok(done) if done.status.success() => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        Ok(done) => Err(format!("{program} ended with {}: {}", done.status, complaint(&done))),
        Err(error) => Err(format!("{program} could not be run: {error}")),
    }
}

/// The lines in which the program says what is wrong, else the last one that it wrote.
fn complaint(done: &Output) -> String {
    let text = String::from_utf8_lossy(&done.stderr);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let errors: Vec<&str> = lines().filter(|line| line.starts_with("error") || line.starts_with("E: ")).collect();
    if errors.is_empty() { lines().next_back().unwrap_or("no message").to_owned() } else { errors.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<String, String> {
        output(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn output_is_what_was_printed() {
        assert_eq!(shell("echo here"), Ok("here\n".to_owned()));
    }

    #[test]
    fn a_failure_names_program_status_and_complaint() {
        assert_eq!(
            shell("echo info: trying >&2; echo error: no network >&2; echo bye >&2; exit 7"),
            Err("sh ended with exit status: 7: error: no network".to_owned())
        );
        assert_eq!(shell("echo bye >&2; exit 1"), Err("sh ended with exit status: 1: bye".to_owned()));
        assert_eq!(shell("exit 1"), Err("sh ended with exit status: 1: no message".to_owned()));
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let error = output(&mut Command::new("no-such-program")).expect_err("it does not exist");
        assert!(error.starts_with("no-such-program could not be run: "), "{error}");
    }
}
