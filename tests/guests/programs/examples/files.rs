//! Uses files.

use std::{fs, io};

use toolcell_test_programs::{Answer, Value, failed, json, plugin, structured, tool};

plugin!(
    tool(
        "files",
        "Takes each of `steps`: [\"read\", PATH], [\"list\", PATH], [\"stat\", PATH], [\"write\", PATH, TEXT or BYTES], [\"append\", PATH, TEXT], \
         [\"truncate\", PATH, BYTES], [\"mkdir\", PATH], [\"remove\", PATH], [\"rename\", PATH, PATH], [\"link\", TARGET, PATH], [\"hold\", \
         PATH, TIMES] or [\"make\", PATH, FILES]. A failure is the tool's; with `swallow` its text stands for what the step gives, and with `crash` \
         it panics. All of it `times` (1) times."
    ),
    files
);

fn files(arguments: &Value) -> Answer {
    let mut results = Vec::new();
    for _ in 0..arguments["times"].as_u64().unwrap_or(1) {
        for step in arguments["steps"].as_array().into_iter().flatten() {
            match take(step) {
                Ok(result) => results.push(result),
                Err(error) if arguments["swallow"] == true => results.push(json!(error.to_string())),
                Err(error) if arguments["crash"] == true => panic!("{error}"),
                Err(error) => return failed("no_file", error),
            }
        }
    }
    results.dedup();
    structured(json!({"results": results}))
}

fn take(step: &Value) -> io::Result<Value> {
    let text = |index: usize| step[index].as_str().unwrap_or_default();
    let number = |index: usize| step[index].as_u64().unwrap_or_default();
    let path = text(1);
    match text(0) {
        "read" => return Ok(json!(fs::read_to_string(path)?)),
        "list" => {
            let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
            names.sort();
            return Ok(json!(names));
        }
        "stat" => return Ok(json!(fs::metadata(path)?.is_dir())),
        "write" => match &step[2] {
            Value::String(text) => fs::write(path, text)?,
            bytes => fs::write(path, vec![b'x'; usize::try_from(bytes.as_u64().unwrap_or(0)).unwrap_or(0)])?,
        },
        "append" => io::Write::write_all(&mut fs::File::options().append(true).open(path)?, text(2).as_bytes())?,
        "truncate" => fs::File::options().write(true).open(path)?.set_len(number(2))?,
        "mkdir" => fs::create_dir(path)?,
        "remove" => fs::remove_file(path)?,
        "rename" => fs::rename(path, text(2))?,
        #[expect(deprecated, reason = "the one that is stable on this target")]
        "link" => fs::soft_link(path, text(2))?,
        "hold" => {
            let held: io::Result<Vec<_>> = (0..number(2)).map(|_| fs::File::open(path)).collect();
            return Ok(json!(held?.len()));
        }
        "make" => {
            for file in 0..number(2) {
                fs::write(format!("{path}/{file}"), "")?;
            }
        }
        other => return Err(io::Error::other(format!("no step {other:?}"))),
    }
    Ok(json!("done"))
}
