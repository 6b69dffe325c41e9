use std::fmt::Write;

use super::*;
use crate::{
    call::CallId,
    receipt::{Denial, Phases, Server, Stage, Unreachable},
    trace_context::{Carried, Sampling, TraceContext},
};
use opentelemetry_sdk::trace::Sampler;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CARRIER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn trace(carried: Carried) -> Arc<CallTrace> {
    let carried = Carried { protocol: "2026-07-28".to_owned(), request: "7".to_owned(), transport: "tcp", ..carried };
    Arc::new(Sampling::new(Sampler::AlwaysOn).begin("search", carried))
}

fn finished(trace: Arc<CallTrace>, outcome: &'static str, receipt: Receipt) -> Finished {
    let arrived = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    Finished {
        trace,
        name: "search".to_owned(),
        plugin: Some("hn-search".to_owned()),
        user: None,
        arrived,
        // The arguments were checked for 1 ms.
        ended: arrived + milliseconds(1) + receipt.elapsed,
        outcome: outcome.into(),
        receipt,
    }
}

fn receipt(trace: &CallTrace) -> Receipt {
    let server = |host: &str| Server { scheme: "https".to_owned(), host: host.to_owned(), port: 443 };
    let mut answered = Exchange {
        received: 512,
        start: milliseconds(40),
        elapsed: milliseconds(50),
        end: ExchangeEnd::Answered(503),
        trace: Some(trace.own.child()),
        ..Exchange::new(server("api.example.com"), "POST")
    };
    for (stage, took) in [(Stage::Lookup, 5), (Stage::Connect, 15), (Stage::Answer, 20), (Stage::Body, 10)] {
        answered.stages.add(stage, milliseconds(took));
    }
    let refused = Exchange {
        start: milliseconds(95),
        elapsed: milliseconds(2),
        end: ExchangeEnd::Failed(Unreachable::Refused),
        ..Exchange::new(server("down.example.com"), "GET")
    };
    let query = Query {
        database: "replica".to_owned(),
        rows: 3,
        bytes: 30,
        start: milliseconds(97),
        elapsed: milliseconds(1),
        end: QueryEnd::Answered,
    };
    Receipt {
        elapsed: milliseconds(100),
        computing: milliseconds(4),
        phases: Phases {
            queued: milliseconds(30),
            instantiating: milliseconds(2),
            guest: milliseconds(67),
            reading: milliseconds(1),
        },
        memory_peak: 1 << 20,
        exchanges: vec![answered, refused],
        queries: vec![query],
        denials: vec![Denial::Socket],
        ..Receipt::new(CallId::next())
    }
}

/// Each span with the name of its parent, and its times from the arrival of the call.
fn shown(finished: &Finished, spans: &[SpanData]) -> String {
    let mut text = String::new();
    let since = |time: SystemTime| time.duration_since(finished.arrived).map_or(9_999, |since| since.as_millis());
    for span in spans {
        let parent = spans.iter().find(|other| other.span_context.span_id() == span.parent_span_id);
        let parent = parent.map_or("no span of this process", |parent| &parent.name);
        let (start, end) = (since(span.start_time), since(span.end_time));
        writeln!(text, "{:?} {} [{start}..{end} ms] in {parent}: {:?}", span.span_kind, span.name, span.status)
            .unwrap();
        for KeyValue { key, value, .. } in &span.attributes {
            let value = value.to_string().replace(&finished.receipt.call.to_string(), "CALL");
            writeln!(text, "    {key} = {value}").unwrap();
        }
        for event in span.events.iter() {
            writeln!(text, "    at {} ms: {}", since(event.timestamp), event.name).unwrap();
        }
    }
    text
}

#[test]
fn the_receipt_of_a_call_is_a_tree_of_spans() {
    let trace = trace(Carried::default());
    let receipt = receipt(&trace);
    let told = receipt.exchanges[0].trace.clone().expect("it was told");
    let finished = finished(Arc::clone(&trace), "upstream_unreachable", receipt);
    let spans = finished.spans();
    assert_eq!(spans.len(), finished.number_of_spans());
    assert!(spans.iter().all(|span| span.span_context.trace_id() == trace.own.span().trace_id()));
    let exchange = spans.iter().find(|span| span.name == "POST").expect("it has a span");
    assert_eq!(exchange.span_context, *told.span(), "the server knows its request by the span that is sent");
    insta::assert_snapshot!(shown(&finished, &spans));
}

#[test]
fn a_call_that_only_computed_has_few_spans() {
    let phases = Phases { instantiating: milliseconds(1), guest: milliseconds(2), ..Phases::default() };
    let receipt = Receipt { elapsed: milliseconds(3), phases, ..Receipt::new(CallId::next()) };
    let finished = finished(trace(Carried::default()), "ok", receipt);
    let spans = finished.spans();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["tools/call search", "instantiate", "guest"]);
    assert!(spans.iter().all(|span| span.status == Status::Unset));
}

#[test]
fn the_span_of_the_client_is_the_parent_and_what_carried_it_is_linked() {
    let context = |parent| TraceContext::parse(parent, None);
    let carried = Carried { parent: context(PARENT), carrier: context(CARRIER), ..Carried::default() };
    let spans = finished(trace(carried), "ok", Receipt::new(CallId::next())).spans();
    let [call] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(Some(call.parent_span_id), context(PARENT).map(|parent| parent.span().span_id()));
    assert_eq!(Some(call.span_context.trace_id()), context(PARENT).map(|parent| parent.span().trace_id()));
    assert!(call.parent_span_is_remote);
    let linked: Vec<_> = call.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(Some(&linked[..]), context(CARRIER).map(|carrier| carrier.span().span_id()).as_slice().into());
}
