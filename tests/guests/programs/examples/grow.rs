//! Takes memory until it is refused.

use toolcell_test_programs::{Answer, Value, json, plugin, structured, tool};

const MEBIBYTE: usize = 1 << 20;

plugin!(tool("grow", "Takes memory until it is refused; then answers, or with `abort` gives up."), grow);

fn grow(arguments: &Value) -> Answer {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut block = Vec::new();
        if arguments["abort"] == true {
            block.reserve_exact(MEBIBYTE);
        } else if block.try_reserve_exact(MEBIBYTE).is_err() {
            return structured(json!({ "mebibytes": taken.len() }));
        }
        block.resize(MEBIBYTE, 1);
        taken.push(block);
    }
}
