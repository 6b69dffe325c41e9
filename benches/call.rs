//! What a call costs: in the sandbox, in wasmtime as it is, and natively.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints figures, of no more digits than an `f64` has"
)]

mod common;
#[path = "call/plain.rs"]
mod plain;

use std::{path::Path, sync::Arc};

use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, runtime::Runtime};
use toolcell::{
    audit,
    call::Call,
    config::{MetricsConfig, OtlpConfig},
    host::Host,
    sandbox::{Sandbox, Settings},
    telemetry::Telemetry,
    trace_context::Carried,
};

use common::{
    compare::{Case, Comparison, show},
    folder::Folder,
    guests::{self, SMALL},
};
use plain::Plain;

fn main() {
    if !common::is_measuring() {
        return;
    }
    let mut criterion = common::criterion();
    let runtime = Runtime::new().expect("a runtime starts");
    let sandbox = Arc::new(Sandbox::new(Settings::default()).expect("a sandbox starts"));
    let room = "capabilities.cache = { max = \"1MiB\", ttl-max = \"1h\" }";
    let folder = Folder::new([("echo", guests::echo(), ""), ("cached", Path::new(toolcell_test_guests::CACHED), room)]);
    let host = folder.host(&runtime, &sandbox);
    let on = Bench { runtime: &runtime, sandbox: &sandbox, host: &host };

    let plain = Plain::with_toolcells_engine(guests::echo());
    let default_pool = Plain::with_default_pool(guests::echo());
    let mut cases = [
        native(),
        on.reused(&plain),
        on.instantiated(&plain),
        on.fresh(),
        on.host_path(HOST_PATH),
        on.without_cache(),
        on.cached(),
        on.default_pool(&default_pool),
    ];
    show(&mut criterion, "call", &mut cases);
    let compared = Comparison::of(&mut cases, 300, 100);
    compared.ratio(FRESH, REUSED, Some(8.0));
    compared.ratio(FRESH, DEFAULT_POOL, Some(0.4));
    compared.ratio(HOST_PATH, FRESH, Some(2.0));
    compared.ratio(HOST_PATH, NATIVE, None);
    compared.ratio(CACHED, WITHOUT_CACHE, None);

    // By themselves: their threads go on while other cases have their turn.
    let recorded = recorded(&folder, &runtime, &sandbox);
    let watched = Arc::new(folder.host(&runtime, &sandbox));
    let _telemetry = runtime.block_on(watch(&watched));
    let mut observed =
        [on.host_path(HOST_PATH), Bench { host: &recorded, ..on }.host_path(RECORDED), on.watched(&watched)];
    let compared = Comparison::of(&mut observed, 300, 100);
    compared.ratio(RECORDED, HOST_PATH, None);
    compared.ratio(WATCHED, HOST_PATH, Some(2.0));

    criterion.final_summary();
}

const NATIVE: &str = "native function";
const REUSED: &str = "reused instance";
const INSTANTIATED: &str = "instantiate only";
const FRESH: &str = "fresh instance";
const HOST_PATH: &str = "whole host path";
const RECORDED: &str = "whole host path, recorded";
const WATCHED: &str = "whole host path, metrics and traces";
const WITHOUT_CACHE: &str = "whole host path, no step";
const CACHED: &str = "whole host path, one cached hit";
const DEFAULT_POOL: &str = "default pool, fresh instance";

/// A host whose calls are recorded as `serve` does.
fn recorded(folder: &Folder, runtime: &Runtime, sandbox: &Arc<Sandbox>) -> Host {
    let host = folder.host(runtime, sandbox);
    let file = Some(folder.state().path().join("audit.jsonl"));
    let settings = audit::Settings { file, max: 64 << 20, keep: 1, arguments: false, required: false };
    let log = audit::Log::start(settings, &folder.plugins(), "stdio").expect("the folder is ours");
    host.observe(Arc::new(log));
    host
}

/// The tool with its JSON, without a sandbox.
fn native() -> Case<'static> {
    let tools = toolcell_bench_echo::tools();
    Case::new(NATIVE, move |times| {
        for _ in 0..times {
            let answer = toolcell_sdk::testing::call(&tools, "echo", Value::Object(guests::arguments(SMALL)));
            std::hint::black_box(answer).expect("the tool succeeds");
        }
    })
}

/// Metrics, and traces to a collector that is not there: what a call does for them is the same.
async fn watch(host: &Arc<Host>) -> Telemetry {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let otlp = OtlpConfig { endpoint: Some("http://127.0.0.1:9".to_owned()), ..OtlpConfig::default() };
    Telemetry::start(host, Some(listener), &MetricsConfig::default(), &otlp)
}

#[derive(Clone, Copy)]
struct Bench<'a> {
    runtime: &'a Runtime,
    sandbox: &'a Arc<Sandbox>,
    host: &'a Host,
}

impl<'a> Bench<'a> {
    /// Every call in one instance: what a host without isolation between calls would cost.
    fn reused(self, plain: &'a Plain) -> Case<'a> {
        let mut instance = self.runtime.block_on(plain.instance());
        let arguments = Value::Object(guests::arguments(SMALL)).to_string();
        Case::new(REUSED, move |times| {
            self.runtime.block_on(async {
                for _ in 0..times {
                    instance.call("echo_text", &arguments).await;
                }
            });
        })
    }

    fn instantiated(self, plain: &'a Plain) -> Case<'a> {
        Case::new(INSTANTIATED, move |times| {
            self.runtime.block_on(async {
                for _ in 0..times {
                    drop(plain.instance().await);
                }
            });
        })
    }

    /// Instances from wasmtime's default pool, one for each call.
    fn default_pool(self, plain: &'a Plain) -> Case<'a> {
        let arguments = Value::Object(guests::arguments(SMALL)).to_string();
        Case::new(DEFAULT_POOL, move |times| {
            self.runtime.block_on(async {
                for _ in 0..times {
                    plain.instance().await.call("echo_text", &arguments).await;
                }
            });
        })
    }

    /// Toolcell's sandbox with every limit, and a receipt; no schema is held against the answer.
    fn fresh(self) -> Case<'a> {
        let catalog = self.host.catalog();
        let tool = Arc::clone(catalog.get("echo_text").expect("the plugin has the tool"));
        let validated = Arc::clone(&tool);
        let prepare = move |times| {
            let valid = |_| {
                validated
                    .validate(&serde_json::Value::Object(guests::arguments(SMALL)))
                    .expect("the arguments are valid")
            };
            (0..times).map(valid).collect::<Vec<_>>()
        };
        Case::prepared(FRESH, prepare, move |_, arguments| {
            self.runtime.block_on(async {
                for arguments in arguments {
                    let outcome = tool.call(self.sandbox, arguments, Call::detached()).await;
                    std::hint::black_box(outcome.result).expect("the tool succeeds");
                }
            });
        })
    }

    /// From a tool's name and arguments as JSON to a checked answer.
    fn host_path(self, name: &'static str) -> Case<'a> {
        Case::new(name, move |times| {
            self.runtime.block_on(async {
                for _ in 0..times {
                    let outcome = self.host.call("echo", guests::arguments(SMALL), Call::detached()).await;
                    std::hint::black_box(outcome.expect("the tool is there").result).expect("the tool succeeds");
                }
            });
        })
    }

    /// The same, counted, and its spans handed over to be sent.
    fn watched(self, host: &'a Arc<Host>) -> Case<'a> {
        Case::new(WATCHED, move |times| {
            self.runtime.block_on(async {
                for _ in 0..times {
                    let trace = host.begin_trace("echo", Carried::default);
                    let call = Call { trace, ..Call::detached() };
                    let outcome = host.call("echo", guests::arguments(SMALL), call).await;
                    std::hint::black_box(outcome.expect("the tool is there").result).expect("the tool succeeds");
                }
            });
        })
    }

    /// A call of the plugin that can keep something, which keeps and finds nothing.
    fn without_cache(self) -> Case<'a> {
        Case::new(WITHOUT_CACHE, move |times| self.runtime.block_on(self.steps(times, &json!([]))))
    }

    /// The same, which finds 1 KB that an earlier call kept in the memory of the host.
    fn cached(self) -> Case<'a> {
        self.runtime.block_on(self.steps(1, &json!([["set", "key", 1_000, 3_600_000]])));
        Case::new(CACHED, move |times| self.runtime.block_on(self.steps(times, &json!([["get", "key"]]))))
    }

    async fn steps(self, times: u64, steps: &Value) {
        for _ in 0..times {
            let arguments = Map::from_iter([("steps".to_owned(), steps.clone())]);
            let outcome = self.host.call("cached", arguments, Call::detached()).await.expect("the tool is there");
            assert_eq!(outcome.receipt.cache.misses, 0);
            std::hint::black_box(outcome.result).expect("the tool succeeds");
        }
    }
}
