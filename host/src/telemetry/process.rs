//! What Linux says of this process, under the names that Prometheus has for it.

use std::{
    fs,
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// Seconds since 1970 at which the metrics were asked for first, or [`begin`] was called: where that is the first thing that
/// a program does, its start.
static STARTED: LazyLock<f64> =
    LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()));

/// Takes the time of the start.
pub(super) fn begin() {
    LazyLock::force(&STARTED);
}

/// The time of the start, in seconds since 1970.
pub(super) fn started() -> f64 {
    *STARTED
}

/// Seconds of processor time, of all threads together.
#[expect(clippy::cast_precision_loss, reason = "exact to the microsecond for centuries")]
pub(super) fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Bytes of memory that are in use; `None` where there is no `/proc`.
pub(super) fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Open descriptors; `None` where there is no `/proc`.
pub(super) fn open_descriptors() -> Option<u64> {
    // The one through which they are listed is one of them.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as u64)
}

/// The most descriptors; `None` where there is no limit.
pub(super) fn max_descriptors() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_measured() {
        begin();
        assert!(started() > 1.7e9 && cpu_seconds() > 0.0);
        assert!(resident_memory().is_some_and(|bytes| bytes > 1 << 20));
        assert!(open_descriptors().is_some_and(|open| open >= 3));
    }
}
