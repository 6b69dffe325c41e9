//! State that outlives a call: room in a cache, and databases that the operator configured.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use super::units::{bytes_text, duration_text, parse_bytes, parse_duration};

/// How much a plugin may keep from one call to the next, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheRoom {
    /// Bytes of all keys and values together, 64 KiB to 1 GiB.
    pub max: u64,
    /// The longest time that an entry lives, 1 s to 30 days.
    pub ttl_max: Duration,
}

const ROOM: RangeInclusive<u64> = 64 << 10..=1 << 30;
const TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(30 * 24);

impl CacheRoom {
    /// Whether `other` takes in all of this.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.max <= other.max && self.ttl_max <= other.ttl_max
    }

    /// What both allow.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { max: self.max.min(other.max), ttl_max: self.ttl_max.min(other.ttl_max) }
    }

    /// This room, not above what the operator caps.
    #[must_use]
    pub fn capped_by(&self, caps: &CacheCaps) -> Self {
        self.intersection(&Self { max: caps.max.unwrap_or(u64::MAX), ttl_max: caps.ttl_max.unwrap_or(Duration::MAX) })
    }

    /// To be read after "it may".
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "keep up to {} from one call to the next, each entry for at most {}",
            bytes_text(self.max),
            duration_text(self.ttl_max)
        )
    }
}

/// The operator's bounds for the caches of all plugins; `None` leaves one as it was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCaps {
    /// See [`CacheRoom::max`].
    pub max: Option<u64>,
    /// See [`CacheRoom::ttl_max`].
    pub ttl_max: Option<Duration>,
}

/// The bytes that a cache may hold.
pub(crate) fn parse_room(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text)?;
    let (least, most) = (bytes_text(*ROOM.start()), bytes_text(*ROOM.end()));
    let out_of_range = || format!("max {text:?} is out of range; expected {least} to {most}");
    if ROOM.contains(&bytes) { Ok(bytes) } else { Err(out_of_range()) }
}

/// The longest time that an entry may live.
pub(crate) fn parse_ttl(text: &str) -> Result<Duration, String> {
    let ttl = parse_duration(text)?;
    let (least, most) = (duration_text(*TTL.start()), duration_text(*TTL.end()));
    let out_of_range = || format!("ttl-max {text:?} is out of range; expected {least} to {most}");
    if TTL.contains(&ttl) { Ok(ttl) } else { Err(out_of_range()) }
}

/// The name of a database in manifests and in toolcell.toml, 1 to 48 of `a-z 0-9 -`, not starting with `-`. Not the name that
/// the database has at its server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseName(String);

impl DatabaseName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot name a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot name a database; expected 1 to 48 of a-z, 0-9 and `-`, not starting with `-`")]
pub struct InvalidDatabaseName(String);

impl FromStr for DatabaseName {
    type Err = InvalidDatabaseName;

    fn from_str(text: &str) -> Result<Self, InvalidDatabaseName> {
        let is_plain = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if is_plain && (1..=48).contains(&text.len()) && !text.starts_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDatabaseName(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(mib: u64, seconds: u64) -> CacheRoom {
        CacheRoom { max: mib << 20, ttl_max: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_room_is_within_another_in_both_measures() {
        assert!(room(16, 60).is_within(&room(16, 60)));
        assert!(!room(17, 60).is_within(&room(16, 60)));
        assert!(!room(16, 61).is_within(&room(16, 60)));
        assert_eq!(room(16, 60).intersection(&room(8, 120)), room(8, 60));
    }

    #[test]
    fn caps_only_lower() {
        let caps = CacheCaps { max: Some(8 << 20), ttl_max: None };
        assert_eq!(room(16, 60).capped_by(&caps), room(8, 60));
        assert_eq!(room(4, 60).capped_by(&caps), room(4, 60));
        assert_eq!(room(4, 60).capped_by(&CacheCaps::default()), room(4, 60));
    }

    #[test]
    fn sizes_and_times_have_bounds() {
        assert_eq!(parse_room("16MiB"), Ok(16 << 20));
        assert_eq!(parse_ttl("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(parse_room("1KiB"), Err("max \"1KiB\" is out of range; expected 64KiB to 1GiB".to_owned()));
        assert_eq!(parse_ttl("10ms"), Err("ttl-max \"10ms\" is out of range; expected 1s to 720h".to_owned()));
        assert!(parse_ttl("721h").is_err());
    }

    #[test]
    fn names_of_databases_are_plain() {
        for good in ["replica", "a", "2-b"] {
            assert!(good.parse::<DatabaseName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "Replica", "a b", "a/b", &"a".repeat(49)] {
            assert!(bad.parse::<DatabaseName>().is_err(), "{bad}");
        }
    }
}
