//! Numbers: as JSON numbers where every reader of JSON reads them exactly, else as strings.

use super::{Malformed, exactly};

/// The largest integer up to which all integers are exact in the numbers that most readers of JSON have (RFC 8259, section
/// 6).
const MAX_EXACT: u64 = (1 << 53) - 1;

/// Appends an integer of 2, 4 or 8 bytes.
pub(super) fn write_int(json: &mut String, bytes: &[u8]) -> Result<(), Malformed> {
    let value = match bytes.len() {
        2 => i16::from_be_bytes(exactly(bytes)?).into(),
        4 => i32::from_be_bytes(exactly(bytes)?).into(),
        _ => i64::from_be_bytes(exactly(bytes)?),
    };
    if value.unsigned_abs() > MAX_EXACT {
        json.push_str(&format!("\"{value}\""));
    } else {
        json.push_str(&value.to_string());
    }
    Ok(())
}

/// Appends a floating-point number of 4 or 8 bytes with the fewest digits that give it back, or its name where it is none.
pub(super) fn write_float(json: &mut String, bytes: &[u8]) -> Result<(), Malformed> {
    let (value, text) = if bytes.len() == 4 {
        let value = f32::from_be_bytes(exactly(bytes)?);
        (f64::from(value), format!("{value:?}"))
    } else {
        let value = f64::from_be_bytes(exactly(bytes)?);
        (value, format!("{value:?}"))
    };
    if value.is_nan() {
        json.push_str("\"NaN\"");
    } else if value.is_infinite() {
        json.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    } else {
        json.push_str(text.strip_suffix(".0").unwrap_or(&text));
    }
    Ok(())
}

/// A `numeric` as PostgreSQL writes it: digits in groups of four, base 10,000, the first of them `weight` groups before the
/// point, and `scale` digits after the point.
pub(super) fn numeric(bytes: &[u8]) -> Result<String, Malformed> {
    let (head, groups) = bytes.split_at_checked(8).ok_or(Malformed)?;
    let short = |at: usize| i16::from_be_bytes([head[at], head[at + 1]]);
    let (weight, sign, scale) = (i32::from(short(2)), short(4).cast_unsigned(), usize::from(short(6).cast_unsigned()));
    let groups: Vec<u16> = groups.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    if usize::from(short(0).cast_unsigned()) != groups.len() {
        return Err(Malformed);
    }
    let minus = match sign {
        0x0000 => "",
        0x4000 => "-",
        0xc000 => return Ok("NaN".to_owned()),
        0xd000 => return Ok("Infinity".to_owned()),
        0xf000 => return Ok("-Infinity".to_owned()),
        _ => return Err(Malformed),
    };
    let group = |at: i32| usize::try_from(at).ok().and_then(|at| groups.get(at)).copied().unwrap_or(0);
    let mut text: String = (0..=weight).map(|at| format!("{:04}", group(at))).collect();
    let leading = text.len() - text.trim_start_matches('0').len();
    text.drain(..leading);
    if text.is_empty() {
        text.push('0');
    }
    if scale > 0 {
        text.push('.');
        let whole = text.len();
        let mut at = weight + 1;
        while text.len() < whole + scale {
            text.push_str(&format!("{:04}", group(at)));
            at += 1;
        }
        text.truncate(whole + scale);
    }
    Ok(format!("{minus}{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(weight: i16, sign: u16, scale: i16, groups: &[u16]) -> Result<String, Malformed> {
        let count = i16::try_from(groups.len()).expect("the test has few groups");
        let mut bytes = [count.to_be_bytes(), weight.to_be_bytes(), sign.to_be_bytes(), scale.to_be_bytes()].concat();
        bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
        numeric(&bytes)
    }

    #[test]
    fn numerics_keep_every_digit() {
        for (value, text) in [
            (of(0, 0, 0, &[]), "0"),
            (of(0, 0, 2, &[]), "0.00"),
            (of(0, 0, 0, &[7]), "7"),
            (of(1, 0x4000, 3, &[12, 3456, 7800]), "-123456.780"),
            (of(-1, 0, 5, &[12]), "0.00120"),
            (of(-2, 0, 8, &[1]), "0.00000001"),
            (of(2, 0, 0, &[1]), "100000000"),
            (of(0, 0xc000, 0, &[]), "NaN"),
            (of(0, 0xf000, 0, &[]), "-Infinity"),
        ] {
            assert_eq!(value.as_deref(), Ok(text));
        }
        assert_eq!(of(0, 1, 0, &[]), Err(Malformed));
    }

    #[test]
    fn integers_beyond_doubles_are_strings() {
        let int = |value: i64| {
            let mut json = String::new();
            write_int(&mut json, &value.to_be_bytes()).map(|()| json)
        };
        assert_eq!(int(9_007_199_254_740_991).as_deref(), Ok("9007199254740991"));
        assert_eq!(int(-9_007_199_254_740_992).as_deref(), Ok("\"-9007199254740992\""));
        assert_eq!(int(i64::MIN).as_deref(), Ok("\"-9223372036854775808\""));
    }
}
