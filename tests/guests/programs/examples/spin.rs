//! Computes without end.

use std::hint::black_box;
use toolcell_test_programs::{Answer, Value, plugin, tool};

plugin!(tool("spin", "Never returns."), spin);

fn spin(_arguments: &Value) -> Answer {
    loop {
        black_box(());
    }
}
