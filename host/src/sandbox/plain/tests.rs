use std::fmt::Write as _;

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};
use wasm_encoder::Section;
use wasmtime::component::Val;

use super::{
    contract, decode, encode,
    schema::{self, Way},
    shape::{Case, Ends, Field, Integer, Kind, Label, Shape},
};
use crate::{
    failure::Failure,
    policy::Digest,
    sandbox::{LoadError, Sandbox, Settings, convert::RawOutput},
};

const ROOM: u64 = 64 << 20;

fn encoded(shape: &Shape, value: &Val) -> Value {
    let text = encode::json(shape, value, None, ROOM).expect("it fits");
    serde_json::from_str(&text).expect("it is JSON")
}

fn labels(count: usize) -> Vec<Label> {
    (0..count).map(|index| Label::of(&format!("name-{index}"))).collect()
}

/// Shapes of every kind, some levels deep.
fn shapes() -> impl Strategy<Value = Shape> {
    use Integer as I;
    let integer = prop::sample::select(vec![I::S8, I::U8, I::S16, I::U16, I::S32, I::U32, I::S64, I::U64]);
    let leaf = prop_oneof![
        Just(Kind::Bool),
        integer.prop_map(Kind::Integer),
        Just(Kind::Float32),
        Just(Kind::Float64),
        Just(Kind::Char),
        Just(Kind::String),
        Just(Kind::Bytes),
        (1..6_usize).prop_map(|count| Kind::Enum(labels(count))),
        (1..=32_usize).prop_map(|count| Kind::Flags(labels(count))),
    ];
    leaf.prop_map(Shape::from).prop_recursive(5, 40, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let maybe = || option::of(inner.clone());
        prop_oneof![
            // A list of `u8` is bytes.
            boxed.clone().prop_filter("bytes", |item| item.kind != Kind::Integer(I::U8)).prop_map(Kind::List),
            boxed.prop_map(Kind::Option),
            vec(inner.clone(), 1..4).prop_map(Kind::Tuple),
            vec(inner.clone(), 1..4).prop_map(|shapes| {
                let field = |(label, shape)| Field { label, shape };
                Kind::Record(labels(shapes.len()).into_iter().zip(shapes).map(field).collect())
            }),
            vec(maybe(), 1..4).prop_map(|payloads| {
                let case = |(label, payload)| Case { label, payload };
                Kind::Variant(labels(payloads.len()).into_iter().zip(payloads).map(case).collect())
            }),
            (maybe(), maybe()).prop_map(|(ok, err)| Kind::Result(Box::new(Ends { ok, err }))),
        ]
        .prop_map(Shape::from)
    })
}

/// Values of a shape.
fn values(shape: &Shape) -> BoxedStrategy<Val> {
    let payload = |shape: &Option<Shape>| match shape {
        Some(shape) => values(shape).prop_map(|value| Some(Box::new(value))).boxed(),
        None => Just(None).boxed(),
    };
    match &shape.kind {
        Kind::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Kind::Integer(Integer::S8) => any::<i8>().prop_map(Val::S8).boxed(),
        Kind::Integer(Integer::U8) => any::<u8>().prop_map(Val::U8).boxed(),
        Kind::Integer(Integer::S16) => any::<i16>().prop_map(Val::S16).boxed(),
        Kind::Integer(Integer::U16) => any::<u16>().prop_map(Val::U16).boxed(),
        Kind::Integer(Integer::S32) => any::<i32>().prop_map(Val::S32).boxed(),
        Kind::Integer(Integer::U32) => any::<u32>().prop_map(Val::U32).boxed(),
        Kind::Integer(Integer::S64) => {
            prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)].prop_map(Val::S64).boxed()
        }
        Kind::Integer(Integer::U64) => {
            prop_oneof![any::<u64>(), Just(u64::MAX), Just((1 << 53) + 1)].prop_map(Val::U64).boxed()
        }
        Kind::Float32 => any::<u32>().prop_map(|bits| Val::Float32(f32::from_bits(bits))).boxed(),
        Kind::Float64 => any::<u64>().prop_map(|bits| Val::Float64(f64::from_bits(bits))).boxed(),
        Kind::Char => any::<char>().prop_map(Val::Char).boxed(),
        Kind::String => any::<String>().prop_map(Val::String).boxed(),
        Kind::Bytes => {
            vec(any::<u8>(), 0..40).prop_map(|bytes| Val::List(bytes.into_iter().map(Val::U8).collect())).boxed()
        }
        Kind::List(item) => vec(values(item), 0..4).prop_map(Val::List).boxed(),
        Kind::Tuple(shapes) => shapes.iter().map(values).collect::<Vec<_>>().prop_map(Val::Tuple).boxed(),
        Kind::Record(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.label.wit.clone()).collect();
            let members: Vec<_> = fields.iter().map(|field| values(&field.shape)).collect();
            members.prop_map(move |values| Val::Record(names.iter().cloned().zip(values).collect())).boxed()
        }
        Kind::Variant(cases) => prop::sample::select(cases.clone())
            .prop_flat_map(move |case| {
                payload(&case.payload).prop_map(move |value| Val::Variant(case.label.wit.clone(), value))
            })
            .boxed(),
        Kind::Enum(labels) => prop::sample::select(labels.clone()).prop_map(|label| Val::Enum(label.wit)).boxed(),
        Kind::Flags(labels) => prop::sample::subsequence(labels.clone(), 0..=labels.len())
            .prop_map(|labels| Val::Flags(labels.into_iter().map(|label| label.wit).collect()))
            .boxed(),
        Kind::Option(item) => option::of(values(item)).prop_map(|value| Val::Option(value.map(Box::new))).boxed(),
        Kind::Result(ends) => prop_oneof![
            payload(&ends.ok).prop_map(|value| Val::Result(Ok(value))),
            payload(&ends.err).prop_map(|value| Val::Result(Err(value))),
        ]
        .boxed(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_value_of_every_type_survives_and_satisfies_its_schema(
        (shape, value) in shapes().prop_flat_map(|shape| { let values = values(&shape); (Just(shape), values) })
    ) {
        let json = encoded(&shape, &value);
        for way in [Way::In, Way::Out] {
            let schema = schema::schema(&shape, way);
            prop_assert!(jsonschema::draft202012::is_valid(&schema, &json), "{json} of {schema}");
        }
        let back = decode::value(&shape, &json).expect("it is read");
        prop_assert_eq!(&back, &value);
        prop_assert_eq!(encoded(&shape, &back), json);
    }

    /// What the schema lets through is read, or refused with a place; nothing panics.
    #[test]
    fn any_json_is_read_or_refused(shape in shapes(), json in "\\PC{0,12}|[0-9.e+-]{1,8}|\\{\"(ok|err|some|name_0)\":[0-9]\\}") {
        let json: Value = serde_json::from_str(&json).unwrap_or(Value::String(json));
        if let Ok(value) = decode::value(&shape, &json) {
            prop_assert!(jsonschema::draft202012::is_valid(&schema::schema(&shape, Way::In), &json), "{json} is {value:?}");
        }
    }
}

#[test]
fn what_the_schema_cannot_say_is_refused_with_its_place() {
    let point: Shape = Kind::Record(vec![field("x-axis", Kind::Integer(Integer::S8))]).into();
    let parameters = [
        field("data", Kind::Bytes),
        field("single", Kind::Option(Box::new(Kind::Float32.into()))),
        Field { label: Label::of("points"), shape: Kind::List(Box::new(point)).into() },
    ];
    let refused = |arguments: Value| {
        let mismatch = decode::parameters(&parameters, &arguments).expect_err("it is refused");
        format!("{}: {}", mismatch.pointer, mismatch.problem)
    };
    let with = |name: &str, value: Value| {
        let mut arguments = json!({"data": "", "points": []});
        arguments[name] = value;
        refused(arguments)
    };
    insta::assert_snapshot!(
        [
            with("data", json!("a")),
            with("data", json!("YQ")),
            with("single", json!(1e300)),
            with("single", json!("Nan")),
            with("points", json!([{"x_axis": 1}, {"x_axis": 128}])),
            with("points", json!([{"x_axis": 1.5}])),
            with("points", json!([{"x-axis": 1}])),
            with("points", json!([{}])),
            with("points", json!({"a/b": "x".repeat(100)})),
            with("point", json!(1)),
            refused(json!({"points": []})),
            refused(json!({"data": "", "points": vec![json!({"x_axis": 1}); 300_000]})),
        ]
        .join("\n")
    );
}

fn field(name: &str, kind: Kind) -> Field {
    Field { label: Label::of(name), shape: kind.into() }
}

#[test]
fn null_and_left_out_are_the_same_and_some_of_none_is_not() {
    let inner = Kind::Option(Box::new(Kind::Bool.into()));
    let parameters = [field("a", inner.clone()), field("b", Kind::Option(Box::new(inner.into())))];
    let read = |arguments| decode::parameters(&parameters, &arguments).expect("it is read");
    let none = || Val::Option(None);
    assert_eq!(read(json!({})), [none(), none()]);
    assert_eq!(read(json!({"a": null, "b": null})), [none(), none()]);
    let some = |value| Val::Option(Some(Box::new(value)));
    assert_eq!(read(json!({"a": true, "b": {"some": null}})), [some(Val::Bool(true)), some(none())]);
}

#[test]
fn a_result_is_counted_and_not_kept_beyond_its_limit() {
    let shape: Shape = Kind::List(Box::new(Kind::String.into())).into();
    let value = Val::List(vec![Val::String("x".repeat(1_000)); 10_000]);
    let size = serde_json::to_string(&vec!["x".repeat(1_000); 10_000]).expect("it is JSON").len() as u64;
    assert_eq!(encode::json(&shape, &value, None, size).expect("it fits").len() as u64, size);
    let too_large = |size, limit| Err(Failure::ResultTooLarge { size, limit });
    assert_eq!(encode::json(&shape, &value, None, size - 1), too_large(size, size - 1));
    assert_eq!(encode::json(&shape, &value, None, 1_000), too_large(size, 1_000));
}

#[test]
fn the_contracts_own_types_are_read_whole() {
    let blob = |bytes: &[u8]| {
        let data = Val::List(bytes.iter().copied().map(Val::U8).collect());
        Val::Record(vec![("data".to_owned(), data), ("mime-type".to_owned(), Val::String("a/b".to_owned()))])
    };
    let content = [
        Val::Variant("text".to_owned(), Some(Box::new(Val::String("a".to_owned())))),
        Val::Variant("audio".to_owned(), Some(Box::new(blob(&[0, 255, 7])))),
    ];
    let output = Val::Record(vec![
        ("content".to_owned(), Val::List(content.to_vec())),
        ("structured".to_owned(), Val::Option(Some(Box::new(Val::String("{}".to_owned()))))),
        ("extra".to_owned(), Val::Option(None)),
    ]);
    let json = encode::json(&contract::output(), &output, None, ROOM).expect("it fits");
    insta::assert_debug_snapshot!(RawOutput::from(contract::read_output(&json).expect("it is one")));
}

/// A component with one function `f`, which takes a value of this type.
fn taking(ty: &str, core: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "f") (param {core})))
            (core instance $i (instantiate $m))
            {ty}
            (func (export "f") (param "x" $t)
                (canon lift (core func $i "f") (memory $i "memory") (realloc (func $i "realloc")))))"#
    );
    wat::parse_str(text).expect("it is WAT")
}

async fn problem(wasm: &[u8]) -> String {
    let sandbox = Sandbox::new(Settings { slots: 2, ..Settings::default() }).expect("a sandbox starts");
    let error: LoadError = sandbox.load(wasm, &Digest::of(wasm)).await.expect_err("it is refused");
    error.to_string()
}

#[tokio::test]
async fn what_cannot_be_a_tool_is_refused_with_its_reason() {
    let deep =
        (0..40).fold("(type $t0 string)".to_owned(), |text, i| format!("{text} (type $t{} (list $t{i}))", i + 1));
    let deep = deep.replace("$t40", "$t");
    // Twice as many with each: some eighty thousand in all.
    let mut wide = "(type $t0' (record (field \"a\" string))) (export $t0 \"t0\" (type $t0'))".to_owned();
    for i in 0..14 {
        let next = i + 1;
        write!(
            wide,
            "(type $t{next}' (record (field \"a\" (list $t{i})) (field \"b\" (list $t{i})))) (export $t{next} \"t{next}\" (type $t{next}'))"
        )
        .expect("a string takes it");
    }
    let wide = wide.replace("$t14 ", "$t ");
    let exporting = |name: &str| {
        format!(
            r#"(component (core module $m (func (export "f") (result i32) i32.const 0)) (core instance $i (instantiate $m))
                (func $f (result (result)) (canon lift (core func $i "f"))) (instance $e (export "run" (func $f)))
                (export "{name}" (instance $e)))"#
        )
    };
    let wat = |text: &str| wat::parse_str(text).expect("it is WAT");
    insta::assert_snapshot!(
        [
            problem(&wat("(component)")).await,
            problem(&wat(&exporting("wasi:cli/run@0.2.6"))).await,
            problem(&wat(&exporting("wasi:http/incoming-handler@0.2.6"))).await,
            problem(&wat(&exporting("exports"))).await,
            problem(&taking("(type $r' (resource (rep i32))) (export $r \"r\" (type $r')) (type $t (own $r))", "i32"))
                .await,
            problem(&taking(&deep, "i32 i32")).await,
            problem(&taking(&wide, "i32 i32 i32 i32")).await,
        ]
        .join("\n")
    );
}

#[tokio::test]
async fn functions_of_one_name_are_told_apart_or_named() {
    let two = |first: &str, second: &str| {
        let text = format!(
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f"))) (instance $e (export "do-it" (func $f)))
                (export "{first}" (instance $e)) (export "{second}" (instance $e)) (export "do-it" (func $f)))"#
        );
        wat::parse_str(text).expect("it is WAT")
    };
    let sandbox = Sandbox::new(Settings { slots: 2, ..Settings::default() }).expect("a sandbox starts");
    let wasm = two("a:b/c-d@1.0.0", "a:b/e");
    let program = sandbox.load(&wasm, &Digest::of(&wasm)).await.expect("it loads");
    let crate::sandbox::program::Form::Plain(functions) = &program.form else { panic!("it has no contract") };
    let names: Vec<_> = functions.specs().into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["c_d_do_it", "do_it", "e_do_it"]);
    let same = problem(&two("a:b/c@1.0.0", "a:b/c@2.0.0")).await;
    assert_eq!(
        same,
        "its functions `do-it` of `a:b/c@1.0.0` and `do-it` of `a:b/c@2.0.0` would both be the tool \"c_do_it\""
    );
    let long = problem(&two(&format!("a:b/{}", "c".repeat(45)), "a:b/e")).await;
    assert!(long.ends_with("is longer than the 48 characters of a tool's name"), "{long}");
}

#[tokio::test]
async fn sections_that_are_no_wit_leave_the_signature() {
    let mut wasm = taking("(type $t u32)", "i32");
    for (name, data) in
        [("toolcell:wit", &b"\0asm\x0d\0\x01\0junk"[..]), ("package-docs", b"\x01{"), ("package-docs", b"")]
    {
        wasm_encoder::CustomSection { name: name.into(), data: data.into() }.append_to(&mut wasm);
    }
    let sandbox = Sandbox::new(Settings { slots: 2, ..Settings::default() }).expect("a sandbox starts");
    let program = sandbox.load(&wasm, &Digest::of(&wasm)).await.expect("it loads");
    let crate::sandbox::program::Form::Plain(functions) = &program.form else { panic!("it has no contract") };
    let description = functions.specs().remove(0).description;
    let expected = "Calls the function `f`. Takes `x` (a whole number); returns nothing. What it does is not documented in \
                    the component.";
    assert_eq!(description, expected);
}

#[tokio::test]
async fn a_damaged_section_hurts_nobody() {
    let mut resolve = wit_parser::Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/wit/types.wit");
    let (package, _) = resolve.push_path(wit).expect("it is WIT");
    let section = wit_component::encode(&resolve, package).expect("it is encoded");
    let wasm = taking("(type $t u32)", "i32");
    let digest = Digest::of(&wasm);
    let sandbox = Sandbox::new(Settings { slots: 2, ..Settings::default() }).expect("a sandbox starts");
    for at in (0..section.len()).step_by(section.len() / 40) {
        let mut flipped = section.clone();
        flipped[at] ^= 0x55;
        for damaged in [flipped, section[..at].to_vec()] {
            let mut wasm = wasm.clone();
            wasm_encoder::CustomSection { name: "toolcell:wit".into(), data: damaged.into() }.append_to(&mut wasm);
            sandbox.load(&wasm, &digest).await.expect("it loads");
        }
    }
}
