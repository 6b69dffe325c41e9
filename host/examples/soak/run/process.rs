//! What a process holds, read from `/proc` (`proc_pid_status(5)`).

use std::{fs, io};

/// What a process holds at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Bytes of memory in RAM.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

/// What this process holds now.
///
/// # Errors
///
/// When there is no such process any more.
pub fn held(process: u32) -> io::Result<Held> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let missing = || io::Error::other("the process has ended");
    Ok(Held {
        memory: number("VmRSS:").ok_or_else(missing)? << 10,
        descriptors: fs::read_dir(format!("/proc/{process}/fd"))?.count(),
        threads: usize::try_from(number("Threads:").ok_or_else(missing)?).map_err(io::Error::other)?,
    })
}
