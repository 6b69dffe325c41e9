//! Calls that are larger, that fail, and that run at the same time, through the whole host path.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints figures, of no more digits than an `f64` has"
)]

mod common;

use std::{path::Path, sync::Arc};

use serde_json::{Map, Value, json};
use tokio::{runtime::Runtime, task::JoinSet};
use toolcell::{
    call::Call,
    host::Host,
    sandbox::{Sandbox, Settings},
};

use common::{
    compare::{Case, Comparison, show},
    folder::Folder,
    guests::{self, SMALL},
};

fn main() {
    if !common::is_measuring() {
        return;
    }
    let mut criterion = common::criterion();
    let runtime = Runtime::new().expect("a runtime starts");
    let sandbox = Arc::new(Sandbox::new(Settings::default()).expect("a sandbox starts"));
    let folder = Folder::new([("echo", guests::echo(), ""), ("fetches", Path::new(toolcell_test_guests::FETCHES), "")]);
    let host = Arc::new(folder.host(&runtime, &sandbox));
    let on = Bench { runtime: &runtime, host: &host };

    for (name, native_name, bytes, batch) in SIZES {
        let mut cases = [on.answered(name, bytes), native(native_name, bytes)];
        show(&mut criterion, "arguments and result", &mut cases);
        Comparison::of(&mut cases, 50, batch).ratio(name, native_name, None);
    }

    let mut ends = [
        on.answered("answer", SMALL),
        on.failed("invalid arguments", "echo", json!({ "count": "one" })),
        on.failed("trap", "panics", json!({ "message": "a bench" })),
        on.failed("denied server", "fetches", json!({ "url": "https://example.com" })),
    ];
    show(&mut criterion, "end", &mut ends);
    let compared = Comparison::of(&mut ends, 100, 20);
    for failure in ["invalid arguments", "trap", "denied server"] {
        compared.ratio(failure, "answer", None);
    }

    let mut in_flight =
        [on.in_flight("1 in flight", 1), on.in_flight("2 in flight", 2), on.in_flight("64 in flight", 64)];
    show(&mut criterion, "calls at once", &mut in_flight);
    let compared = Comparison::of(&mut in_flight, 100, 640);
    compared.ratio("2 in flight", "1 in flight", None);
    compared.ratio("64 in flight", "1 in flight", None);

    criterion.final_summary();
}

/// Names of the sandboxed and of the native case, bytes of the message, calls in a batch.
const SIZES: [(&str, &str, usize, u64); 4] = [
    ("1 KB", "1 KB, native", 1 << 10, 100),
    ("20 KB", "20 KB, native", 20 << 10, 100),
    ("100 KB", "100 KB, native", 100 << 10, 20),
    ("1 MB", "1 MB, native", 1 << 20, 5),
];

fn native(name: &'static str, bytes: usize) -> Case<'static> {
    let tools = toolcell_bench_echo::tools();
    let arguments = Value::Object(guests::arguments(bytes));
    Case::new(name, move |times| {
        for _ in 0..times {
            let answer = toolcell_sdk::testing::call(&tools, "echo", arguments.clone());
            std::hint::black_box(answer).expect("the tool succeeds");
        }
    })
}

#[derive(Clone, Copy)]
struct Bench<'a> {
    runtime: &'a Runtime,
    host: &'a Arc<Host>,
}

impl<'a> Bench<'a> {
    fn answered(self, name: &'static str, bytes: usize) -> Case<'a> {
        self.repeated(name, "echo", guests::arguments(bytes), true)
    }

    fn failed(self, name: &'static str, tool: &'static str, arguments: Value) -> Case<'a> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        self.repeated(name, tool, arguments, false)
    }

    /// One call after the other, each of which ends as it should.
    fn repeated(
        self,
        name: &'static str,
        tool: &'static str,
        arguments: Map<String, Value>,
        succeeds: bool,
    ) -> Case<'a> {
        Case::new(name, move |times| {
            self.runtime.block_on(async {
                for _ in 0..times {
                    let outcome = self.host.call(tool, arguments.clone(), Call::detached()).await;
                    let result = outcome.expect("the tool is there").result;
                    assert_eq!(result.is_ok(), succeeds, "{result:?}");
                }
            });
        })
    }

    /// So many tasks, each making one call after the other.
    fn in_flight(self, name: &'static str, tasks: u64) -> Case<'a> {
        Case::new(name, move |times| {
            self.runtime.block_on(async {
                let mut running = JoinSet::new();
                for task in 0..tasks {
                    let host = Arc::clone(self.host);
                    let share = times / tasks + u64::from(task < times % tasks);
                    running.spawn(async move {
                        for _ in 0..share {
                            let outcome = host.call("echo", guests::arguments(SMALL), Call::detached()).await;
                            outcome.expect("the tool is there").result.expect("the tool succeeds");
                        }
                    });
                }
                running.join_all().await;
            });
        })
    }
}
