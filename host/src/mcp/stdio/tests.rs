mod ids;

use std::{
    fs::File,
    io::{Read, Seek, Write},
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use rmcp::{
    model::{
        EmptyResult, ProgressNotification, ProgressNotificationParam, RequestId, ServerNotification, ServerResult,
    },
    transport::Transport as _,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::unix::pipe::{Receiver, Sender},
    task::JoinHandle,
    time::timeout,
};

use super::*;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// Far longer than anything here takes; reached only when something hangs.
const HANGS: Duration = Duration::from_secs(30);

/// Long enough for what must not happen to happen.
const SETTLES: Duration = Duration::from_millis(100);

/// A transport and the client's ends of its pipes.
fn piped() -> (Transport, Sender, BufReader<Receiver>) {
    let (input, client_output) = io::pipe().unwrap();
    let (client_input, output) = io::pipe().unwrap();
    (
        transport(Stdio::new(input.into(), output.into())),
        Sender::from_owned_fd(client_output.into()).unwrap(),
        BufReader::new(Receiver::from_owned_fd(client_input.into()).unwrap()),
    )
}

fn transport(stdio: Stdio) -> Transport {
    Transport::new(stdio, CancellationToken::new()).unwrap()
}

/// Does what rmcp does: answers each request, and closes when there are no more.
fn serve(mut transport: Transport) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(message) = transport.receive().await {
            if let Some((_, id)) = message.into_request() {
                let answer = ServerJsonRpcMessage::response(ServerResult::EmptyResult(EmptyResult {}), id);
                transport.send(answer).await.unwrap();
            }
        }
        transport.close().await.unwrap();
    })
}

/// Reads from a client that reads nothing, until that is too much.
async fn crowd(transport: &mut Transport) {
    let crowded = async {
        while !transport.output.is_crowded() {
            assert!(timeout(SETTLES, transport.receive()).await.is_err(), "nothing to receive");
        }
    };
    timeout(HANGS, crowded).await.expect("a crowd");
}

async fn read_answer<R: tokio::io::AsyncRead + Unpin>(output: &mut BufReader<R>) -> Value {
    let mut line = String::new();
    timeout(HANGS, output.read_line(&mut line)).await.expect("an answer").unwrap();
    assert!(line.ends_with('\n'), "not a whole line: {line:?}");
    serde_json::from_str(&line).unwrap()
}

/// So many requests with ids of their own, from 1 on.
fn pings(number: usize) -> String {
    (1..=number).map(|id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n")).collect()
}

fn given(id: i64) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::response(ServerResult::EmptyResult(EmptyResult {}), RequestId::Number(id))
}

/// What [`given`] is on the wire.
fn answer(id: i64) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": {} })
}

#[tokio::test]
async fn pipes_are_served() {
    let (transport, mut input, mut output) = piped();
    let served = serve(transport);
    input.write_all(format!("{PING}\n").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut output).await, answer(1));
    drop(input);
    timeout(HANGS, served).await.unwrap().unwrap();
}

#[tokio::test]
async fn sockets_are_served_without_a_thread() {
    let (client_output, input) = tokio::net::UnixStream::pair().unwrap();
    let (client_input, output) = tokio::net::UnixStream::pair().unwrap();
    let stdio = Stdio::new(input.into_std().unwrap().into(), output.into_std().unwrap().into());
    let transport = transport(stdio);
    assert!(matches!(transport.reader, Reader::Socket(_)));
    let served = serve(transport);
    let (mut client_output, mut client_input) = (client_output, BufReader::new(client_input));
    client_output.write_all(format!("{PING}\n").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut client_input).await, answer(1));
    drop(client_output);
    timeout(HANGS, served).await.unwrap().unwrap();
}

#[tokio::test]
async fn files_are_served_whole() {
    let (mut input, mut output) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    // The last line without a line feed, as `printf` leaves it.
    write!(input, "{PING}\n{PING}").unwrap();
    input.rewind().unwrap();
    let written: File = output.try_clone().unwrap();
    timeout(HANGS, serve(transport(Stdio::new(input.into(), written.into())))).await.unwrap().unwrap();
    let mut text = String::new();
    output.rewind().unwrap();
    output.read_to_string(&mut text).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers, [answer(1), answer(1)]);
}

#[tokio::test]
async fn nothing_at_all_is_an_end() {
    let stdio = Stdio::new(File::open("/dev/null").unwrap().into(), tempfile::tempfile().unwrap().into());
    let mut transport = transport(stdio);
    assert!(timeout(HANGS, transport.receive()).await.unwrap().is_none());
    assert!(transport.input_ended.is_cancelled());
}

#[tokio::test]
async fn lines_may_come_in_pieces_and_together() {
    let (transport, mut input, mut output) = piped();
    let _served = serve(transport);
    for byte in format!("\n  \r\n{PING}\r\n").bytes() {
        input.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(read_answer(&mut output).await, answer(1));
    input.write_all(pings(10).as_bytes()).await.unwrap();
    for id in 1..=10 {
        assert_eq!(read_answer(&mut output).await, answer(id));
    }
}

#[tokio::test]
async fn garbage_is_answered_and_the_next_request_too() {
    let deep = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":{}"#, "[".repeat(100_000));
    let deep_but_closed = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"x","arguments":{{"a":{}{}}}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let cases: &[(&[u8], i64, Value)] = &[
        (b"garbage", -32700, Value::Null),
        (b"{\"jsonrpc\":\"2.0\",", -32700, Value::Null),
        (b"\xff\xfe", -32700, Value::Null),
        (deep.as_bytes(), -32700, Value::Null),
        (deep_but_closed.as_bytes(), -32700, json!(7)),
        (b"42", -32600, Value::Null),
        (b"{}", -32600, Value::Null),
        (b"[]", -32600, Value::Null),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}]", -32600, Value::Null),
        (br#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, Value::Null),
        (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, Value::Null),
        (br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, Value::Null),
        (br#"{"jsonrpc":"2.0","id":7}"#, -32600, json!(7)),
        (br#"{"jsonrpc":"2.0","id":7,"method":5}"#, -32600, json!(7)),
        (br#"{"jsonrpc":"2.0","id":"x","method":"tools/call"}"#, -32602, json!("x")),
        (br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":[null,"add"]}"#, -32602, json!(7)),
        (br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":[]}}"#, -32602, json!(7)),
        (br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","_meta":1}}"#, -32602, json!(7)),
        (br#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":7}}"#, -32602, json!(7)),
    ];
    let (transport, mut input, mut output) = piped();
    let _served = serve(transport);
    for (line, code, id) in cases {
        let shown = String::from_utf8_lossy(&line[..line.len().min(100)]);
        input.write_all(line).await.unwrap();
        input.write_all(format!("\n{PING}\n").as_bytes()).await.unwrap();
        let refusal = read_answer(&mut output).await;
        assert_eq!(refusal["error"]["code"], *code, "{shown}: {refusal}");
        assert_eq!(refusal["id"], *id, "{shown}: {refusal}");
        assert!(refusal["error"]["message"].as_str().unwrap().len() < 400, "{shown}: {refusal}");
        assert_eq!(read_answer(&mut output).await, answer(1), "after {shown}");
    }
}

#[tokio::test]
async fn what_wants_no_answer_gets_none() {
    let (transport, mut input, mut output) = piped();
    let _served = serve(transport);
    for line in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":5}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/of/somebody/else"}"#,
        r#"{"jsonrpc":"2.0","id":9,"result":{}}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"?"}}"#,
        PING,
    ] {
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    assert_eq!(read_answer(&mut output).await, answer(1));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_refused_and_the_next_is_read() {
    let (transport, mut input, mut output) = piped();
    let _served = serve(transport);
    let client = tokio::spawn(async move {
        input.write_all(&vec![b'x'; 5 << 20]).await.unwrap();
        input.write_all(format!("\n{PING}\n").as_bytes()).await.unwrap();
        input
    });
    let refusal = read_answer(&mut output).await;
    assert_eq!(refusal["error"]["code"], -32600);
    assert!(refusal["error"]["message"].as_str().unwrap().contains("4 MiB"), "{refusal}");
    assert_eq!(read_answer(&mut output).await, answer(1));
    drop(client.await.unwrap());
}

#[test]
fn the_limit_is_exact_and_memory_bounded() {
    let mut lines = Lines::default();
    lines.room().extend(std::iter::repeat_n(b'x', Lines::MAX_LENGTH));
    lines.room().extend(b"\r\n");
    assert!(matches!(lines.next(), Some(Line::Whole(line)) if line.len() == Lines::MAX_LENGTH));

    let mut refusals = 0;
    for _ in 0..4096 {
        lines.room().extend(vec![b'x'; 64 << 10]);
        refusals += usize::from(lines.next() == Some(Line::TooLong));
        assert!(lines.room().capacity() <= 2 * Lines::MAX_LENGTH, "a line of 256 MiB is kept");
    }
    assert_eq!(refusals, 1, "told once");
    lines.room().extend(b"\nnext\n");
    assert_eq!(lines.next(), Some(Line::Whole(b"next")));
    assert_eq!(lines.next(), None);
    assert!(lines.room().capacity() < 1 << 20, "given back after a long line");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_from() {
    let (mut transport, mut input, mut output) = piped();
    let lines = 150_000;
    let client = tokio::spawn(async move {
        // Two bytes each, whose refusals have a hundred.
        input.write_all("x\n".repeat(lines).as_bytes()).await.unwrap();
    });
    crowd(&mut transport).await;
    assert!(timeout(SETTLES, transport.receive()).await.is_err(), "nothing to receive");
    assert!(transport.output.is_crowded());
    assert!(!client.is_finished(), "everything was read for a client that reads nothing");

    // Progress waits for room, results do not: they are owed.
    let notification = ProgressNotification::new(ProgressNotificationParam::new(
        rmcp::model::ProgressToken(RequestId::Number(1)),
        1.0,
    ));
    let told =
        transport.send(ServerJsonRpcMessage::notification(ServerNotification::ProgressNotification(notification)));
    let told = tokio::spawn(told);
    tokio::time::sleep(SETTLES).await;
    assert!(!told.is_finished());
    let owed = transport.send(given(1));
    timeout(HANGS, owed).await.expect("a result waits for nobody").unwrap();

    let _served = serve(transport);
    for _ in 0..lines + 2 {
        read_answer(&mut output).await;
    }
    timeout(HANGS, told).await.unwrap().unwrap().unwrap();
    client.await.unwrap();
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    let (mut transport, mut input, _output) = piped();
    let client = tokio::spawn(async move {
        input.write_all(pings(MAX_IN_FLIGHT + 1).as_bytes()).await.unwrap();
        input
    });
    let mut running = Vec::new();
    for _ in 0..MAX_IN_FLIGHT {
        running.push(timeout(HANGS, transport.receive()).await.unwrap().expect("a request"));
    }
    assert!(timeout(SETTLES, transport.receive()).await.is_err(), "one too many was read");
    running.pop();
    assert!(timeout(HANGS, transport.receive()).await.unwrap().is_some());
    drop(client.await.unwrap());
}

#[tokio::test]
async fn answers_that_come_together_are_written_together() {
    let (mut transport, _input, mut output) = piped();
    transport.send(given(1)).await.unwrap();
    // As rmcp does when the next answer is there already: it looks for a request once, and sends.
    let looked = pin!(transport.receive()).poll(&mut Context::from_waker(Waker::noop())).is_ready();
    assert!(!looked && !transport.output.is_empty(), "the first answer went out by itself");
    transport.send(given(2)).await.unwrap();
    assert!(timeout(SETTLES, transport.receive()).await.is_err(), "nothing to receive");
    assert!(transport.output.is_empty());
    assert_eq!(read_answer(&mut output).await, answer(1));
    assert_eq!(read_answer(&mut output).await, answer(2));
}

#[tokio::test]
async fn answers_after_the_end_of_input_arrive_at_once() {
    let (mut transport, input, mut output) = piped();
    drop(input);
    assert!(timeout(HANGS, transport.receive()).await.unwrap().is_none());
    // As rmcp does while it waits for the calls that are still running: it does not poll `receive` any more.
    transport.send(given(1)).await.unwrap();
    transport.output.writable().await.unwrap();
    transport.send(given(1)).await.unwrap();
    assert_eq!(read_answer(&mut output).await, answer(1));
    transport.close().await.unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest.lines().count(), 1, "{rest:?}");
}

#[tokio::test]
async fn a_client_that_is_gone_ends_the_connection() {
    let (mut transport, mut input, output) = piped();
    drop(output);
    input.write_all(b"x\n").await.unwrap();
    assert!(timeout(HANGS, transport.receive()).await.unwrap().is_none());
    assert!(transport.input_ended.is_cancelled());
    timeout(HANGS, transport.close()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_stopped_reading_does_not_hold_the_end_up() {
    let (mut transport, _input, _output) = piped();
    for _ in 0..200_000 {
        transport.output.push(&given(1)).unwrap();
    }
    timeout(HANGS, transport.close()).await.expect("gives up").unwrap();
}

#[tokio::test]
async fn the_end_is_seen_while_the_client_does_not_read() {
    let (mut transport, mut input, _output) = piped();
    let client = tokio::spawn(async move { input.write_all("x\n".repeat(1_000_000).as_bytes()).await });
    crowd(&mut transport).await;
    client.abort();
    assert!(timeout(HANGS, transport.receive()).await.expect("an end").is_none());
    assert!(transport.output.is_crowded());
    assert!(transport.input_ended.is_cancelled());
}

#[tokio::test]
async fn the_end_is_seen_while_too_much_is_in_flight() {
    let (mut transport, mut input, _output) = piped();
    let requests = pings(MAX_IN_FLIGHT + 10);
    let client = tokio::spawn(async move { input.write_all(requests.as_bytes()).await.unwrap() });
    let mut running = Vec::new();
    while let Some(request) = timeout(HANGS, transport.receive()).await.expect("an end") {
        running.push(request);
    }
    assert_eq!(running.len(), MAX_IN_FLIGHT);
    client.await.unwrap();
}
