//! Takes too much of what a call may have, memory excepted.
#![allow(unsafe_code, clippy::allow_attributes_without_reason, reason = "the bindings are generated")]

use toolcell_test_programs::log::{Level, log};
use toolcell_test_programs::{Answer, Value, plugin, text, tool};
use wasip2::{http::types::Fields, random::random::get_random_bytes};

plugin!(tool("greedy", "Takes too much of `what`: `data`, `random`, `resources` or `handles`."), greedy);

fn greedy(arguments: &Value) -> Answer {
    match arguments["what"].as_str() {
        Some("data") => log(Level::Info, &"x".repeat(32 << 20)),
        Some("random") => drop(get_random_bytes(16 << 20)),
        Some("resources") => drop((0..10_000).map(|_| Fields::new()).collect::<Vec<_>>()),
        Some("handles") => drop((0..10_000).map(|_| things::Thing::new(Thing)).collect::<Vec<_>>()),
        _ => {}
    }
    text("taken")
}

// Handles of the guest's own resources, of which the host knows nothing but their number.
use bindings::exports::test::greedy::things;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package test:greedy;
            interface things { resource thing; }
            world program { export things; }
        ",
    });
}

/// The guest's own resource.
pub struct Thing;

impl things::GuestThing for Thing {}

impl things::Guest for Program {
    type Thing = Thing;
}

#[cfg(target_arch = "wasm32")]
bindings::export!(Program with_types_in bindings);
