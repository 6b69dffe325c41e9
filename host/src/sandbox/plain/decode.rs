//! JSON to a component's values. The schema was checked before; what it cannot say fails here, with the place.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value};
use wasmtime::component::Val;

use super::{
    schema::NOT_FINITE,
    shape::{Ends, Field, Integer, Kind, Label, Shape},
};
use crate::{failure::Mismatch, policy::units::bytes_text, text};

/// Bytes that the values of one call may take: a byte in a list takes as much as any other value.
const MAX_BYTES: usize = 16 << 20;
/// Characters of a value that are shown where it does not fit.
const MAX_SHOWN: usize = 60;

/// The values of a function's parameters.
///
/// # Errors
///
/// The first that does not fit: its place, what was expected and what came.
pub(super) fn parameters(parameters: &[Field], arguments: &Value) -> Result<Vec<Val>, Mismatch> {
    let mut decoder = Decoder { place: Vec::new(), left: MAX_BYTES };
    let Value::Object(members) = arguments else { return decoder.expected("an object", arguments) };
    decoder.check_names(parameters, members)?;
    parameters.iter().map(|parameter| decoder.member(parameter, members)).collect()
}

/// One value by itself.
#[cfg(test)]
pub(super) fn value(shape: &Shape, json: &Value) -> Result<Val, Mismatch> {
    Decoder { place: Vec::new(), left: MAX_BYTES }.value(shape, json)
}

struct Decoder<'a> {
    /// The way to the value at hand.
    place: Vec<Step<'a>>,
    /// Bytes that further values may take.
    left: usize,
}

/// A step into a value.
enum Step<'a> {
    Item(usize),
    Member(&'a str),
}

impl<'a> Decoder<'a> {
    fn value(&mut self, shape: &'a Shape, json: &'a Value) -> Result<Val, Mismatch> {
        self.take(1)?;
        Ok(match (&shape.kind, json) {
            (Kind::Bool, Value::Bool(value)) => Val::Bool(*value),
            (Kind::Integer(integer), _) => self.integer(*integer, json)?,
            (Kind::Float32, _) => Val::Float32(self.float32(json)?),
            (Kind::Float64, _) => Val::Float64(self.float64(json)?),
            (Kind::Char, Value::String(value)) => {
                let mut letters = value.chars();
                match (letters.next(), letters.next()) {
                    (Some(letter), None) => Val::Char(letter),
                    _ => return self.expected("one character", json),
                }
            }
            (Kind::String, Value::String(value)) => Val::String(value.clone()),
            (Kind::Bytes, Value::String(value)) => self.bytes(value)?,
            (Kind::List(item), Value::Array(items)) => {
                let items = items.iter().enumerate().map(|(index, json)| self.within(Step::Item(index), item, json));
                Val::List(items.collect::<Result<_, _>>()?)
            }
            (Kind::Tuple(shapes), Value::Array(items)) if shapes.len() == items.len() => {
                let items = shapes.iter().zip(items).enumerate();
                Val::Tuple(
                    items
                        .map(|(index, (shape, json))| self.within(Step::Item(index), shape, json))
                        .collect::<Result<_, _>>()?,
                )
            }
            (Kind::Record(fields), Value::Object(members)) => {
                self.check_names(fields, members)?;
                let field = |field: &'a Field| Ok((field.label.wit.clone(), self.member(field, members)?));
                Val::Record(fields.iter().map(field).collect::<Result<_, _>>()?)
            }
            (Kind::Enum(labels), Value::String(name)) => match find(labels, name) {
                Some(label) => Val::Enum(label.wit.clone()),
                None => return self.expected(&one_of(labels.iter()), json),
            },
            (Kind::Flags(labels), Value::Array(items)) => {
                self.take(items.len())?;
                let flag = |json: &Value| match json.as_str().and_then(|name| find(labels, name)) {
                    Some(label) => Ok(label.wit.clone()),
                    None => self.expected(&one_of(labels.iter()), json),
                };
                Val::Flags(items.iter().map(flag).collect::<Result<_, _>>()?)
            }
            (Kind::Variant(cases), _) => {
                let (name, payload) = match json {
                    Value::String(name) => (name, None),
                    Value::Object(members) if members.len() == 1 => {
                        let (name, payload) = members.iter().next().expect("it has one");
                        (name, Some(payload))
                    }
                    _ => return self.expected(&one_of(cases.iter().map(|case| &case.label)), json),
                };
                let case = cases.iter().find(|case| case.label.json == *name);
                match (case.map(|case| (case, &case.payload)), payload) {
                    (Some((case, None)), None) => Val::Variant(case.label.wit.clone(), None),
                    (Some((case, Some(shape))), Some(payload)) => {
                        let payload = self.within(Step::Member(name), shape, payload)?;
                        Val::Variant(case.label.wit.clone(), Some(Box::new(payload)))
                    }
                    (Some((_, None)), Some(_)) => return self.expected(&format!("{name:?} without a value"), json),
                    (Some((_, Some(_))), None) => {
                        return self.expected(&format!("{{{name:?}: …}} with its value"), json);
                    }
                    (None, _) => return self.expected(&one_of(cases.iter().map(|case| &case.label)), json),
                }
            }
            (Kind::Option(_), Value::Null) => Val::Option(None),
            (Kind::Option(item), _) if item.is_option() => {
                match json.as_object().and_then(|members| only(members, "some")) {
                    Some(some) => Val::Option(Some(Box::new(self.within(Step::Member("some"), item, some)?))),
                    None => return self.expected("null or {\"some\": …}", json),
                }
            }
            (Kind::Option(item), _) => Val::Option(Some(Box::new(self.value(item, json)?))),
            (Kind::Result(ends), Value::Object(members)) => {
                let Ends { ok, err } = &**ends;
                match (only(members, "ok"), only(members, "err")) {
                    (Some(json), _) => Val::Result(Ok(self.end("ok", ok.as_ref(), json)?)),
                    (_, Some(json)) => Val::Result(Err(self.end("err", err.as_ref(), json)?)),
                    _ => return self.expected("{\"ok\": …} or {\"err\": …}", json),
                }
            }
            _ => return self.expected(expectation(&shape.kind), json),
        })
    }

    fn integer(&self, integer: Integer, json: &Value) -> Result<Val, Mismatch> {
        let (least, greatest) = integer.bounds();
        let whole = whole(json).filter(|whole| (least..=greatest).contains(whole));
        let Some(whole) = whole else {
            return self.expected(&format!("a whole number from {least} to {greatest}"), json);
        };
        let value = match integer {
            Integer::S8 => whole.try_into().map(Val::S8),
            Integer::U8 => whole.try_into().map(Val::U8),
            Integer::S16 => whole.try_into().map(Val::S16),
            Integer::U16 => whole.try_into().map(Val::U16),
            Integer::S32 => whole.try_into().map(Val::S32),
            Integer::U32 => whole.try_into().map(Val::U32),
            Integer::S64 => whole.try_into().map(Val::S64),
            Integer::U64 => whole.try_into().map(Val::U64),
        };
        Ok(value.expect("it is within the bounds"))
    }

    fn float64(&self, json: &Value) -> Result<f64, Mismatch> {
        match json {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text == NOT_FINITE[0] => Some(f64::NAN),
            Value::String(text) if text == NOT_FINITE[1] => Some(f64::INFINITY),
            Value::String(text) if text == NOT_FINITE[2] => Some(f64::NEG_INFINITY),
            _ => None,
        }
        .map_or_else(|| self.expected("a number, \"NaN\", \"Infinity\" or \"-Infinity\"", json), Ok)
    }

    /// A number that is finite stays so.
    fn float32(&self, json: &Value) -> Result<f32, Mismatch> {
        let wide = self.float64(json)?;
        #[expect(clippy::cast_possible_truncation, reason = "the nearest is what is wanted")]
        let narrow = wide as f32;
        if narrow.is_infinite() && wide.is_finite() {
            return self.expected("a number that fits into 32 bits", json);
        }
        Ok(narrow)
    }

    fn bytes(&mut self, text: &str) -> Result<Val, Mismatch> {
        self.take(text.len() / 4 * 3)?;
        match BASE64.decode(text) {
            Ok(bytes) => Ok(Val::List(bytes.into_iter().map(Val::U8).collect())),
            Err(error) => self.mismatch(format!("expected base64 with its padding: {error}")),
        }
    }

    fn member(&mut self, field: &'a Field, members: &'a Map<String, Value>) -> Result<Val, Mismatch> {
        match members.get(&field.label.json) {
            Some(json) => self.within(Step::Member(&field.label.json), &field.shape, json),
            None if field.shape.is_option() => Ok(Val::Option(None)),
            None => self.mismatch(format!("{:?} is missing", field.label.json)),
        }
    }

    fn check_names(&self, fields: &[Field], members: &Map<String, Value>) -> Result<(), Mismatch> {
        let unknown = members.keys().find(|name| fields.iter().all(|field| field.label.json != **name));
        unknown.map_or(Ok(()), |name| self.mismatch(format!("{:?} is not expected here", text::shown(name, MAX_SHOWN))))
    }

    fn end(&mut self, name: &'a str, shape: Option<&'a Shape>, json: &'a Value) -> Result<Option<Box<Val>>, Mismatch> {
        match shape {
            Some(shape) => Ok(Some(Box::new(self.within(Step::Member(name), shape, json)?))),
            None if json.is_null() => Ok(None),
            None => self.expected(&format!("null as {name}"), json),
        }
    }

    fn within(&mut self, step: Step<'a>, shape: &'a Shape, json: &'a Value) -> Result<Val, Mismatch> {
        self.place.push(step);
        let value = self.value(shape, json)?;
        self.place.pop();
        Ok(value)
    }

    fn take(&mut self, values: usize) -> Result<(), Mismatch> {
        let Some(left) = self.left.checked_sub(values.saturating_mul(size_of::<Val>())) else {
            let (each, most) = (size_of::<Val>(), bytes_text(MAX_BYTES as u64));
            return self.mismatch(format!("too many values: at {each} bytes each they take more than {most}"));
        };
        self.left = left;
        Ok(())
    }

    fn expected<T>(&self, what: &str, json: &Value) -> Result<T, Mismatch> {
        self.mismatch(format!("{} is not {what}", text::shown(&json.to_string(), MAX_SHOWN)))
    }

    fn mismatch<T>(&self, problem: String) -> Result<T, Mismatch> {
        let step = |step: &Step| match step {
            Step::Item(index) => format!("/{index}"),
            // RFC 6901, section 3.
            Step::Member(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        };
        Err(Mismatch { pointer: self.place.iter().map(step).collect(), problem })
    }
}

/// What is said of a value of another kind altogether.
fn expectation(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "true or false",
        Kind::Integer(_) | Kind::Float32 | Kind::Float64 => "a number",
        Kind::Char => "one character",
        Kind::String => "a string",
        Kind::Bytes => "a string of base64",
        Kind::List(_) => "an array",
        Kind::Tuple(_) => "an array of as many items as there have to be",
        Kind::Record(_) => "an object",
        Kind::Variant(_) | Kind::Enum(_) => "one of the cases",
        Kind::Flags(_) => "an array of names",
        Kind::Option(_) => "a value or null",
        Kind::Result(_) => "{\"ok\": …} or {\"err\": …}",
    }
}

/// A whole number, also one that is written as `1.0` or `1e3`: JSON Schema counts these, too.
fn whole(json: &Value) -> Option<i128> {
    let number = json.as_number()?;
    if let Some(whole) = number.as_i128() {
        return Some(whole);
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e20)?;
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction, and 1e20 fits")]
    Some(float as i128)
}

fn find<'a>(labels: &'a [Label], name: &str) -> Option<&'a Label> {
    labels.iter().find(|label| label.json == name)
}

/// The value of an object's only member, if that is its name.
fn only<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|_| members.len() == 1)
}

/// The first few names.
fn one_of<'a>(labels: impl ExactSizeIterator<Item = &'a Label>) -> String {
    let more = if labels.len() > 8 { ", …" } else { "" };
    let names: Vec<_> = labels.take(8).map(|label| format!("{:?}", label.json)).collect();
    format!("one of {}{more}", names.join(", "))
}
