//! Clients that write what no client should, through the pipe that the neighbour uses too.

use std::io::Read;

use serde_json::{Value, json};
use toolcell::failure::Code;

use crate::{
    oracle::{Attack, Case, Expected, Seen},
    scene::{call, deadline},
    session::Reply,
};

/// Bytes of one or more lines, each of which is answered.
fn lines(lines: Vec<Vec<u8>>) -> Attack {
    Box::new(move |scene| {
        let answer = |line: &Vec<u8>| {
            scene.session.stream(line.chain(&b"\n"[..]));
            scene.session.stray()
        };
        Ok(Seen::Messages(lines.iter().map(answer).collect::<Result<_, _>>()?))
    })
}

fn line(line: impl Into<Vec<u8>>) -> Attack {
    lines(vec![line.into()])
}

/// Requests at the same time, each of which is answered.
fn requests(count: usize, method: &'static str, params: Value) -> Attack {
    Box::new(move |scene| {
        let replies: Vec<_> = (0..count).map(|_| scene.session.begin(method, &params)).collect();
        let messages = replies.into_iter().map(|reply| Ok(reply.wait()?.message));
        Ok(Seen::Messages(messages.collect::<Result<_, String>>()?))
    })
}

/// Messages that nobody answers, and then a call that ends as it always does.
fn unanswered(messages: impl Fn(usize) -> Value + 'static) -> Attack {
    Box::new(move |scene| {
        let lines: String = (0..1_000).map(|number| format!("{}\n", messages(number))).collect();
        scene.session.stream(lines.as_bytes());
        call("endless-floods", json!({"what": "clock"}))(scene)
    })
}

pub fn cases() -> Vec<Case> {
    let case = |name: &str, expected, attack| Case { name: name.to_owned(), guest: "", expected, attack };
    let refused = |name, code, attack| case(name, Expected::Error(code), attack);
    let deadline_comes = Expected::Fails(Code::Deadline, "`endless-floods`");
    let notification = |method: &str, params: Value| json!({"jsonrpc": "2.0", "method": method, "params": params});
    vec![
        refused("garbage", -32700, line("garbage")),
        refused("an empty object", -32600, line("{}")),
        refused("a batch", -32600, line("[]")),
        refused("bytes that are not UTF-8", -32700, line(b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\xfe\"}")),
        refused("half a message", -32700, line(r#"{"jsonrpc":"2.0","id":1,"meth"#)),
        refused("nested 100,000 deep", -32700, line("[".repeat(100_000))),
        refused("a line of 5 MiB", -32600, line(vec![b'x'; 5 << 20])),
        refused(
            "a line of 100 MiB",
            -32600,
            Box::new(|scene| {
                scene.session.stream(std::io::repeat(b'x').take(100 << 20).chain(&b"\n"[..]));
                Ok(Seen::Messages(vec![scene.session.stray()?]))
            }),
        ),
        refused("1,000 lines of garbage", -32700, lines(vec![b"\0".to_vec(); 1_000])),
        refused("1,000 unknown methods", -32601, requests(1_000, "no/such/method", json!({}))),
        refused("1,000 unknown tools", -32602, requests(1_000, "tools/call", json!({"name": "nothing"}))),
        refused("a call without a name", -32602, requests(1, "tools/call", json!({"name": 7}))),
        case(
            "2,000 calls at once",
            Expected::Answers("environment"),
            Box::new(|scene| {
                let replies: Vec<_> = (0..2_000).map(|_| scene.session.begin_call("envdump", &json!({}))).collect();
                Ok(Seen::Calls(replies.into_iter().map(Reply::wait).collect::<Result<_, _>>()?, deadline("envdump")))
            }),
        ),
        case(
            "100 calls cancelled",
            deadline_comes,
            Box::new(|scene| {
                for _ in 0..100 {
                    let id = scene.session.begin_call("sleeps", &json!({"ms": 60_000})).id;
                    scene.session.notify("notifications/cancelled", &json!({"requestId": id}));
                }
                call("endless-floods", json!({"what": "clock"}))(scene)
            }),
        ),
        case(
            "64 endless calls cancelled",
            deadline_comes,
            Box::new(|scene| {
                let calls: Vec<_> = (0..64).map(|_| scene.session.begin_call("spin", &json!({})).id).collect();
                for id in calls {
                    scene.session.notify("notifications/cancelled", &json!({"requestId": id}));
                }
                call("endless-floods", json!({"what": "clock"}))(scene)
            }),
        ),
        case(
            "1,000 cancellations of nothing",
            deadline_comes,
            unanswered(move |number| notification("notifications/cancelled", json!({"requestId": 1_000_000 + number}))),
        ),
        case(
            "1,000 unknown notifications",
            deadline_comes,
            unanswered(move |_| notification("notifications/nothing", json!({"text": "x".repeat(1_000)}))),
        ),
        case(
            "1,000 answers to nothing",
            deadline_comes,
            unanswered(|number| json!({"jsonrpc": "2.0", "id": 1_000_000 + number, "result": {}})),
        ),
        case(
            "arguments of the wrong type",
            Expected::Fails(Code::InvalidArguments, "/message"),
            call("echo", json!({"message": vec![["x"; 100].to_vec(); 100]})),
        ),
        case(
            "arguments of 3 MB",
            Expected::Fails(Code::InvalidArguments, "/message"),
            call("echo", json!({"message": "x".repeat(3_000_000)})),
        ),
        case("arguments nested 100 deep", Expected::Answers("environment"), call("envdump", nested(100))),
    ]
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({}), |inner, _| json!({ "in": inner }))
}
