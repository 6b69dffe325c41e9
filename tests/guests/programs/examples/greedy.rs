//! Takes too much of what a call may have, memory excepted.
#![allow(unsafe_code, clippy::allow_attributes_without_reason, reason = "the bindings are generated")]

use toolcell_test_programs::log::{Level, log};
use toolcell_test_programs::{Answer, Value, plugin, text, tool};
use wasip2::{
    cli::stdout::get_stdout,
    clocks::monotonic_clock::subscribe_duration,
    http::types::{Fields, OutgoingRequest},
    random::random::get_random_bytes,
};

/// More than a call may have of anything.
const MANY: usize = 1_000_000;

plugin!(
    tool(
        "greedy",
        "Takes too much of `what`: `data`, `random` (`bytes` of it), `resources`, `handles`, `pollables`, `requests`, \
         `streams` or `header_fields`."
    ),
    greedy
);

fn greedy(arguments: &Value) -> Answer {
    match arguments["what"].as_str() {
        Some("data") => log(Level::Info, &"x".repeat(32 << 20)),
        Some("random") => drop(get_random_bytes(arguments["bytes"].as_u64().unwrap_or(16 << 20))),
        Some("resources") => drop((0..10_000).map(|_| Fields::new()).collect::<Vec<_>>()),
        Some("handles") => drop((0..10_000).map(|_| things::Thing::new(Thing)).collect::<Vec<_>>()),
        Some("pollables") => drop((0..MANY).map(|_| subscribe_duration(u64::MAX)).collect::<Vec<_>>()),
        Some("requests") => drop((0..MANY).map(|_| OutgoingRequest::new(Fields::new())).collect::<Vec<_>>()),
        Some("streams") => drop((0..MANY).map(|_| get_stdout()).collect::<Vec<_>>()),
        Some("header_fields") => header_fields(),
        _ => {}
    }
    text("taken")
}

/// All in one message.
fn header_fields() {
    let fields = Fields::new();
    for number in 0..MANY {
        fields.append(&format!("x-{number}"), b"value").expect("there is room for one more");
    }
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
