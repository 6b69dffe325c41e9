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

/// Bytes of address space of the compiling process.
const MAX_ADDRESS_SPACE: u64 = 2 << 30;
/// Seconds of processor time of the compiling process.
const MAX_CPU_SECONDS: u64 = 60;
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
            Self::Child(program) => in_child(program, wasm).await,
        }
    }
}

async fn in_child(program: &PathBuf, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
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
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed(io::Error::other("no pipes")));
    };
    let write = async move {
        // A child that died early says why on stderr.
        let _ = stdin.write_all(wasm).await;
    };
    let (mut code, mut error) = (Vec::new(), String::new());
    let mut stderr = stderr.take(MAX_ERROR);
    let ((), read, _) = tokio::join!(write, stdout.read_to_end(&mut code), stderr.read_to_string(&mut error));
    read.map_err(failed)?;
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
