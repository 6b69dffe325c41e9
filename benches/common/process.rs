//! What this process takes of the machine, or another one.

use std::{fs, time::Duration};

/// Bytes of memory that this process has in RAM.
pub(crate) fn resident() -> u64 {
    status("VmRSS:")
}

/// The most bytes that this process has had in RAM since [`forget_peak`].
pub(crate) fn peak() -> u64 {
    status("VmHWM:")
}

/// Begins the peak anew (`proc_pid_clear_refs(5)`).
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("Linux 4.0 or newer");
}

/// Page faults of this process so far that needed no disk.
pub(crate) fn page_faults() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux has it");
    // The name of the program, in parentheses, can hold spaces; minflt is the eighth field after it (proc_pid_stat(5)).
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(7).and_then(|field| field.parse().ok()).expect("a number")
}

/// Time that a process had a processor so far, its threads that have ended included (`proc_pid_stat(5)`): to 10 ms.
pub(crate) fn processor_time(process: u32) -> Duration {
    /// As Linux counts it for programs, whatever its own ticks are.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process is there");
    // utime and stime are the twelfth and thirteenth field after the name.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().expect("a number"));
    TICK * ticks.sum::<u32>()
}

fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a field of that name");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kilobytes << 10
}
