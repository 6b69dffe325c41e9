use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

/// How far back to look, from now: an `hour`, a `day`, a `week`, a `month` of 30 days, a `year` of 365 days, or `all` time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DateRange {
    Hour,
    Day,
    Week,
    #[default]
    Month,
    Year,
    All,
}

impl DateRange {
    /// As Reddit calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
            Self::All => "all",
        }
    }

    /// The first second of the range as Unix time, or `None` for all time.
    pub(crate) fn start(self, now: SystemTime) -> Option<i64> {
        let hours = match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
            Self::Year => 365 * 24,
            Self::All => return None,
        };
        Some(unix(now) - hours * 60 * 60)
    }
}

/// Whole seconds since 1970.
pub(crate) fn unix(time: SystemTime) -> i64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

/// RFC 3339, in UTC. `None` for a time that no calendar has.
pub(crate) fn from_unix(seconds: i64) -> Option<String> {
    Some(Timestamp::from_second(seconds).ok()?.to_string())
}

/// The Unix time of what is written as RFC 3339.
pub(crate) fn to_unix(written: &str) -> Option<i64> {
    Some(written.parse::<Timestamp>().ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_in_utc() {
        assert_eq!(from_unix(1_774_958_400).as_deref(), Some("2026-03-31T12:00:00Z"));
        assert_eq!(to_unix("2026-03-31T12:00:00Z"), Some(1_774_958_400));
        assert_eq!(to_unix("2026-03-31T14:00:00+02:00"), Some(1_774_958_400));
        assert_eq!(to_unix("yesterday"), None);
        assert_eq!(from_unix(i64::MAX), None);
    }

    #[test]
    fn ranges_are_counted_back_from_now() {
        let now = UNIX_EPOCH + Duration::from_secs(1_774_958_400);
        let days = |range: DateRange| range.start(now).map(|start| (1_774_958_400 - start) / 86_400);
        let ranges = [DateRange::Day, DateRange::Week, DateRange::Month, DateRange::Year, DateRange::All];
        assert_eq!(ranges.map(days), [Some(1), Some(7), Some(30), Some(365), None]);
        assert_eq!(DateRange::Hour.start(now), Some(1_774_958_400 - 3600));
    }
}
