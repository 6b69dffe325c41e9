//! Components that no compiler makes: core modules as text, wrapped in the contract's types.

use std::{fmt::Write, path::Path, sync::LazyLock};

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// The parts of a plugin with one tool. Those that are not written are as harmless as they can be: the tool answers `done`.
pub struct ByHand<'a> {
    /// What the tool says of itself.
    pub description: &'a str,
    /// Pages of the memory at the start.
    pub pages: u32,
    /// More fields of the module.
    pub fields: &'a str,
    /// The body of `list-tools`, which leaves an address.
    pub list: &'a str,
    /// The body of `call-tool`, which leaves an address.
    pub call: &'a str,
    /// The body of `cabi_realloc`, whose last parameter is `$size`; leaves an address.
    pub realloc: &'a str,
}

/// Where the list of tools is in memory, and the answer. [`ANSWER`] is the address of a `result`: its first byte tells `ok`
/// from `err`; the list of contents is 4 bytes after it, the one [`CONTENT`] that it has further on.
const TOOLS: u32 = 1024;
pub const ANSWER: u32 = 8192;
pub const CONTENT: u32 = 8256;
/// Bytes of one content in a list.
pub const CONTENT_SIZE: u32 = 44;

impl Default for ByHand<'_> {
    fn default() -> Self {
        Self {
            description: "Made by hand.",
            pages: 4,
            fields: "",
            list: "i32.const 1024",
            call: "i32.const 8192",
            realloc: "(global.set $heap (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                      global.get $heap
                      (global.set $heap (i32.add (global.get $heap) (local.get $size)))",
        }
    }
}

impl ByHand<'_> {
    /// The component, with a tool of this name.
    pub fn component(&self, tool: &str) -> Vec<u8> {
        let Self { description, pages, fields, list, call, realloc } = self;
        encode(&format!(
            r#"(module
                (memory (export "memory") {pages})
                (global $heap (mut i32) (i32.const 65536))
                (func $realloc (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) {realloc})
                (func (export "toolcell:plugin/tools@0.1.0#list-tools") (result i32) {list})
                (func (export "toolcell:plugin/tools@0.1.0#call-tool") (param i32 i32 i32 i32) (result i32) {call})
                (data (i32.const {TOOLS}) "{}")
                (data (i32.const {ANSWER}) "{}")
                {fields})"#,
            escaped(&tools(tool, description)),
            escaped(&answer())
        ))
    }
}

/// Any core module as a component of the contract.
fn encode(module: &str) -> Vec<u8> {
    static CONTRACT: LazyLock<(Resolve, WorldId)> = LazyLock::new(|| {
        let mut resolve = Resolve::default();
        let (package, _) = resolve
            .push_path(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/plugin.wit")))
            .expect("the contract is there");
        let world = resolve.select_world(&[package], Some("plugin")).expect("the contract has that world");
        (resolve, world)
    });
    let (resolve, world) = &*CONTRACT;
    let mut module = wat::parse_str(module).expect("the test writes a module");
    embed_component_metadata(&mut module, resolve, *world, StringEncoding::UTF8).expect("the world can be embedded");
    // What is encoded is to be judged by the host.
    let mut encoder = ComponentEncoder::default().validate(false).module(&module).expect("the module fits the world");
    encoder.encode().expect("the module fits the world")
}

/// The component with so many instances more of this core module.
pub fn with_instances(component: &[u8], module: &str, instances: usize) -> Vec<u8> {
    let modules = Parser::new(0).parse_all(component);
    let modules = modules.filter(|payload| matches!(payload, Ok(Payload::ModuleSection { .. }))).count();
    let module = wat::parse_str(module).expect("the test writes a module");
    // An instance of that module, without arguments.
    let instance = [vec![0], leb128(modules), vec![0]].concat();
    let instances = [leb128(instances), instance.repeat(instances)].concat();
    [component.to_vec(), section(1, &module), section(2, &instances)].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], leb128(content.len()), content.to_vec()].concat()
}

/// A number as WebAssembly has it (binary format, 5.2.2).
pub fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

/// A list of one `tool`, as the canonical ABI lays it out: the list, the record, the texts.
fn tools(name: &str, description: &str) -> Vec<u8> {
    let schema = r#"{"type":"object"}"#;
    let record = TOOLS + 8;
    let texts = record + 68;
    let at = |before: &[&str]| texts + u32::try_from(before.concat().len()).expect("texts are short");
    let length = |text: &str| u32::try_from(text.len()).expect("texts are short");
    let words = [
        vec![record, 1],
        vec![at(&[]), length(name)],
        vec![0; 3], // no title
        vec![at(&[name]), length(description)],
        vec![at(&[name, description]), length(schema)],
        vec![0; 3], // no output schema
        vec![0; 2], // no hints
        vec![0; 3], // nothing extra
    ];
    let mut bytes: Vec<u8> = words.concat().into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend([name, description, schema].concat().bytes());
    bytes
}

/// The `ok` of one text.
fn answer() -> Vec<u8> {
    let text = CONTENT + CONTENT_SIZE;
    let mut words = [0, CONTENT, 1].to_vec();
    words.resize(((CONTENT - ANSWER) / 4) as usize, 0);
    words.extend([0, text, 4]);
    words.resize(((text - ANSWER) / 4) as usize, 0);
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend(b"done");
    bytes
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").expect("a string takes everything");
        text
    })
}
