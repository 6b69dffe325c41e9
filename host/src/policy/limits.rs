//! What a call may use up: the limits in force, and the parts of them that a manifest asks for or an operator caps.

use std::{ops::RangeInclusive, time::Duration};

use super::units::{bytes_text, duration_text, parse_bytes, parse_duration};

/// The limits of every call into one plugin. A manifest can ask for other values of the first three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of an instance in bytes, summed over its memories.
    pub memory: u64,
    /// From the call's arrival to its end, computing and waiting alike.
    pub deadline: Duration,
    /// Calls into the plugin at the same time.
    pub concurrency: u32,
    /// Bytes of an answer, before it becomes JSON.
    pub result: u64,
    /// Bytes of log lines, and of standard error, that one call may write; the rest is counted and dropped.
    pub log: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 256 << 20, deadline: Duration::from_secs(30), concurrency: 64, result: 4 << 20, log: 64 << 10 }
    }
}

impl Limits {
    /// These limits with every value that `asked` names.
    #[must_use]
    pub fn with(mut self, asked: &PartialLimits) -> Self {
        self.memory = asked.memory.unwrap_or(self.memory);
        self.deadline = asked.deadline.unwrap_or(self.deadline);
        self.concurrency = asked.concurrency.unwrap_or(self.concurrency);
        self
    }

    /// These limits, none above what `caps` names.
    #[must_use]
    pub fn capped_by(mut self, caps: &PartialLimits) -> Self {
        self.memory = caps.memory.map_or(self.memory, |cap| cap.min(self.memory));
        self.deadline = caps.deadline.map_or(self.deadline, |cap| cap.min(self.deadline));
        self.concurrency = caps.concurrency.map_or(self.concurrency, |cap| cap.min(self.concurrency));
        self
    }
}

/// The limits that somebody wrote down: a manifest asks for them, the lock file grants them, toolcell.toml caps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartialLimits {
    /// See [`Limits::memory`].
    pub memory: Option<u64>,
    /// See [`Limits::deadline`].
    pub deadline: Option<Duration>,
    /// See [`Limits::concurrency`].
    pub concurrency: Option<u32>,
}

impl PartialLimits {
    /// The parts above the defaults: only these have to be granted.
    #[must_use]
    pub fn above_defaults(&self) -> Self {
        self.beyond(&Self::default())
    }

    /// The parts of these that neither the defaults nor `granted` take in.
    #[must_use]
    pub fn beyond(&self, granted: &Self) -> Self {
        let bound = Limits::default();
        Self {
            memory: self.memory.filter(|asked| *asked > bound.memory.max(granted.memory.unwrap_or_default())),
            deadline: self.deadline.filter(|asked| *asked > bound.deadline.max(granted.deadline.unwrap_or_default())),
            concurrency: self
                .concurrency
                .filter(|asked| *asked > bound.concurrency.max(granted.concurrency.unwrap_or_default())),
        }
    }

    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One phrase for each value, for a person to review.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let usual = Limits::default();
        let memory = self
            .memory
            .map(|memory| format!("use up to {} of memory (default {})", bytes_text(memory), bytes_text(usual.memory)));
        let deadline = self.deadline.map(|deadline| {
            format!("run for up to {} per call (default {})", duration_text(deadline), duration_text(usual.deadline))
        });
        let concurrency = self
            .concurrency
            .map(|concurrency| format!("run up to {concurrency} calls at once (default {})", usual.concurrency));
        [memory, deadline, concurrency].into_iter().flatten().collect()
    }
}

/// Says what a limit may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLimit(String);

/// What a 32-bit instance can hold, and as little as one in which something runs.
const MEMORY: RangeInclusive<u64> = 1 << 20..=4 << 30;
/// Shorter ends before a plugin has started; longer is a job, not a call.
const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(1);
/// The sandbox has as many instances for all plugins together.
const CONCURRENCY: RangeInclusive<u32> = 1..=1000;

/// A memory limit in bytes, from 1 MiB to 4 GiB.
pub(crate) fn parse_memory(text: &str) -> Result<u64, InvalidLimit> {
    let bytes = parse_bytes(text).map_err(InvalidLimit)?;
    let (least, most) = (bytes_text(*MEMORY.start()), bytes_text(*MEMORY.end()));
    within(&MEMORY, bytes, || format!("memory {text:?} is out of range; expected {least} to {most}"))
}

/// A deadline, from 10 ms to an hour.
pub(crate) fn parse_deadline(text: &str) -> Result<Duration, InvalidLimit> {
    let deadline = parse_duration(text).map_err(InvalidLimit)?;
    let (least, most) = (duration_text(*DEADLINE.start()), duration_text(*DEADLINE.end()));
    within(&DEADLINE, deadline, || format!("deadline {text:?} is out of range; expected {least} to {most}"))
}

/// A number of calls at once, from 1 to 1000.
pub(crate) fn check_concurrency(number: i64) -> Result<u32, InvalidLimit> {
    let (least, most) = (CONCURRENCY.start(), CONCURRENCY.end());
    let out_of_range = || format!("concurrency {number} is out of range; expected {least} to {most}");
    within(&CONCURRENCY, u32::try_from(number).unwrap_or_default(), out_of_range)
}

fn within<T: PartialOrd>(range: &RangeInclusive<T>, value: T, error: impl Fn() -> String) -> Result<T, InvalidLimit> {
    if range.contains(&value) { Ok(value) } else { Err(InvalidLimit(error())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn memory(mib: u64) -> PartialLimits {
        PartialLimits { memory: Some(mib * MIB), ..PartialLimits::default() }
    }

    #[test]
    fn less_than_the_default_needs_no_grant() {
        assert!(memory(64).above_defaults().is_empty());
        assert!(memory(256).above_defaults().is_empty());
        assert_eq!(memory(257).above_defaults(), memory(257));
        assert_eq!(Limits::default().with(&memory(64)).memory, 64 * MIB);
    }

    #[test]
    fn more_than_granted_is_beyond() {
        assert!(memory(512).beyond(&memory(512)).is_empty());
        assert_eq!(memory(513).beyond(&memory(512)), memory(513));
        // A grant below the default takes nothing away: only toolcell.toml caps.
        assert!(memory(128).beyond(&memory(64)).is_empty());
    }

    #[test]
    fn caps_only_lower() {
        let caps = PartialLimits { memory: Some(MIB), deadline: Some(Duration::from_mins(10)), concurrency: Some(2) };
        let capped = Limits::default().capped_by(&caps);
        assert_eq!(capped, Limits { memory: MIB, concurrency: 2, ..Limits::default() });
    }

    #[test]
    fn words_name_the_default() {
        let limits =
            PartialLimits { memory: Some(512 * MIB), deadline: Some(Duration::from_mins(2)), concurrency: Some(100) };
        assert_eq!(
            limits.in_words(),
            [
                "use up to 512MiB of memory (default 256MiB)",
                "run for up to 2m per call (default 30s)",
                "run up to 100 calls at once (default 64)",
            ]
        );
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let text = |error: InvalidLimit| error.to_string();
        assert_eq!(
            parse_memory("8GiB").map_err(text),
            Err(r#"memory "8GiB" is out of range; expected 1MiB to 4GiB"#.to_owned())
        );
        assert_eq!(
            parse_deadline("0s").map_err(text),
            Err(r#"deadline "0s" is out of range; expected 10ms to 1h"#.to_owned())
        );
        for number in [-1, 0, 1001, i64::MAX] {
            let expected = format!("concurrency {number} is out of range; expected 1 to 1000");
            assert_eq!(check_concurrency(number).map_err(text), Err(expected));
        }
        assert_eq!(parse_memory("4GiB"), Ok(4 << 30));
        assert_eq!(parse_deadline("60m"), Ok(Duration::from_hours(1)));
        assert_eq!(check_concurrency(1000), Ok(1000));
    }
}
