//! Parameters from JSON to the text that PostgreSQL reads for the type it expects.

use std::error::Error;

use bytes::BytesMut;
use serde_json::value::RawValue;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};

/// A parameter as the text that the database reads; `None` is NULL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter(Option<String>);

impl Parameter {
    /// Reads the JSON value for the parameter of this number, from 1, which the database expects to be of `kind`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a clause that names the parameter and never holds its value.
    pub(super) fn new(number: usize, json: &str, kind: &Type) -> Result<Self, String> {
        let raw: &RawValue = serde_json::from_str(json).map_err(|_| format!("parameter ${number} is not JSON"))?;
        let text = raw.get();
        let unfit =
            |what: &str| format!("parameter ${number} is {what}, and the statement expects {} there", kind.name());
        Ok(Self(match text.as_bytes().first() {
            Some(b'n') => None,
            Some(b'"') => Some(string(text)),
            Some(b'{' | b'[') if is_json(kind) => Some(text.to_owned()),
            Some(b'{') => return Err(unfit("an object")),
            Some(b'[') => match base(kind).kind() {
                Kind::Array(element) => Some(array(text, element)),
                _ => return Err(unfit("an array")),
            },
            // The digits of a number are kept as they are.
            _ => Some(text.to_owned()),
        }))
    }
}

/// The type itself, or what a domain is made of.
fn base(kind: &Type) -> &Type {
    if let Kind::Domain(inner) = kind.kind() { base(inner) } else { kind }
}

fn is_json(kind: &Type) -> bool {
    matches!(*base(kind), Type::JSON | Type::JSONB)
}

fn string(json: &str) -> String {
    serde_json::from_str(json).expect("JSON that was read begins with a quote only where it is a string")
}

/// `{1,NULL,"a"}`, with arrays inside for further dimensions.
fn array(json: &str, element: &Type) -> String {
    let items: Vec<&RawValue> =
        serde_json::from_str(json).expect("JSON that was read begins with `[` only where it is an array");
    let items = items.into_iter().map(|item| {
        let text = item.get();
        match text.as_bytes().first() {
            Some(b'n') => "NULL".to_owned(),
            Some(b'"') => quoted(&string(text)),
            Some(b'[') if !is_json(element) => array(text, element),
            _ => quoted(text),
        }
    });
    format!("{{{}}}", items.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl ToSql for Parameter {
    fn to_sql(&self, _kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(kind, out)
    }

    fn encode_format(&self, _kind: &Type) -> Format {
        Format::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str, kind: &Type) -> Result<Option<String>, String> {
        Parameter::new(1, json, kind).map(|parameter| parameter.0)
    }

    #[test]
    fn values_become_the_text_that_the_database_reads() {
        for (json, kind, expected) in [
            ("null", &Type::INT4, None),
            ("true", &Type::BOOL, Some("true")),
            ("12345678901234567890.10", &Type::NUMERIC, Some("12345678901234567890.10")),
            (r#""a\"\u00e9'b""#, &Type::TEXT, Some("a\"é'b")),
            (r#"{"a": 1.0}"#, &Type::JSONB, Some(r#"{"a": 1.0}"#)),
            ("[1, 2]", &Type::JSON, Some("[1, 2]")),
            ("[1,null,[2]]", &Type::INT4_ARRAY, Some(r#"{"1",NULL,{"2"}}"#)),
            (r#"["a\\b","c\"d","NULL",""]"#, &Type::TEXT_ARRAY, Some(r#"{"a\\b","c\"d","NULL",""}"#)),
            (r#"[{"a":"b"},[1]]"#, &Type::JSONB_ARRAY, Some(r#"{"{\"a\":\"b\"}","[1]"}"#)),
        ] {
            assert_eq!(text(json, kind), Ok(expected.map(str::to_owned)), "{json}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_without_its_value() {
        for (json, problem) in [
            ("secret", "parameter $1 is not JSON"),
            (r#"{"secret": 1}"#, "parameter $1 is an object, and the statement expects int4 there"),
            (r#"["secret"]"#, "parameter $1 is an array, and the statement expects int4 there"),
        ] {
            assert_eq!(text(json, &Type::INT4), Err(problem.to_owned()));
        }
    }
}
