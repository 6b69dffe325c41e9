use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    call::CallId,
    outcome::Output,
    receipt::{CacheUse, Denial, Phases, Server, Unreachable},
    user::User,
};

fn call() -> Arc<ObservedCall> {
    Arc::new(ObservedCall {
        id: CallId::next(),
        user: User::local(),
        name: "withdrawn".to_owned(),
        tool: None,
        arguments: Arc::default(),
        // The receipt's time counts then, which is the same in each run.
        arrived: SystemTime::now() + Duration::from_secs(3_600),
        trace: None,
        cancel: CancellationToken::new(),
    })
}

fn receipt() -> Receipt {
    let server = |host: &str| Server { scheme: "https".to_owned(), host: host.to_owned(), port: 443 };
    let exchange = |host, received, end| Exchange {
        received,
        elapsed: Duration::from_millis(2),
        end,
        ..Exchange::new(server(host), "GET")
    };
    let queued = Duration::from_millis(3);
    Receipt {
        elapsed: Duration::from_millis(20),
        computing: Duration::from_millis(250),
        phases: Phases { queued, guest: Duration::from_micros(700), ..Phases::default() },
        memory_peak: 2 << 20,
        exchanges: vec![
            exchange("api.example.com", 5, ExchangeEnd::Answered(200)),
            exchange("api.example.com", 7, ExchangeEnd::Answered(503)),
            exchange("down.example.com", 0, ExchangeEnd::Failed(Unreachable::Refused)),
        ],
        cache: CacheUse { hits: 2, misses: 1, sets: 0, fault: None },
        denials: vec![Denial::Socket, Denial::NotAsked(server("else.example.com"))],
        ..Receipt::new(CallId::next())
    }
}

fn written(metrics: &Metrics) -> String {
    let mut text = String::new();
    metrics.write(&mut text).expect("a string takes everything");
    text
}

#[test]
fn a_call_is_counted_with_all_that_it_did() {
    let metrics = Metrics::new(false);
    let call = call();
    metrics.arrived(&call);
    metrics.arrived(&call);
    metrics.ended(&call, &Outcome { result: Ok(Output::default()), receipt: receipt() });
    let failed = Outcome { result: Err(Failure::StackOverflow), receipt: Receipt::new(call.id) };
    metrics.ended(&call, &failed);
    metrics.arrived(&call);
    let written = written(&metrics);
    // The order of series is nobody's promise.
    for line in [
        r#"toolcell_calls_total{plugin="(other)",tool="(other)",outcome="ok"} 1"#,
        r#"toolcell_calls_total{plugin="(other)",tool="(other)",outcome="stack_overflow"} 1"#,
        r#"toolcell_calls_in_flight{plugin="(other)"} 1"#,
        r#"toolcell_call_duration_seconds_count{plugin="(other)",tool="(other)"} 2"#,
        r#"toolcell_call_duration_seconds_sum{plugin="(other)",tool="(other)"} 0.02"#,
        r#"toolcell_call_duration_seconds_bucket{le="0.0001",plugin="(other)",tool="(other)"} 1"#,
        r#"toolcell_call_duration_seconds_bucket{le="0.05",plugin="(other)",tool="(other)"} 2"#,
        r#"toolcell_call_queue_duration_seconds_sum{plugin="(other)",tool="(other)"} 0.003"#,
        r#"toolcell_call_guest_duration_seconds_count{plugin="(other)",tool="(other)"} 1"#,
        r#"toolcell_call_guest_duration_seconds_sum{plugin="(other)",tool="(other)"} 0.0007"#,
        r#"toolcell_call_cpu_seconds_total{plugin="(other)",tool="(other)"} 0.25"#,
        r#"toolcell_call_memory_peak_bytes_sum{plugin="(other)",tool="(other)"} 2097152.0"#,
        r#"toolcell_denials_total{plugin="(other)",kind="denied_network"} 2"#,
        r#"toolcell_upstream_requests_total{plugin="(other)",server="https://api.example.com",outcome="2xx"} 1"#,
        r#"toolcell_upstream_requests_total{plugin="(other)",server="https://api.example.com",outcome="5xx"} 1"#,
        r#"toolcell_upstream_requests_total{plugin="(other)",server="https://down.example.com",outcome="refused"} 1"#,
        r#"toolcell_upstream_received_bytes_total{plugin="(other)",server="https://api.example.com"} 12"#,
        r#"toolcell_cache_operations_total{plugin="(other)",operation="hit"} 2"#,
        r#"toolcell_cache_operations_total{plugin="(other)",operation="miss"} 1"#,
    ] {
        assert!(written.lines().any(|written| written == line), "no {line}\n{written}");
    }
    assert!(!written.contains("operation=\"set\"") && !written.contains("user="), "{written}");
}

#[test]
fn users_are_named_only_where_that_is_wanted() {
    for (wanted, series) in [
        (false, "toolcell_calls_total{plugin=\"(other)\",tool=\"(other)\",outcome=\"ok\"} 1"),
        (true, "toolcell_calls_total{plugin=\"(other)\",tool=\"(other)\",outcome=\"ok\",user=\"local\"} 1"),
    ] {
        let metrics = Metrics::new(wanted);
        let call = call();
        metrics.arrived(&call);
        metrics.ended(&call, &Outcome { result: Ok(Output::default()), receipt: Receipt::new(call.id) });
        let written = written(&metrics);
        assert!(written.lines().any(|line| line == series), "{written}");
    }
}
