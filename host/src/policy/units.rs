//! Sizes and durations as people write them: a whole number and a unit, `64MiB` or `30s`.
//!
//! Stricter than the crates for this: a bare number, a fraction or a decimal unit (`MB`) is refused rather than guessed,
//! because these texts set limits.

use std::time::Duration;

/// Bytes from `512KiB`, `64MiB` or `2GiB`.
///
/// # Errors
///
/// What was expected, where the text is anything else or exceeds 64 bits.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    parse(text, BYTES)
        .ok_or_else(|| format!("{text:?} is not a size; write a whole number and KiB, MiB or GiB, such as \"64MiB\""))
}

/// A duration from `500ms`, `30s`, `2m` or `1h`.
///
/// # Errors
///
/// What was expected, where the text is anything else or exceeds 64 bits of milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text, MILLISECONDS)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{text:?} is not a duration; write a whole number and ms, s, m or h, such as \"30s\""))
}

/// The text that [`parse_bytes`] reads back; a size that is no multiple of 1 KiB is shown in bytes.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    display(bytes, BYTES).unwrap_or_else(|| format!("{bytes} bytes"))
}

/// The text that [`parse_duration`] reads back; what is below a millisecond is left out.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    display(milliseconds, MILLISECONDS).unwrap_or_else(|| format!("{milliseconds}ms"))
}

/// Units from the largest to the smallest.
type Units = [(&'static str, u64)];

const BYTES: &Units = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
const MILLISECONDS: &Units = &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

fn parse(text: &str, units: &Units) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn display(value: u64, units: &Units) -> Option<String> {
    let fitting = |(_, factor): &&(&str, u64)| value > 0 && value.is_multiple_of(*factor);
    units.iter().find(fitting).map(|(name, factor)| format!("{}{name}", value / factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_required_and_exact() {
        assert_eq!(parse_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_bytes("512KiB"), Ok(512 << 10));
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
        for bad in
            ["", "64", "MiB", "64MB", "64M", "64mib", "64 MiB", "-1MiB", "+1MiB", "1.5GiB", "18446744073709551615KiB"]
        {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
        for bad in ["", "30", "s", "30sec", "30 s", "1m30s", "0.5s", "-1s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn errors_show_an_example() {
        assert_eq!(
            parse_bytes("64MB"),
            Err(r#""64MB" is not a size; write a whole number and KiB, MiB or GiB, such as "64MiB""#.to_owned())
        );
        assert_eq!(
            parse_duration("30"),
            Err(r#""30" is not a duration; write a whole number and ms, s, m or h, such as "30s""#.to_owned())
        );
    }

    proptest! {
        #[test]
        fn text_reads_back(kibibytes in 1..1_u64 << 40, milliseconds in 1..1_u64 << 50) {
            prop_assert_eq!(parse_bytes(&bytes_text(kibibytes << 10)), Ok(kibibytes << 10));
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&duration_text(duration)), Ok(duration));
        }
    }
}
