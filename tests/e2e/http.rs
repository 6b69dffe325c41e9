//! Outgoing HTTP by both ways that a plugin has, the contract's `http` and `wasi:http`: one check behind them.

use serde_json::json;

use crate::{failure::Failed, folder::Folder, upstream::Upstream};

const BOTH: [&str; 2] = ["fetches", "wasihttp"];

#[test]
pub fn what_is_granted_is_reached() {
    for guest in BOTH {
        let server = Upstream::answering(|_| ("text/plain", b"hello".to_vec()));
        let folder = Folder::new(&[(guest, &server.asked())]);
        let mut client = folder.lock().serve();
        let result = client.call(guest, json!({"url": server.url("/path?query")}));
        let answer = &result["structuredContent"];
        assert_eq!((&answer["status"], &answer["body"]), (&json!(200), &json!("hello")), "{guest}: {result}");
        assert_eq!(server.requests(), ["GET /path?query HTTP/1.1"]);
        let exchange = &result["_meta"]["toolcell/receipt"]["exchanges"][0];
        assert_eq!(exchange["server"], server.url(""), "{guest}: {result}");
        assert_eq!(
            (&exchange["end"]["answered"], &exchange["received"]),
            (&json!(200), &json!(5)),
            "{guest}: {result}"
        );
    }
}

#[test]
fn a_refusal_reads_the_same_by_both_ways() {
    let server = Upstream::answering(|_| ("text/plain", b"hello".to_vec()));
    let url = server.url("/");
    for (asks, arguments) in [
        // Crashed right after: the refusal is the failure.
        ("capabilities.network = [\"https://api.example.com\"]", json!({"url": url, "crash": true})),
        ("capabilities.network = [\"http://*\"]", json!({"url": url, "crash": true})),
        ("capabilities.network = [\"http://localhost:1\"]", json!({"url": "http://localhost:1/", "crash": true})),
    ] {
        let [by_contract, by_wasi] = BOTH.map(|guest| {
            let folder = Folder::new(&[(guest, asks)]);
            Failed::new(&folder.lock().serve().call(guest, arguments.clone())).text
        });
        assert_eq!(by_contract, by_wasi);
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn a_failure_that_wasi_http_cannot_tell_is_told_by_the_host() {
    let folder = Folder::new(&[("wasihttp", "capabilities.network = [\"https://api.example.com\"]")]);
    let failed = Failed::new(&folder.lock().serve().call("wasihttp", json!({"url": "https://elsewhere.example/"})));
    insta::assert_snapshot!("wasi_http_denied", failed.text);
}
