//! Values from PostgreSQL's binary form to JSON, without loss. docs/postgres.md has the table.

mod array;
mod number;
mod time;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use tokio_postgres::types::{Kind, Type};

/// The bytes are not what the type's binary form is. A server that follows the protocol never sends such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Whether values of a type have a JSON form here. Others are asked for as text.
pub(super) fn is_known(kind: &Type) -> bool {
    match kind.kind() {
        Kind::Array(element) => is_known(element),
        Kind::Domain(base) => is_known(base),
        Kind::Enum(_) => true,
        Kind::Simple => Form::of(kind).is_some(),
        _ => *kind == Type::VOID,
    }
}

/// Appends a value as JSON.
///
/// # Errors
///
/// [`Malformed`], also for a type that is not known.
pub(super) fn write(json: &mut String, kind: &Type, bytes: Option<&[u8]>) -> Result<(), Malformed> {
    let Some(bytes) = bytes else {
        json.push_str("null");
        return Ok(());
    };
    match kind.kind() {
        Kind::Array(element) => array::write(json, element, bytes),
        Kind::Domain(base) => write(json, base, Some(bytes)),
        Kind::Enum(_) => write_text(json, bytes),
        _ => Form::of(kind).ok_or(Malformed)?.write(json, bytes),
    }
}

/// How the values of a type look on the wire.
#[derive(Debug, Clone, Copy)]
enum Form {
    Void,
    Bool,
    Int,
    Oid,
    Float,
    Numeric,
    Text,
    Char,
    Bytes,
    Uuid,
    Json,
    Jsonb,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
}

impl Form {
    fn of(kind: &Type) -> Option<Self> {
        Some(match *kind {
            Type::VOID => Self::Void,
            Type::BOOL => Self::Bool,
            Type::INT2 | Type::INT4 | Type::INT8 => Self::Int,
            Type::OID => Self::Oid,
            Type::FLOAT4 | Type::FLOAT8 => Self::Float,
            Type::NUMERIC => Self::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::XML | Type::UNKNOWN => Self::Text,
            Type::CHAR => Self::Char,
            Type::BYTEA => Self::Bytes,
            Type::UUID => Self::Uuid,
            Type::JSON => Self::Json,
            Type::JSONB => Self::Jsonb,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMETZ => Self::TimeTz,
            Type::TIMESTAMP => Self::Timestamp,
            Type::TIMESTAMPTZ => Self::TimestampTz,
            Type::INTERVAL => Self::Interval,
            _ => return None,
        })
    }

    fn write(self, json: &mut String, bytes: &[u8]) -> Result<(), Malformed> {
        let quoted = |json: &mut String, text: String| {
            json.push('"');
            json.push_str(&text);
            json.push('"');
        };
        match self {
            Self::Void => json.push_str("null"),
            Self::Bool => json.push_str(if bytes.first().ok_or(Malformed)? == &0 { "false" } else { "true" }),
            Self::Int => number::write_int(json, bytes)?,
            Self::Oid => json.push_str(&u32::from_be_bytes(exactly(bytes)?).to_string()),
            Self::Float => number::write_float(json, bytes)?,
            Self::Numeric => quoted(json, number::numeric(bytes)?),
            Self::Text => write_text(json, bytes)?,
            // One byte of whatever encoding; zero is the empty one.
            Self::Char => {
                let letter: String = bytes.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
                write_string(json, &letter);
            }
            Self::Bytes => quoted(json, BASE64.encode(bytes)),
            Self::Uuid => quoted(json, uuid(exactly(bytes)?)),
            Self::Json => json.push_str(text(bytes)?),
            // The first byte is the version of the form.
            Self::Jsonb => json.push_str(text(bytes.strip_prefix(&[1]).ok_or(Malformed)?)?),
            Self::Date => quoted(json, time::date(i32::from_be_bytes(exactly(bytes)?))),
            Self::Time => quoted(json, time::time(i64::from_be_bytes(exactly(bytes)?))),
            Self::TimeTz => {
                let (time, zone) = bytes.split_at_checked(8).ok_or(Malformed)?;
                let zone = i32::from_be_bytes(exactly(zone)?);
                quoted(json, time::time(i64::from_be_bytes(exactly(time)?)) + &time::zone(zone));
            }
            Self::Timestamp => quoted(json, time::timestamp(i64::from_be_bytes(exactly(bytes)?), "")),
            Self::TimestampTz => quoted(json, time::timestamp(i64::from_be_bytes(exactly(bytes)?), "Z")),
            Self::Interval => {
                let (time, rest) = bytes.split_at_checked(8).ok_or(Malformed)?;
                let (days, months) = rest.split_at_checked(4).ok_or(Malformed)?;
                let (days, months) = (i32::from_be_bytes(exactly(days)?), i32::from_be_bytes(exactly(months)?));
                quoted(json, time::interval(months, days, i64::from_be_bytes(exactly(time)?)));
            }
        }
        Ok(())
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| Malformed)
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

fn write_text(json: &mut String, bytes: &[u8]) -> Result<(), Malformed> {
    write_string(json, text(bytes)?);
    Ok(())
}

/// Appends a text as a JSON string.
pub(super) fn write_string(json: &mut String, text: &str) {
    json.push_str(&serde_json::to_string(text).expect("a text is always a JSON string"));
}

fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(kind: &Type, bytes: &[u8]) -> Result<String, Malformed> {
        let mut json = String::new();
        write(&mut json, kind, Some(bytes)).map(|()| json)
    }

    #[test]
    fn what_is_not_in_its_form_is_refused() {
        for kind in [Type::INT4, Type::FLOAT8, Type::NUMERIC, Type::UUID, Type::DATE, Type::TIMETZ, Type::INTERVAL] {
            assert_eq!(json(&kind, &[1]), Err(Malformed), "{kind}");
        }
        assert_eq!(json(&Type::TEXT, &[0xff]), Err(Malformed));
        assert_eq!(json(&Type::JSONB, b"\x02{}"), Err(Malformed));
        assert_eq!(json(&Type::INT4_ARRAY, &[0, 0, 0, 1]), Err(Malformed));
        assert_eq!(json(&Type::INET, &[]), Err(Malformed));
        assert!(!is_known(&Type::INET) && !is_known(&Type::INET_ARRAY) && is_known(&Type::TEXT_ARRAY));
    }
}
