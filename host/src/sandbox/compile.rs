//! From wasm to machine code. Compiling cannot be interrupted, and a small hostile component can take minutes and
//! gigabytes, so the binary compiles in a child process with limits that can be killed.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::Stdio,
};

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasmtime::Engine;

use super::{LoadError, engine};
use crate::policy::units::bytes_text;

/// Bytes of address space of the compiling process.
const MAX_ADDRESS_SPACE: u64 = 2 << 30;
/// Seconds of processor time of the compiling process.
const MAX_CPU_SECONDS: u64 = 60;
/// Bytes of machine code that are read from it.
const MAX_CODE: u64 = 1 << 30;
/// Bytes of an error of the compiling process that are read.
const MAX_ERROR: u64 = 4 << 10;

/// Who compiles.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// This process: for embedders, who trust what they load.
    InProcess,
    /// A child: this program, which calls [`compile_stdin`] when started with the argument `compile`.
    Child(PathBuf),
}

impl Compiler {
    pub(super) async fn compile(&self, engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        match self {
            Self::InProcess => {
                engine.precompile_component(wasm).map_err(|error| LoadError::Compile(format!("{error:#}")))
            }
            Self::Child(program) => in_child(program, wasm, MAX_CODE).await,
        }
    }
}

async fn in_child(program: &PathBuf, wasm: &[u8], most: u64) -> Result<Vec<u8>, LoadError> {
    let failed = |error: io::Error| LoadError::Compile(format!("the compiling process failed: {error}"));
    let mut child = tokio::process::Command::new(program)
        .arg("compile")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed(io::Error::other("no pipes")));
    };
    let write = async move {
        // A child that died early says why on stderr.
        let _ = stdin.write_all(wasm).await;
    };
    let (mut code, mut error) = (Vec::new(), String::new());
    let (mut stdout, mut stderr) = (stdout.take(most + 1), stderr.take(MAX_ERROR));
    let ((), read, _) = tokio::join!(write, stdout.read_to_end(&mut code), stderr.read_to_string(&mut error));
    read.map_err(failed)?;
    if code.len() as u64 > most {
        // It would wait for ever for somebody to read the rest.
        return Err(LoadError::CompileLimit(format!("{} of machine code", bytes_text(most))));
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() {
        return Ok(code);
    }
    Err(match (error.trim(), std::os::unix::process::ExitStatusExt::signal(&status)) {
        (error, None) if !error.is_empty() => LoadError::Compile(error.to_owned()),
        // SIGXCPU and SIGKILL end a process at its limit of time; a failed allocation aborts it.
        (_, Some(9 | 24)) => LoadError::CompileLimit(format!("{MAX_CPU_SECONDS} s of processor time")),
        (_, Some(6 | 11)) => LoadError::CompileLimit(format!("{} GiB of memory", MAX_ADDRESS_SPACE >> 30)),
        (error, _) => LoadError::Compile(format!("the compiling process ended with {status}: {error}")),
    })
}

/// The child's part: puts limits on this process, reads a component from stdin and writes its machine code to stdout.
///
/// # Errors
///
/// When the component does not compile, or stdin and stdout do not work.
pub fn compile_stdin() -> io::Result<()> {
    let limit = |value| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::As, limit(MAX_ADDRESS_SPACE))?;
    setrlimit(Resource::Cpu, limit(MAX_CPU_SECONDS))?;
    setrlimit(Resource::Core, limit(0))?;
    let mut wasm = Vec::new();
    io::stdin().lock().read_to_end(&mut wasm)?;
    let engine = Engine::new(&engine::config()).map_err(|error| io::Error::other(format!("{error:#}")))?;
    let code = engine.precompile_component(&wasm).map_err(|error| io::Error::other(format!("{error:#}")))?;
    io::stdout().lock().write_all(&code)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// What is said of a compiling process that does this.
    async fn said(script: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let program = folder.path().join("compiler");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("the folder is ours");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("the file is ours");
        loop {
            let error = in_child(&program, &vec![0; 1 << 20], 1 << 20).await.expect_err("it fails").to_string();
            // Another test may have started a process while the file was open here.
            if !error.contains("Text file busy") {
                return error;
            }
        }
    }

    #[tokio::test]
    async fn a_compiling_process_that_is_ended_names_its_limit() {
        for (script, expected) in [
            ("kill -XCPU $$", "compiling it took more than 60 s of processor time"),
            ("kill -KILL $$", "compiling it took more than 60 s of processor time"),
            ("kill -ABRT $$", "compiling it took more than 2 GiB of memory"),
            ("echo 'unexpected end' >&2; exit 1", "unexpected end"),
            ("head -c 1048577 /dev/zero; sleep 60", "compiling it took more than 1MiB of machine code"),
            ("exit 3", "the compiling process ended with exit status: 3: "),
        ] {
            assert_eq!(said(script).await, expected, "{script}");
        }
        // What it says is read as far as an error may be long.
        assert!(said("yes >&2 & sleep 1; kill $!; exit 1").await.len() <= 4 << 10);
    }

    #[tokio::test]
    async fn without_a_program_the_reason_is_named() {
        let error = in_child(&PathBuf::from("/no/such/program"), b"", 0).await.expect_err("there is none");
        assert!(error.to_string().starts_with("the compiling process failed: No such file"), "{error}");
    }
}
