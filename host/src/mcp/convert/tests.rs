use std::time::Duration;

use rmcp::model::{ServerJsonRpcMessage, ServerResult};
use serde_json::{Value, json};

use super::*;
use crate::{
    call::CallId,
    failure::Failure,
    receipt::{Exchange, ExchangeEnd, Receipt, Server, Stage},
};

fn converted(result: Result<Output, Failure>) -> Value {
    let outcome = Outcome { result, receipt: Receipt::new(CallId::next()) };
    serde_json::to_value(Answered::of("shout", outcome).into_rmcp(&ProtocolVersion::V_2025_11_25)).unwrap()
}

fn content(content: Content) -> Value {
    converted(Ok(Output { content: vec![content], structured: None }))["content"][0].clone()
}

#[test]
fn structured_content_is_shown_as_text_only_where_the_tool_wrote_none() {
    let structured = Some(json!({ "sum": 3 }));
    let shown = converted(Ok(Output { content: vec![], structured: structured.clone() }));
    assert_eq!(shown["content"], json!([{ "type": "text", "text": "{\"sum\":3}" }]));
    assert_eq!(shown["structuredContent"], json!({ "sum": 3 }));
    let kept = converted(Ok(Output { content: vec![Content::Text("three".to_owned())], structured }));
    assert_eq!(kept["content"], json!([{ "type": "text", "text": "three" }]));
    assert_eq!(kept["structuredContent"], json!({ "sum": 3 }));
}

#[test]
fn a_failure_is_a_result_that_a_model_and_a_program_can_read() {
    let failed = converted(Err(Failure::StackOverflow));
    assert_eq!(failed["isError"], true);
    assert!(failed["content"][0]["text"].as_str().unwrap().contains("call stack"));
    assert_eq!(failed["_meta"]["toolcell/error"]["code"], "stack_overflow");
    assert_eq!(failed["structuredContent"], Value::Null, "that is the tool's own");
}

#[test]
fn every_result_carries_the_receipt_of_its_call() {
    let mut receipt = Receipt::new(CallId::next());
    receipt.computing = Duration::from_micros(1_500);
    receipt.stderr = "for the operator".to_owned();
    let server = Server { scheme: "https".to_owned(), host: "api.example".to_owned(), port: 443 };
    let end = ExchangeEnd::Answered(200);
    receipt.phases.guest = Duration::from_micros(4_500);
    let (start, elapsed) = (Duration::from_micros(250), Duration::from_millis(3));
    let mut exchange = Exchange { received: 7, start, elapsed, end, ..Exchange::new(server, "GET") };
    exchange.stages.add(Stage::TlsHandshake, Duration::from_millis(2));
    receipt.exchanges.push(exchange);
    let call = receipt.call.to_string();
    for result in [Ok(Output::default()), Err(Failure::Cancelled)] {
        let answered = Answered::of("shout", Outcome { result, receipt: receipt.clone() });
        let shown = answered.into_rmcp(&ProtocolVersion::V_2025_11_25);
        let exchange = json!({
            "server": "https://api.example", "sent": 0, "received": 7, "startMs": 0.25, "elapsedMs": 3.0,
            "stages": { "tls_handshake": 2.0 }, "end": { "answered": 200 },
        });
        let expected = json!({
            "call": call, "elapsedMs": 0.0, "computingMs": 1.5, "phases": { "guestMs": 4.5 }, "memoryPeak": 0,
            "exchanges": [exchange],
        });
        assert_eq!(serde_json::to_value(shown).unwrap()["_meta"]["toolcell/receipt"], expected);
    }
}

#[test]
fn every_kind_of_content_has_its_block() {
    let blob = || Blob { data: vec![0, 255], mime_type: "image/png".to_owned() };
    let embedded = |contents| Content::Embedded { uri: "a:b".to_owned(), mime_type: Some("x/y".to_owned()), contents };
    let link = Content::Link { uri: "a:b".to_owned(), name: "n".to_owned(), description: None, mime_type: None };
    let cases = [
        (Content::Text("t".to_owned()), json!({ "type": "text", "text": "t" })),
        (Content::Image(blob()), json!({ "type": "image", "data": "AP8=", "mimeType": "image/png" })),
        (Content::Audio(blob()), json!({ "type": "audio", "data": "AP8=", "mimeType": "image/png" })),
        (link, json!({ "type": "resource_link", "uri": "a:b", "name": "n" })),
        (
            embedded(Contents::Text("t".to_owned())),
            json!({ "type": "resource", "resource": { "uri": "a:b", "mimeType": "x/y", "text": "t" } }),
        ),
        (
            embedded(Contents::Blob(vec![0, 255])),
            json!({ "type": "resource", "resource": { "uri": "a:b", "mimeType": "x/y", "blob": "AP8=" } }),
        ),
        (Content::Other(r#"{"type":"text","text":"t"}"#.to_owned()), json!({ "type": "text", "text": "t" })),
        (Content::Other(r#"{"type":"new"}"#.to_owned()), json!({ "type": "text", "text": "{\"type\":\"new\"}" })),
    ];
    for (given, expected) in cases {
        assert_eq!(content(given), expected);
    }
}

#[test]
fn control_and_bidirectional_characters_do_not_reach_the_client() {
    let hostile = "a\u{1b}[31m\r\u{9b}\u{202e}\u{2066}\u{7f}b\n\tc";
    let clean = "a[31mb\n\tc";
    assert_eq!(content(Content::Text(hostile.to_owned()))["text"], clean);
    let other = json!({ "type": "text", "text": hostile }).to_string();
    assert_eq!(content(Content::Other(other))["text"], clean);
    let uri = "a:\u{202e}b".to_owned();
    let link = Content::Link { uri, name: hostile.to_owned(), description: Some(hostile.to_owned()), mime_type: None };
    let link = content(link);
    assert_eq!((&link["uri"], &link["name"], &link["description"]), (&json!("a:b"), &json!(clean), &json!(clean)));
    let shown = converted(Ok(Output { content: vec![], structured: Some(json!("\u{202e}x")) }));
    assert_eq!(shown["content"][0]["text"], "\"x\"");
}

/// Two ways to one answer in the newer era: through rmcp's types, and past them.
#[test]
fn what_is_written_past_rmcp_is_what_rmcp_writes() {
    let (id, call) = (RequestId::Number(7), CallId::next());
    let output = |content: &[&str], structured: Option<Value>| {
        Ok(Output { content: content.iter().map(|text| Content::Text((*text).to_owned())).collect(), structured })
    };
    let results = || {
        let structured = || Some(json!({ "sum": 3, "text": "a\u{202e}b" }));
        let answers = [output(&[], structured()), output(&["three"], structured()), output(&["three"], None)];
        answers.into_iter().chain([output(&[], None), Err(Failure::StackOverflow)])
    };
    for (one, other) in results().zip(results()) {
        let [past, through] =
            [one, other].map(|result| Answered::of("shout", Outcome { result, receipt: Receipt::new(call) }));
        let past: Value = serde_json::from_slice(&past.response(&id).expect("JSON")).expect("JSON");
        let result = ServerResult::CallToolResult(through.into_rmcp(&ProtocolVersion::V_2026_07_28));
        assert_eq!(past, serde_json::to_value(ServerJsonRpcMessage::response(result, id.clone())).expect("JSON"));
    }
}
