//! From wasm to machine code. Compiling cannot be interrupted, and a small hostile component can take minutes and
//! gigabytes, so the binary compiles in a child process with limits that can be killed.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::Stdio,
};

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::ChildStderr,
};
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
        Ok(())
    };
    let read = async move {
        let mut code = Vec::new();
        stdout.take(most + 1).read_to_end(&mut code).await.map_err(failed)?;
        if code.len() as u64 > most {
            // Returned at once, which ends the process: it would wait for ever for somebody to read the rest.
            return Err(LoadError::CompileLimit(format!("{} of machine code", bytes_text(most))));
        }
        Ok(code)
    };
    let listen = async { Ok(start_of(stderr).await) };
    let ((), code, error) = tokio::try_join!(write, read, listen)?;
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

/// What the compiling process has to say, as far as that is of use. All of it is read: the process would wait otherwise.
async fn start_of(mut stderr: ChildStderr) -> String {
    let mut start = Vec::new();
    // Whether this works or not, how the process ended is told in any case.
    let _ = (&mut stderr).take(MAX_ERROR).read_to_end(&mut start).await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&start).into_owned()
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

    /// What comes of a compiling process that does this, of which at most a mebibyte is read.
    async fn compile_by(script: &str) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let program = folder.path().join("compiler");
        // Moved into place once written: a program that is open for writing cannot be started.
        let written = folder.path().join("written");
        fs::write(&written, format!("#!/bin/sh\n{script}\n")).expect("the folder is ours");
        fs::set_permissions(&written, fs::Permissions::from_mode(0o700)).expect("the folder is ours");
        fs::rename(&written, &program).expect("the folder is ours");
        let wasm = vec![0; 1 << 20];
        loop {
            let compiled = in_child(&program, &wasm, 1 << 20).await;
            match compiled.map_err(|error| error.to_string()) {
                // Another test's child can still hold the file that was written, until it has become another program.
                Err(error) if error.contains("Text file busy") => tokio::task::yield_now().await,
                compiled => return compiled,
            }
        }
    }

    #[tokio::test]
    async fn what_ends_the_compiling_process_is_told() {
        for (script, expected) in [
            ("echo 'at offset 0x1: bad' >&2; exit 1", "at offset 0x1: bad"),
            ("kill -XCPU $$", "compiling it took more than 60 s of processor time"),
            ("kill -KILL $$", "compiling it took more than 60 s of processor time"),
            ("kill -ABRT $$", "compiling it took more than 2 GiB of memory"),
            (
                "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$",
                "compiling it took more than 2 GiB of memory",
            ),
            ("kill -SEGV $$", "compiling it took more than 2 GiB of memory"),
            ("head -c 1048577 /dev/zero; sleep 60", "compiling it took more than 1MiB of machine code"),
            ("exit 3", "the compiling process ended with exit status: 3: "),
        ] {
            assert_eq!(compile_by(script).await, Err(expected.to_owned()), "{script}");
        }
    }

    #[tokio::test]
    async fn a_compiling_process_is_neither_waited_for_nor_listened_to_without_end() {
        assert_eq!(compile_by("cat > /dev/null; printf code").await, Ok(b"code".to_vec()));
        assert_eq!(compile_by("printf early").await, Ok(b"early".to_vec()), "the component is not read");
        let error = compile_by("head -c 1000000 /dev/zero | tr '\\0' e >&2; exit 1").await.expect_err("it failed");
        assert!(error.len() as u64 <= MAX_ERROR, "{} bytes", error.len());
    }

    #[tokio::test]
    async fn a_program_that_cannot_be_started_is_named_as_the_reason() {
        let engine = Engine::new(&engine::config()).expect("an engine can be made");
        let error = Compiler::Child("/nowhere".into()).compile(&engine, &[]).await.expect_err("there is no program");
        assert!(error.to_string().starts_with("the compiling process failed: No such file"), "{error}");
    }

    #[test]
    fn in_process_a_component_that_is_none_is_refused() {
        let engine = Engine::new(&engine::config()).expect("an engine can be made");
        for wasm in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0\x01"] {
            assert!(engine.precompile_component(wasm).is_err(), "{wasm:?}");
        }
    }
}
