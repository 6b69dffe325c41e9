//! What this process takes of the machine.

use std::fs;

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

fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a field of that name");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kilobytes << 10
}
