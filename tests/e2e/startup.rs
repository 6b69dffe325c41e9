//! The start of a server of plugins that have to be compiled first.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use tempfile::TempDir;
use wasm_encoder::{
    CodeSection, ComponentSection, Function, FunctionSection, Module, ModuleSection, TypeSection, ValType,
};

use crate::{
    client::Client,
    components::ByHand,
    folder::{Folder, component},
};

const CHANGED: &str = "notifications/tools/list_changed";

/// Functions of the big component, and steps of each: compiling them takes some seconds on two processors.
const FUNCTIONS: i64 = 10_000;
const STEPS: usize = 60;

#[test]
fn a_big_plugin_that_is_compiled_holds_up_no_other() {
    let folder = Folder::new(&[("echo", "")]);
    folder.add_as("big", "echo", "tools.prefix = \"big_\"");
    folder.lock();
    folder.build("big", &big_echo());
    let (mut client, _cache) = serve_cold(&folder);
    let began = Instant::now();
    assert_eq!(client.call("echo", json!({"message": "hi"}))["structuredContent"], json!({"message": "hi"}));
    let (small, log) = (began.elapsed(), client.log());
    assert!(log.contains("plugin big: compiling its component of "), "{log}");
    assert!(!log.contains("plugin big: compiled in "), "the small plugin waited for the big one: {log}");

    while client.tools() != ["big_echo", "echo"] {
        client.wait_for(CHANGED);
    }
    eprintln!("small plugin answered after {small:?}, the big one is listed after {:?}", began.elapsed());
    client.wait_for_log("plugin big: compiled in ");
    assert_eq!(client.call("big_echo", json!({"message": "hi"}))["structuredContent"], json!({"message": "hi"}));
}

#[test]
fn a_call_of_a_plugin_that_is_compiled_waits_for_it_and_not_for_ever() {
    let folder = Folder::new(&[("echo", "")]);
    folder.add_as("late", "echo", "tools.prefix = \"late_\"");
    folder.lock();
    let loops = ByHand { fields: "(func $first (loop $again (br $again))) (start $first)", ..ByHand::default() };
    folder.build("late", &loops.component("late_echo"));
    let (mut client, _cache) = serve_cold(&folder);
    let began = Instant::now();
    let late = client.begin_call("late_echo", json!({}));
    let result = client.call("echo", json!({"message": "hi"}));
    assert_eq!(result["structuredContent"], json!({"message": "hi"}), "it is compiled first: {result}");
    let told = client.end(late)["error"]["message"].to_string();
    assert!(told.contains("still being loaded, try again in some seconds: late"), "{told}");
    assert!(began.elapsed() >= Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn the_first_list_of_a_cold_start_is_whole_where_nothing_takes_long() {
    let folder = Folder::new(&[("echo", ""), ("toolerror", "")]);
    let (mut client, _cache) = serve_cold(folder.lock());
    let began = Instant::now();
    let tools = client.tools();
    // A machine that needs longer than the server waits for has a list that is not whole, and is told later.
    if began.elapsed() < Duration::from_secs(3) {
        assert_eq!(tools, ["echo", "toolerror"]);
    }
}

#[test]
fn of_two_tools_that_collide_at_start_neither_is_served_however_late_one_is_compiled() {
    let folder = Folder::new(&[("echo", "")]);
    folder.add_as("late", "echo", "tools.prefix = \"late_\"");
    folder.lock();
    folder.write("plugins/late/plugin.toml", "component = \"guest.wasm\"\n");
    // Another component with the same tools, which has to be compiled while that of the other plugin is kept.
    folder.build("late", &with_functions(&component("echo"), 1));
    let mut client = folder.serve();
    while !client.tools().is_empty() {
        client.wait_for(CHANGED);
    }
    for plugin in ["echo", "late"] {
        client.wait_for_log(&format!("plugin {plugin} is not served: tool \"echo\" has the same name as"));
    }
}

/// Serves with an empty cache of compiled code, which lives as long as the second value.
fn serve_cold(folder: &Folder) -> (Client, TempDir) {
    let cache = tempfile::tempdir().expect("a folder can be made");
    let mut client = Client::start(folder.toolcell().args(["serve", "--locked"]).env("XDG_CACHE_HOME", cache.path()));
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    client.request("initialize", hello);
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
    (client, cache)
}

fn big_echo() -> Vec<u8> {
    with_functions(&component("echo"), FUNCTIONS)
}

/// The component with a module more, which nothing uses and which has so many functions. They differ from run to run, so that no
/// cache has their code.
fn with_functions(component: &[u8], count: i64) -> Vec<u8> {
    let now = i64::from(SystemTime::UNIX_EPOCH.elapsed().expect("it is later").subsec_nanos());
    let function = |number: i64| {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.i64_const(now + (number << 32)).local_set(1);
        for _ in 0..STEPS {
            code.local_get(0).local_get(1).i64_mul().local_get(1).local_get(0).i64_rotl().i64_add().local_set(0);
        }
        code.local_get(0).end();
        function
    };
    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([ValType::I64, ValType::I64], [ValType::I64]);
    for number in 0..count {
        functions.function(0);
        code.function(&function(number));
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    let mut component = component.to_vec();
    ModuleSection(&module).append_to_component(&mut component);
    component
}
