//! Ids that a client uses twice.

use super::*;

#[tokio::test]
async fn an_id_in_use_is_refused_and_free_again_after_its_answer() {
    let (mut transport, mut input, mut output) = piped();
    input.write_all(format!("{PING}\n{PING}\n").as_bytes()).await.unwrap();
    let first = timeout(HANGS, transport.receive()).await.unwrap().expect("a request");
    assert!(timeout(SETTLES, transport.receive()).await.is_err(), "the second was handed on");
    let refusal = read_answer(&mut output).await;
    assert_eq!((&refusal["id"], &refusal["error"]["code"]), (&json!(1), &json!(-32600)));
    insta::assert_snapshot!(refusal["error"]["message"].as_str().unwrap());

    drop(first);
    transport.send(given(1)).await.unwrap();
    input.write_all(format!("{PING}\n").as_bytes()).await.unwrap();
    let again = timeout(HANGS, transport.receive()).await.unwrap().expect("the id is free");
    assert_eq!(read_answer(&mut output).await, answer(1));

    // rmcp sends no answer to what was cancelled, so the end of its handler is what frees its id.
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    input.write_all(format!("{cancel}\n{PING}\n").as_bytes()).await.unwrap();
    assert!(timeout(HANGS, transport.receive()).await.unwrap().is_some_and(|message| message.into_request().is_none()));
    assert!(timeout(SETTLES, transport.receive()).await.is_err(), "its handler still runs");
    assert_eq!(read_answer(&mut output).await["error"]["code"], -32600);
    drop(again);
    input.write_all(format!("{PING}\n").as_bytes()).await.unwrap();
    assert!(timeout(HANGS, transport.receive()).await.unwrap().is_some());
}
