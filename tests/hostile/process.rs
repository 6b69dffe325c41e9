//! What the server's process holds, as Linux tells it (proc(5)).

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
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
        self.computed.saturating_sub(before.computed).as_secs_f64() / self.at.duration_since(before.at).as_secs_f64()
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

/// Names of the threads and how many have each, to say which are too many.
pub fn threads(process: u32) -> BTreeMap<String, usize> {
    counted(process, "task", |task| fs::read_to_string(task.join("comm")).map(|name| name.trim().to_owned()))
}

/// What the descriptors lead to and how many lead there, to say which are too many.
pub fn descriptors(process: u32) -> BTreeMap<String, usize> {
    counted(process, "fd", |link| fs::read_link(link).map(|leads_to| leads_to.display().to_string()))
}

fn counted(process: u32, folder: &str, name: fn(PathBuf) -> io::Result<String>) -> BTreeMap<String, usize> {
    let entries = fs::read_dir(format!("/proc/{process}/{folder}")).into_iter().flatten().map_while(Result::ok);
    entries.filter_map(|entry| name(entry.path()).ok()).fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name).or_default() += 1;
        counts
    })
}

/// Waits for a process to have a child that has put the limits on itself under which it compiles.
pub fn child(process: u32, patience: Duration) -> Option<u32> {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        let children = fs::read_dir("/proc").into_iter().flatten().map_while(Result::ok).filter_map(|entry| {
            let child: u32 = entry.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(format!("/proc/{child}/status")).ok()?;
            let limits = fs::read_to_string(format!("/proc/{child}/limits")).ok()?;
            let is_child = status.lines().any(|line| line == format!("PPid:\t{process}"));
            (is_child && limits.lines().any(|line| line.starts_with("Max cpu time") && !line.contains("unlimited  ")))
                .then_some(child)
        });
        if let Some(child) = children.last() {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
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
