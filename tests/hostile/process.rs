//! What the server's process holds, as Linux tells it (proc(5)).

use std::{
    fs, io,
    time::{Duration, Instant},
};

/// The kernel counts processor time in hundredths of a second, on every machine that this runs on.
const TICK: Duration = Duration::from_millis(10);

/// What a process holds at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Holds {
    /// Bytes of resident memory.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
    /// Processor time so far.
    computed: Duration,
    at: Instant,
}

impl Holds {
    /// # Errors
    ///
    /// The process has gone.
    pub fn now(process: u32) -> io::Result<Self> {
        let entries = |folder: &str| fs::read_dir(format!("/proc/{process}/{folder}")).map(Iterator::count);
        Ok(Self {
            memory: kibibytes(process, "VmRSS:")?,
            descriptors: entries("fd")?,
            threads: entries("task")?,
            computed: computed(process)?,
            at: Instant::now(),
        })
    }

    /// The share of one processor that it used since `before`.
    pub fn busy_since(&self, before: &Self) -> f64 {
        (self.computed - before.computed).as_secs_f64() / (self.at - before.at).as_secs_f64()
    }
}

/// The most memory that was resident at once since [`forget_peak`].
pub fn peak(process: u32) -> io::Result<u64> {
    kibibytes(process, "VmHWM:")
}

/// Starts the count of [`peak`] again.
pub fn forget_peak(process: u32) -> io::Result<()> {
    fs::write(format!("/proc/{process}/clear_refs"), "5")
}

/// Names of the threads, to say which are too many.
pub fn threads(process: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().map_while(Result::ok);
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let mut names: Vec<_> = names.map(|name| name.trim().to_owned()).collect();
    names.sort_unstable();
    names
}

/// What the descriptors lead to, to say which are too many.
pub fn descriptors(process: u32) -> Vec<String> {
    let links = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().map_while(Result::ok);
    let mut leads_to: Vec<_> =
        links.filter_map(|link| Some(fs::read_link(link.path()).ok()?.display().to_string())).collect();
    leads_to.sort_unstable();
    leads_to
}

fn kibibytes(process: u32, field: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let value = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    let number = value.trim().trim_end_matches(" kB").parse::<u64>();
    number.map(|kibibytes| kibibytes << 10).map_err(io::Error::other)
}

/// Fields 14 and 15 of `stat`; the second, in parentheses, may hold anything.
fn computed(process: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").ok_or_else(|| io::Error::other("not a stat file"))?;
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    Ok(TICK * ticks.sum::<u32>())
}
