//! A build in a process of its own: `toolcell build`, which stays the one way to build.

use std::{
    ffi::OsString,
    process::{ExitStatus, Stdio},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader, Split},
    process::Command,
};

/// Builds a plugin, and hands over each line that the build prints. Ended with all that it started when it is dropped.
///
/// # Errors
///
/// When the process cannot be started or waited for; that the build failed is in its status.
pub(super) async fn build(
    options: &[OsString],
    plugin: &str,
    mut line: impl FnMut(&str),
) -> anyhow::Result<ExitStatus> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut child = Command::new(program)
        .args(options)
        .args(["build", plugin])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("the build cannot be started")?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let (said, told) = (child.stdout.take().context("no pipe")?, child.stderr.take().context("no pipe")?);
    let (mut said, mut told) = (lines(said), lines(told));
    let (mut is_saying, mut is_telling) = (true, true);
    while is_saying || is_telling {
        let next = tokio::select! {
            next = said.next_segment(), if is_saying => { is_saying = matches!(next, Ok(Some(_))); next }
            next = told.next_segment(), if is_telling => { is_telling = matches!(next, Ok(Some(_))); next }
        };
        if let Ok(Some(next)) = next {
            line(&String::from_utf8_lossy(&next));
        }
    }
    let status = child.wait().await.context("the build cannot be waited for")?;
    // Its number can be another process's by now.
    group.0 = None;
    Ok(status)
}

fn lines<R: AsyncRead + Unpin>(from: R) -> Split<BufReader<R>> {
    BufReader::new(from).split(b'\n')
}

/// The processes of a build: the build itself leads the group, and compilers that it starts are in it.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // All of it may have ended.
            let _ = kill_process_group(leader, Signal::TERM);
        }
    }
}
