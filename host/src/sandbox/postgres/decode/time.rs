//! Times in the forms of ISO 8601 and RFC 3339, to the microsecond. PostgreSQL counts from the year 2000.

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;
/// Days from 1970-01-01 to 2000-01-01.
const TO_2000: i64 = 10_957;

/// `2024-02-29`; days from 2000-01-01.
pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let (date, era) = civil(days.into());
            date + era
        }
    }
}

/// `23:59:59.5`; microseconds from midnight, at most 24:00:00.
pub(super) fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros / MICROS, micros % MICROS);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{}", fraction_text(fraction))
}

/// `+02:00`; seconds west of Greenwich.
pub(super) fn zone(west: i32) -> String {
    let (sign, seconds) = (if west > 0 { '-' } else { '+' }, west.unsigned_abs());
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let seconds = if seconds > 0 { format!(":{seconds:02}") } else { String::new() };
    format!("{sign}{hours:02}:{minutes:02}{seconds}")
}

/// `2024-02-29T23:59:59.5`, and `zone` behind it; microseconds from 2000-01-01.
pub(super) fn timestamp(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        micros => {
            let (date, era) = civil(micros.div_euclid(DAY));
            format!("{date}T{}{zone}{era}", time(micros.rem_euclid(DAY)))
        }
    }
}

/// `P1Y2M3DT4H5M6.7S`, as `intervalstyle = iso_8601` writes it. Months, days and time are kept apart: none is a number of
/// another.
pub(super) fn interval(months: i32, days: i32, micros: i64) -> String {
    match (months, days, micros) {
        (i32::MAX, i32::MAX, i64::MAX) => return "infinity".to_owned(),
        (i32::MIN, i32::MIN, i64::MIN) => return "-infinity".to_owned(),
        (0, 0, 0) => return "PT0S".to_owned(),
        _ => {}
    }
    let part = |value: i64, unit: char| if value == 0 { String::new() } else { format!("{value}{unit}") };
    let (years, months) = (i64::from(months / 12), i64::from(months % 12));
    let mut text = format!("P{}{}{}", part(years, 'Y'), part(months, 'M'), part(days.into(), 'D'));
    if micros != 0 {
        let (minutes, rest) = (micros / (60 * MICROS), micros % (60 * MICROS));
        text.push_str(&format!("T{}{}", part(minutes / 60, 'H'), part(minutes % 60, 'M')));
        if rest != 0 {
            let minus = if rest < 0 { "-" } else { "" };
            text.push_str(&format!("{minus}{}{}S", (rest / MICROS).abs(), fraction_text((rest % MICROS).abs())));
        }
    }
    text
}

/// `.5` for 500,000 microseconds, and nothing for none.
fn fraction_text(micros: i64) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() }
}

/// The date in the proleptic Gregorian calendar and ` BC` where it is one; days from 2000-01-01. Years have four digits or
/// more, and the year before 1 is 1 BC, as PostgreSQL has it.
fn civil(days: i64) -> (String, &'static str) {
    // In years that begin in March, leap days come last: 146,097 days are 400 years.
    let days = days + TO_2000 + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (year, bc) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    (format!("{year:04}-{month:02}-{day:02}"), bc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, text) in [
            (0, "2000-01-01"),
            (-1, "1999-12-31"),
            (59, "2000-02-29"),
            (60, "2000-03-01"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
            (2_921_940, "10000-01-01"),
            (i32::MAX, "infinity"),
        ] {
            assert_eq!(date(days), text);
        }
    }

    #[test]
    fn times_keep_their_microseconds() {
        assert_eq!(timestamp(-1, "Z"), "1999-12-31T23:59:59.999999Z");
        assert_eq!(timestamp(500_000, ""), "2000-01-01T00:00:00.5");
        assert_eq!(timestamp(i64::MIN, "Z"), "-infinity");
        assert_eq!(time(DAY), "24:00:00");
        assert_eq!((zone(-7_200).as_str(), zone(12_600).as_str(), zone(0).as_str()), ("+02:00", "-03:30", "+00:00"));
        assert_eq!(zone(-9_015), "+02:30:15");
    }

    #[test]
    fn the_parts_of_an_interval_stay_apart() {
        for (months, days, micros, text) in [
            (14, 3, 14_706_789_000, "P1Y2M3DT4H5M6.789S"),
            (0, 0, 0, "PT0S"),
            (-1, 2, -3_600_000_000, "P-1M2DT-1H"),
            (0, 0, -500_000, "PT-0.5S"),
            (0, 1, 0, "P1D"),
            (12, 0, 90_000_000, "P1YT1M30S"),
        ] {
            assert_eq!(interval(months, days, micros), text);
        }
    }
}
