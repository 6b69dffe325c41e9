//! Overflows its stack: the one of calls, or with `locals` the one in linear memory that holds large local variables.

use std::hint::black_box;
use toolcell_test_programs::{Answer, Value, plugin, text, tool};

plugin!(tool("stack", "Calls itself without end."), stack);

fn stack(arguments: &Value) -> Answer {
    if arguments["locals"] == true { text(locals(u64::MAX)) } else { text(calls(u64::MAX)) }
}

/// Two calls of itself, so that the compiler cannot make a loop of it.
fn calls(depth: u64) -> u64 {
    if depth == 0 { 1 } else { calls(depth - 1).wrapping_mul(calls(depth / 2)) }
}

fn locals(depth: u64) -> u64 {
    let local = black_box([depth; 64]);
    if depth == 0 { 1 } else { locals(depth - 1).wrapping_add(local[63]) }
}
