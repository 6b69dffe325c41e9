//! Anything at all as a component: it is loaded or refused with a reason. The process survives.
//!
//! The first byte says what the rest is: a file as it is, the seed of a generated component or module, or changes of the
//! smallest plugin that serves.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use arbitrary::{Arbitrary, Unstructured};
use tokio::runtime::Runtime;
use toolcell::{
    plugin::inspect_component,
    policy::PluginName,
    sandbox::{Sandbox, Settings},
};

/// The smallest plugin that serves: `tiny.wat` as a component.
pub const TINY: &[u8] = include_bytes!("tiny.component");

/// Far more than a component of a few kilobytes takes on a busy machine.
const SOON: Duration = Duration::from_secs(120);

/// Makes a component of the input and loads it.
///
/// # Panics
///
/// When loading takes long, or a component is refused without a reason.
pub fn run(input: &[u8]) {
    let Some((&form, rest)) = input.split_first() else { return };
    let wasm = match form % 4 {
        0 => Some(rest.to_vec()),
        1 => generated_component(rest),
        2 => generated_module(rest).map(|module| around(&module)),
        _ => Some(changed(rest)),
    };
    if let Some(wasm) = wasm {
        let began = Instant::now();
        let loaded = load(&wasm);
        assert!(loaded.err().is_none_or(|reason| !reason.is_empty()));
        assert!(began.elapsed() < SOON, "loading took {:?}", began.elapsed());
    }
}

/// Loads a component as `toolcell check` does: form, compiling, imports, exports, the list of tools.
///
/// # Errors
///
/// Why it is not a plugin.
///
/// # Panics
///
/// When the process can make no thread, and so no sandbox.
pub fn load(wasm: &[u8]) -> Result<(), String> {
    static SANDBOX: OnceLock<(Runtime, Arc<Sandbox>, PluginName)> = OnceLock::new();
    let (runtime, sandbox, name) = SANDBOX.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let sandbox = Sandbox::new(Settings { slots: 8, ..Settings::default() }).expect("a sandbox");
        (runtime, Arc::new(sandbox), "fuzz".parse().expect("a name"))
    });
    runtime.block_on(inspect_component(sandbox, wasm, name)).map(drop).map_err(|reason| reason.to_string())
}

/// A component made from these bytes.
#[must_use]
pub fn generated_component(seed: &[u8]) -> Option<Vec<u8>> {
    let mut random = Unstructured::new(seed);
    let config = config(&mut random)?;
    Some(wasm_smith::Component::new(config, &mut random).ok()?.to_bytes())
}

/// A module made from these bytes.
#[must_use]
pub fn generated_module(seed: &[u8]) -> Option<Vec<u8>> {
    let mut random = Unstructured::new(seed);
    let config = config(&mut random)?;
    Some(wasm_smith::Module::new(config, &mut random).ok()?.to_bytes())
}

/// Half of the time only what the engine has turned on, so that more of them get beyond validation.
fn config(random: &mut Unstructured) -> Option<wasm_smith::Config> {
    let mut config = wasm_smith::Config::arbitrary(random).ok()?;
    if random.arbitrary().ok()? {
        config.exceptions_enabled = false;
        config.gc_enabled = false;
        config.memory64_enabled = false;
        config.relaxed_simd_enabled = false;
        config.shared_everything_threads_enabled = false;
        config.threads_enabled = false;
    }
    Some(config)
}

/// A component that holds one module and instantiates it with nothing.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "seven bits are what is meant")]
pub fn around(module: &[u8]) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    // LEB128: seven bits in each byte, the lowest first.
    let mut length = module.len();
    while length >= 0x80 {
        component.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    component.push(length as u8);
    component.extend(module);
    // Section of core instances: one, of module 0, with no arguments.
    component.extend([2, 4, 1, 0, 0, 0]);
    component
}

/// The tiny plugin after changes of five bytes each.
fn changed(changes: &[u8]) -> Vec<u8> {
    let mut wasm = TINY.to_vec();
    for change in changes.chunks_exact(5) {
        let at = |low, high| usize::from(u16::from_le_bytes([low, high])) % wasm.len().max(1);
        let (at, from) = (at(change[1], change[2]), at(change[3], change[4]));
        match change[0] % 5 {
            _ if wasm.is_empty() => {}
            0 => wasm.truncate(at),
            1 => wasm.insert(at, change[3]),
            2 => drop(wasm.drain(at..(at + usize::from(change[3])).min(wasm.len()))),
            3 => wasm.extend_from_within(at.min(from)..at.max(from)),
            _ => wasm[at] = change[3],
        }
    }
    wasm
}
