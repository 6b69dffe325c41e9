//! A type as JSON Schema 2020-12, spelled as the Rust SDK spells the same type with names in `snake_case`.

use serde_json::{Map, Value, json};

use super::shape::{Case, Ends, Field, Integer, Kind, Label, Shape};

/// Numbers that JSON has no form for.
pub(super) const NOT_FINITE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Which way values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To the component: what is optional may be left out.
    In,
    /// From the component: every member is there.
    Out,
}

/// The schema of an object with these members, as arguments and records are. What is misspelt in arguments is found; results may
/// have more members in a later version.
pub(super) fn object(fields: &[Field], way: Way) -> Map<String, Value> {
    let is_required = |field: &&Field| way == Way::Out || !field.shape.is_option();
    let required: Vec<_> = fields.iter().filter(is_required).map(|field| field.label.json.as_str()).collect();
    let mut object = Map::new();
    if way == Way::In {
        object.insert("additionalProperties".to_owned(), false.into());
    }
    if !required.is_empty() {
        object.insert("required".to_owned(), json!(required));
    }
    let member =
        |field: &Field| (field.label.json.clone(), described(schema(&field.shape, way), field.label.docs.as_deref()));
    object.insert("properties".to_owned(), fields.iter().map(member).collect::<Map<_, _>>().into());
    object.insert("type".to_owned(), "object".into());
    object
}

/// The schema of a type.
pub(super) fn schema(shape: &Shape, way: Way) -> Value {
    let inner = |shape: &Shape| schema(shape, way);
    let schema = match &shape.kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Integer(integer) => whole_number(*integer),
        Kind::Float32 | Kind::Float64 => json!({"anyOf": [{"type": "number"}, {"type": "string", "enum": NOT_FINITE}]}),
        Kind::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Kind::String => json!({"type": "string"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::List(item) => json!({"type": "array", "items": inner(item)}),
        Kind::Tuple(items) => {
            let prefix: Vec<_> = items.iter().map(inner).collect();
            json!({"type": "array", "prefixItems": prefix, "minItems": items.len(), "maxItems": items.len()})
        }
        Kind::Record(fields) => object(fields, way).into(),
        Kind::Variant(cases) => variant(cases, way),
        Kind::Enum(labels) => names(labels),
        Kind::Flags(labels) => json!({"type": "array", "uniqueItems": true, "items": names(labels)}),
        // None and some(none) are two values: of an option in an option, what is there is told by `some`.
        Kind::Option(item) if item.is_option() => nullable(tagged("some", &inner(item))),
        Kind::Option(item) => nullable(inner(item)),
        Kind::Result(ends) => {
            let Ends { ok, err } = &**ends;
            let end = |shape: &Option<Shape>| shape.as_ref().map_or_else(|| json!({"type": "null"}), inner);
            json!({"oneOf": [tagged("ok", &end(ok)), tagged("err", &end(err))]})
        }
    };
    described(schema, shape.docs.as_deref())
}

fn whole_number(integer: Integer) -> Value {
    let (least, greatest) = match integer {
        Integer::U64 => (json!(u64::MIN), json!(u64::MAX)),
        Integer::S64 => (json!(i64::MIN), json!(i64::MAX)),
        // The others fit into 64 bits, with and without a sign.
        other => {
            let (least, greatest) = other.bounds();
            (json!(i64::try_from(least).unwrap_or(i64::MIN)), json!(i64::try_from(greatest).unwrap_or(i64::MAX)))
        }
    };
    json!({"type": "integer", "minimum": least, "maximum": greatest})
}

/// An alternative of which only one member says which it is.
fn tagged(name: &str, payload: &Value) -> Value {
    json!({"type": "object", "properties": {name: payload}, "required": [name], "additionalProperties": false})
}

/// Names without documentation stand in one `enum`; each of the others has an alternative of its own, with its description.
fn names(labels: &[Label]) -> Value {
    let (with, without): (Vec<_>, Vec<_>) = labels.iter().partition(|label| label.docs.is_some());
    alternatives(&without, with.into_iter().map(name).collect())
}

fn variant(cases: &[Case], way: Way) -> Value {
    let is_plain = |case: &&Case| case.payload.is_none() && case.label.docs.is_none();
    let (plain, others): (Vec<_>, Vec<_>) = cases.iter().partition(is_plain);
    let alternative = |case: &Case| match &case.payload {
        None => name(&case.label),
        Some(payload) => described(tagged(&case.label.json, &schema(payload, way)), case.label.docs.as_deref()),
    };
    let plain: Vec<_> = plain.iter().map(|case| &case.label).collect();
    alternatives(&plain, others.into_iter().map(alternative).collect())
}

fn alternatives(plain: &[&Label], others: Vec<Value>) -> Value {
    let plain: Vec<_> = plain.iter().map(|label| label.json.as_str()).collect();
    let plain = (!plain.is_empty()).then(|| json!({"type": "string", "enum": plain}));
    match plain {
        Some(plain) if others.is_empty() => plain,
        plain => json!({"oneOf": plain.into_iter().chain(others).collect::<Vec<_>>()}),
    }
}

fn name(label: &Label) -> Value {
    described(json!({"type": "string", "const": label.json}), label.docs.as_deref())
}

/// The same schema, which null satisfies, too.
fn nullable(mut schema: Value) -> Value {
    let members = schema.as_object_mut().expect("every schema here is an object");
    if members.contains_key("anyOf") || members.contains_key("oneOf") {
        return json!({"anyOf": [schema, {"type": "null"}]});
    }
    if let Some(kind) = members.get_mut("type").filter(|kind| kind.is_string()) {
        *kind = json!([kind, "null"]);
    }
    if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.push(Value::Null);
    }
    schema
}

/// The schema with a description, which replaces the one it has.
fn described(mut schema: Value, docs: Option<&str>) -> Value {
    if let Some(docs) = docs {
        schema["description"] = docs.into();
    }
    schema
}
