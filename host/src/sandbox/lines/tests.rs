use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    call::Call,
    failure::Failure,
    policy::{Digest, Limits},
    sandbox::{Program, Sandbox, Settings, Work},
};

fn stack() -> Vec<u8> {
    fs::read(toolcell_test_guests::STACK).expect("the guest is built")
}

fn work() -> Work {
    Work::with_nothing("stack", "stack", Limits::default())
}

#[test]
fn only_the_plugins_own_lines_are_kept() {
    let (wasm, began) = (stack(), Instant::now());
    let lines = Lines::of(&wasm);
    let (took, files, rows, calls) = (began.elapsed(), lines.files.len(), lines.rows.len(), lines.calls.len());
    println!("{} bytes read in {took:?}: {files} files, {rows} rows, {calls} inlined calls", wasm.len());
    assert!(lines.files.iter().any(|file| file == "tests/guests/programs/examples/stack.rs"), "{:?}", lines.files);
    assert!(lines.files.iter().all(|file| !file.contains("library/")), "{:?}", lines.files);
    assert!(lines.rows.is_sorted());
}

#[test]
fn a_place_is_looked_for_within_its_function() {
    let row = |offset, line: Option<u32>| Row { offset, place: line.map(|line| (0, line)) };
    let rows = vec![row(10, Some(1)), row(20, None), row(30, Some(2)), row(40, None), row(50, Some(3))];
    let lines = Lines { files: vec!["a.c".to_owned()], rows, calls: Vec::new() };
    let line = |function, instruction| lines.at(function, instruction).map(|(_, line)| line);
    assert_eq!([line(10, 10), line(10, 19), line(10, 25), line(10, 35)], [Some(1), Some(1), Some(1), Some(2)]);
    // A function without a line of its own does not borrow its neighbour's.
    assert_eq!([line(40, 45), line(20, 25), line(0, 5)], [None; 3]);
}

#[test]
fn damaged_tables_are_left_out() {
    let wasm = stack();
    let intact = Lines::of(&wasm).rows.len();
    let from = wasm.windows(11).position(|window| window == b".debug_line").expect("it has line tables");
    let mut fewer = 0;
    for at in (from..wasm.len()).step_by((wasm.len() - from) / 40 + 1) {
        for change in [0, 0xff] {
            let mut damaged = wasm.clone();
            damaged[at] = change;
            fewer += usize::from(Lines::of(&damaged).rows.len() < intact);
        }
        fewer += usize::from(Lines::of(&wasm[..at]).rows.len() < intact);
    }
    println!("of some 120 damaged components, {fewer} had fewer lines");
    assert!(fewer > 0);
}

async fn traps(sandbox: &Arc<Sandbox>, program: &Program, number: u32) -> (Option<String>, Duration) {
    let (work, began, mut named) = (work(), Instant::now(), None);
    for _ in 0..number {
        let call = sandbox.call(program, &work, r#"{"locals":true}"#.to_owned(), Call::detached());
        match call.await.0 {
            Err(Failure::Trapped { source, .. }) => named = source,
            other => panic!("{other:?}"),
        }
    }
    (named, began.elapsed())
}

#[tokio::test]
async fn a_trap_with_line_tables_costs_what_one_without_them_does() {
    let sandbox = Arc::new(Sandbox::new(Settings { slots: 8, ..Settings::default() }).expect("a sandbox starts"));
    let wasm = stack();
    let with = sandbox.load(&wasm, &Digest::of(&wasm)).await.expect("it loads");
    let without = Program { lines: Arc::default(), ..with.clone() };
    let (warm, number) = (10, 1_000);
    traps(&sandbox, &with, warm).await;
    let (named, with) = traps(&sandbox, &with, number).await;
    let (unnamed, without) = traps(&sandbox, &without, number).await;
    println!("{number} traps: {:?} each with line tables, {:?} without", with / number, without / number);
    assert_eq!((named.as_deref(), unnamed), (Some("tests/guests/programs/examples/stack.rs:18"), None));
    assert!(with < 3 * without + Duration::from_secs(2), "{with:?} {without:?}");
}
