//! Looks for files of the host.

use std::fs;
use toolcell_test_programs::{Answer, Value, json, plugin, structured, tool};
use wasip2::filesystem::preopens::get_directories;

plugin!(tool("prowls", "Tries to read `paths` and to write beside them; tells which it could."), prowls);

fn prowls(arguments: &Value) -> Answer {
    let paths: Vec<&str> = arguments["paths"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let could = |able: fn(&str) -> bool| paths.iter().copied().filter(|path| able(path)).collect::<Vec<_>>();
    structured(json!({
        "tried": paths.len(),
        "read": could(|path| fs::read(path).is_ok() || fs::read_dir(path).is_ok()),
        "written": could(|path| fs::write(format!("{path}.toolcell-test"), "x").is_ok()),
        "preopened": get_directories().into_iter().map(|(_, path)| path).collect::<Vec<_>>(),
    }))
}
