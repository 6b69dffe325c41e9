//! Components that were not written for Toolcell, in the styles of other hosts: each exported function is a tool.

use std::{fs, path::Path};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use toolcell::{
    replay::Replay,
    testing::Plugin,
    wit_package::{PackError, pack},
};

use wasm_encoder::{CustomSection, Section};
use wit_parser::{PackageMetadata, Resolve};

use crate::{
    client::Client,
    failure::Failed,
    folder::{Folder, component},
    upstream::Upstream,
};

const WIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/wit");
const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/plugin.wit");

/// A folder of WIT as an author has it, with what the package depends on.
fn wit(package: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let copy = |from: &Path, to: &str| {
        let to = folder.path().join(to);
        fs::create_dir_all(to.parent().expect("it is in the folder")).expect("the folder is ours");
        fs::copy(from, to).expect("the folder is ours");
    };
    copy(&Path::new(WIT).join(format!("{package}.wit")), "world.wit");
    copy(Path::new(CONTRACT), "deps/toolcell-plugin/plugin.wit");
    folder
}

fn packed(package: &str) -> Vec<u8> {
    pack(&component(&format!("plain_{package}")), wit(package).path()).expect("the WIT is that of the guest")
}

fn served(package: &str) -> (Folder, Client) {
    let folder = Folder::new(&[]);
    folder.add_component(package, "", &packed(package));
    let client = folder.lock().serve();
    (folder, client)
}

/// Name, description and schemas of each tool.
fn listed(client: &mut Client) -> String {
    let list = client.request("tools/list", json!({}));
    let shown = |tool: &Value| {
        let schema = |name: &str| serde_json::to_string_pretty(&tool[name]).expect("it is JSON");
        let text = |name: &str| tool[name].as_str().unwrap_or_default().to_owned();
        format!("{}: {}\n{}\n{}\n", text("name"), text("description"), schema("inputSchema"), schema("outputSchema"))
    };
    list["result"]["tools"].as_array().expect("a list").iter().map(shown).collect::<Vec<_>>().join("\n")
}

#[test]
pub fn every_function_of_an_interface_is_a_tool() {
    let (_folder, mut client) = served("types");
    insta::assert_snapshot!("types", listed(&mut client));
    let integers = json!({
        "a": i8::MIN, "b": u8::MAX, "c": i16::MIN, "d": u16::MAX, "e": i32::MIN, "f": u32::MAX, "g": i64::MIN, "h": u64::MAX,
    });
    let result = client.call("integers", integers);
    let expected = json!([i8::MIN, u8::MAX, i16::MIN, u16::MAX, i32::MIN, u32::MAX, i64::MIN, u64::MAX]);
    assert_eq!(result["structuredContent"], json!({ "result": expected }));
    let result = client.call("floats", json!({"single": 0.1, "double": "-Infinity"}));
    assert_eq!(result["structuredContent"], json!({"result": [0.1, "-Infinity"]}));
    let said = |result: Value| result["content"][0]["text"].as_str().expect("a text").to_owned();
    assert_eq!(said(client.call("say", json!({}))), "nothing");
    assert_eq!(said(client.call("say", json!({"word": null}))), "nothing");
    assert_eq!(said(client.call("say", json!({"word": "a"}))), "a");
    assert_eq!(said(client.call("nothing", json!({}))), "Done. The function returns nothing.");
    assert_eq!(client.call("divide", json!({"dividend": 7, "divisor": 2}))["structuredContent"], json!({"result": 3}));
    let blob = client.call("blob", json!({"size": 4}));
    assert_eq!(blob["structuredContent"], json!({"result": "BwcHBw=="}));
}

#[test]
fn what_a_function_says_of_its_failure_is_the_failure() {
    let (_folder, mut client) = served("types");
    let mut told = Vec::new();
    for (tool, arguments) in [
        ("fail", json!({"message": "There is no ink."})),
        ("give_up", json!({})),
        ("divide", json!({"dividend": 1, "divisor": 0})),
        ("divide", json!({"dividend": i64::MIN, "divisor": -1})),
        ("integers", json!({"a": 128, "b": 0, "c": 0, "d": 0, "e": 0, "f": 0, "g": 0, "h": 0})),
        ("floats", json!({"single": 1e39, "double": 0})),
        ("divide", json!({"dividend": 1})),
        ("blob", json!({"size": 1_000_000})),
        ("numbers", json!({"count": 300_000})),
        ("blob", json!({"size": 300_000_000})),
    ] {
        let failed = Failed::new(&client.call(tool, arguments));
        told.push(format!("{}: {}", failed.code, failed.text));
    }
    insta::assert_snapshot!("failures", told.join("\n\n"));
}

#[test]
pub fn functions_of_worlds_are_tools_and_run_futures() {
    let (_folder, mut client) = served("sums");
    insta::assert_snapshot!("sums", listed(&mut client));
    assert_eq!(client.call("add", json!({"a": 255, "b": 1}))["structuredContent"], json!({"result": 256}));
    let large = client.call("wide_ops_add", json!({"a": u64::MAX - 1, "b": 1}));
    assert_eq!(large["structuredContent"], json!({"result": u64::MAX}));
    let sum = client.call("add_up", json!({"numbers": [1, 2, u32::MAX]}));
    assert_eq!(sum["structuredContent"], json!({"result": u64::from(u32::MAX) + 3}));
    let drawn = client.call("draw", json!({"fail": false}));
    let image = json!({"type": "image", "data": "AP+A", "mimeType": "image/png"});
    assert_eq!(drawn["content"], json!([{"type": "text", "text": "a dot"}, image]));
    let failed = Failed::new(&client.call("draw", json!({"fail": true})));
    insta::assert_snapshot!("draw", format!("{}: {}", failed.code, failed.text));
}

#[test]
pub fn a_function_reaches_by_wasi_http_what_was_granted() {
    let server = Upstream::answering(|_| ("text/plain", b"hello".to_vec()));
    let folder = Folder::new(&[]);
    folder.add_as("web", "plain_web", &server.asked());
    let mut client = folder.lock().serve();
    insta::assert_snapshot!("web", listed(&mut client));
    let page = client.call("fetch", json!({"url": server.url("/a?b")}));
    assert_eq!(page["structuredContent"], json!({"status": 200, "body": "hello"}), "{page}");
    assert_eq!(server.requests(), ["GET /a?b HTTP/1.1"]);
    let failed = Failed::new(&client.call("fetch", json!({"url": "https://elsewhere.example/"})));
    assert!(failed.text.contains("elsewhere.example"), "{}", failed.text);
}

/// Strategies for JSON that is a value of `one-of-each`.
fn one_of_each() -> impl Strategy<Value = Value> {
    let maybe = |strategy: BoxedStrategy<Value>| prop_oneof![Just(Value::Null), strategy].boxed();
    let point = || (any::<i32>(), any::<i32>()).prop_map(|(x, y)| json!({"x": x, "y": y})).boxed();
    let points = prop::collection::vec(point(), 0..3).prop_map(|points| json!({ "polygon": points }));
    let number = any::<f64>().prop_filter("finite", |number| number.is_finite());
    let figure = prop_oneof![
        Just(json!("nothing")),
        number.prop_map(|radius| json!({ "circle": radius })),
        Just(json!({"circle": "NaN"})),
        points,
        point().prop_map(|point| json!({ "spot": point })),
    ];
    let text = || any::<String>().prop_map(Value::from).boxed();
    let bytes = prop::collection::vec(any::<u8>(), 0..30).prop_map(|bytes| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.encode(bytes)
    });
    let end = prop_oneof![
        any::<u8>().prop_map(|ok| json!({ "ok": ok })),
        any::<String>().prop_map(|err| json!({ "err": err })),
    ];
    let some = maybe(text()).prop_map(|text| json!({ "some": text })).boxed();
    let simple = (any::<bool>(), any::<char>(), any::<String>(), bytes, any::<Vec<Vec<u16>>>(), any::<(u8, String)>());
    let named = (
        prop::sample::select(vec!["red", "green", "dark_blue"]),
        prop::sample::subsequence(vec!["read", "write", "list_all"], 0..=3),
        maybe(any::<u64>().prop_map(Value::from).boxed()),
        maybe(some),
        prop::sample::select(vec![json!({"ok": null}), json!({"err": null})]),
    );
    let lists = (prop::collection::vec(figure, 0..4), prop::collection::vec(end, 0..4), point());
    (simple, named, lists).prop_map(
        |(
            (yes_or_no, letter, word, bytes, lists, pair),
            (colour, access, maybe, perhaps, end),
            (figures, ends, point),
        )| {
            json!({
                "yes_or_no": yes_or_no, "letter": letter, "word": word, "bytes": bytes, "lists": lists, "pair": pair,
                "point": point, "figures": figures, "colour": colour, "access": access, "maybe": maybe,
                "perhaps": perhaps, "ends": ends, "end": end,
            })
        },
    )
}

#[test]
fn every_value_survives_a_component() {
    let folder = Folder::new(&[]);
    folder.add_as("types", "plain_types", "");
    let plugin = Plugin::load(folder.plugins().join("types"));
    let survives = |value: Value| {
        let answer = plugin.call("everything", json!({ "value": value }), Replay::new()).expect("it answers");
        prop_assert_eq!(answer.structured, Some(value));
        Ok(())
    };
    TestRunner::new(Config { cases: 200, ..Config::default() }).run(&one_of_each(), survives).expect("each survives");
}

/// As tools of other hosts do it.
fn with_package_docs(package: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (id, _) = resolve.push_path(wit(package).path()).expect("it is WIT");
    let data = PackageMetadata::extract(&resolve, id).encode().expect("it is JSON");
    let mut wasm = component(&format!("plain_{package}"));
    CustomSection { name: PackageMetadata::SECTION_NAME.into(), data: data.into() }.append_to(&mut wasm);
    wasm
}

#[test]
fn package_docs_describe_as_the_wit_itself_does() {
    let folder = Folder::new(&[]);
    for package in ["types", "sums"] {
        folder.add_component(package, "", &with_package_docs(package));
    }
    let mut client = folder.lock().serve();
    let list = listed(&mut client);
    for package in ["types", "sums"] {
        let (_folder, mut client) = served(package);
        for tool in listed(&mut client).split("\n\n") {
            assert!(list.contains(tool.trim_end()), "{tool}\n\nis not in\n\n{list}");
        }
    }
}

#[test]
fn a_description_of_the_manifests_is_reviewed_and_shown() {
    let folder = Folder::new(&[]);
    let describing = |text: &str| format!("tools.describe = {{ add = {text:?} }}\n");
    folder.add_component("sums", &describing("Adds two bytes."), &packed("sums"));
    let mut client = folder.lock().serve();
    let list = listed(&mut client);
    assert!(list.contains("add: Adds two bytes.\n") && list.contains("wide_ops_add: Adds large numbers.\n"), "{list}");
    folder.write("plugins/sums/plugin.toml", &format!("component = \"guest.wasm\"\n{}", describing("Sends money.")));
    let mut client = folder.serve();
    assert_eq!(client.tools(), [""; 0]);
}

#[test]
fn wit_is_packed_in_place_of_older_wit_and_only_if_it_fits() {
    let (bare, once) = (component("plain_types"), packed("types"));
    assert!(once.len() > bare.len() && once.starts_with(&bare));
    assert_eq!(pack(&once, wit("types").path()).expect("it fits"), once);
    let Err(PackError::Missing(missing)) = pack(&bare, wit("sums").path()) else { panic!("it does not fit") };
    assert_eq!(missing[0], "`integers` of `test:types/echo@1.2.3`");
    assert!(matches!(pack(&bare, Path::new("/nowhere")), Err(PackError::Wit(_))));
    assert!(matches!(pack(b"\0asm\x01\0\0\0", Path::new(WIT)), Err(PackError::NotAComponent)));
}

#[test]
fn build_puts_wit_into_a_finished_component_in_place() {
    let folder = Folder::new(&[]);
    let file = folder.plugins().join("types.wasm");
    fs::write(&file, component("plain_types")).expect("the folder is ours");
    let build = |package: &str| {
        let wit = wit(package);
        let build = folder.toolcell().args(["build", "plugins/types.wasm", "--wit"]).arg(wit.path()).output();
        let build = build.expect("it runs");
        let told = String::from_utf8([build.stdout, build.stderr].concat()).expect("it prints text");
        (build.status.code(), told.replace(&wit.path().display().to_string(), "WIT"))
    };
    let (status, told) = build("sums");
    assert_eq!(status, Some(1), "{told}");
    let first = "plugins/types.wasm stays as it was: the WIT does not describe what the component exports: `integers` of \
                 `test:types/echo@1.2.3`, ";
    assert!(told.contains(first), "{told}");
    assert_eq!(fs::read(&file).expect("it is there"), component("plain_types"));
    let (status, told) = build("types");
    assert!(told.starts_with("packed plugins/types.wasm with WIT ("), "{told}");
    assert_eq!((status, fs::read(&file).expect("it is there")), (Some(0), packed("types")));
}

#[test]
fn a_type_whose_schema_is_too_large_keeps_its_component_from_being_served() {
    let cases: String = (0..10_000).map(|number| format!("\"case-{number}\" ")).collect();
    let text = format!(
        r#"(component
            (core module $m (func (export "f") (param i32)))
            (core instance $i (instantiate $m))
            (type $t' (enum {cases}))
            (export $t "t" (type $t'))
            (func (export "f") (param "x" $t) (canon lift (core func $i "f"))))"#
    );
    let folder = Folder::new(&[]);
    fs::write(folder.plugins().join("large.wasm"), wat::parse_str(text).expect("it is WAT"))
        .expect("the folder is ours");
    let check = folder.toolcell().args(["check", "plugins/large.wasm"]).output().expect("it runs");
    let told = String::from_utf8(check.stdout).expect("it prints text");
    let why = "the input schema of tool \"f\": it has 118999 bytes; a schema may have 65536";
    assert!(told.replace('\n', " ").contains(why), "{told}");
}
