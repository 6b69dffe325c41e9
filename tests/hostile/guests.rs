//! Guests that take, break or forge what they can reach.

use serde_json::json;
use toolcell::failure::Code;

use crate::{
    components::{ByHand, CONTENT, CONTENT_SIZE},
    oracle::{
        Case,
        Expected::{self, Answers, Fails, ToolFails},
    },
    scene::{call, calls},
};

/// Does the body again and again.
macro_rules! forever {
    ($body:literal) => {
        concat!("(loop $again ", $body, " (br $again)) unreachable")
    };
}

/// Grows, and traps where it is refused.
macro_rules! refused {
    ($growth:literal) => {
        concat!("(if (i32.eq (", $growth, ") (i32.const -1)) (then unreachable)) i32.const 8192")
    };
}

/// Answers with a list of so many texts of so many bytes, all of them the same bytes.
fn aliases(texts: u32, bytes: u32) -> String {
    let list = 1 << 20;
    format!(
        "(local $left i32) (local $at i32)
         (local.set $left (i32.const {texts})) (local.set $at (i32.const {list}))
         (loop $again
             (i32.store offset=4 (local.get $at) (i32.const 131072))
             (i32.store offset=8 (local.get $at) (i32.const {bytes}))
             (local.set $at (i32.add (local.get $at) (i32.const {CONTENT_SIZE})))
             (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         (i32.store (i32.const 8196) (i32.const {list}))
         (i32.store (i32.const 8200) (i32.const {texts}))
         i32.const 8192"
    )
}

/// What each case of a component made by hand is called, what has to come of it, and the parts that are not harmless.
fn made() -> Vec<(&'static str, Expected, ByHand<'static>)> {
    let plain = ByHand::default;
    let calls = |call| ByHand { call, ..plain() };
    let roomy = |call: &'static str| ByHand { pages: 1_000, call, ..plain() };
    let fields = |fields, call| ByHand { fields, call, ..plain() };
    let reallocs = |realloc| ByHand { realloc, ..plain() };
    let aliases = |texts, bytes| ByHand { pages: 800, call: aliases(texts, bytes).leak(), ..plain() };
    let trap = |words| Fails(Code::Trap, words);
    let (deadline, memory) = (Fails(Code::Deadline, "`endless-"), Fails(Code::MemoryLimit, "`grow"));
    let table = "(table 3 funcref) (elem (i32.const 0) func $realloc)";
    vec![
        (
            "endless-fill",
            deadline,
            roomy(forever!("(memory.fill (i32.const 65536) (i32.const 1) (i32.const 65000000))")),
        ),
        (
            "endless-copy",
            deadline,
            roomy(forever!("(memory.copy (i32.const 65536) (i32.const 65537) (i32.const 65000000))")),
        ),
        ("endless-realloc", deadline, reallocs(forever!(""))),
        ("endless-calls", deadline, fields("(func $called)", forever!("(call $called)"))),
        ("grow-at-once", memory, calls(refused!("memory.grow (i32.const 65535)"))),
        (
            "grow-by-pages",
            memory,
            calls("(loop $again (br_if $again (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) unreachable"),
        ),
        (
            "grow-table",
            Fails(Code::ResourceLimit, "table elements"),
            fields("(table 0 funcref)", refused!("table.grow (ref.null func) (i32.const 200000)")),
        ),
        (
            "recursion-in-realloc",
            Fails(Code::StackOverflow, "call stack"),
            reallocs(
                "(i32.add (i32.const 1)
                     (call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get $size)))",
            ),
        ),
        ("realloc-out-of-bounds", trap("crashed"), reallocs("i32.const -8")),
        ("trap-unreachable", trap("unreachable"), calls("unreachable")),
        ("trap-division", trap("divide by zero"), calls("(i32.div_s (i32.const 1) (i32.const 0))")),
        ("trap-overflow", trap("integer overflow"), calls("(i32.div_s (i32.const 0x80000000) (i32.const -1))")),
        ("trap-conversion", trap("invalid conversion"), calls("(i32.trunc_f64_s (f64.const nan))")),
        ("trap-bounds", trap("out of bounds memory access"), calls("(i32.load (i32.const 0x7fffffff))")),
        (
            "trap-signature",
            trap("indirect call type mismatch"),
            fields(table, "(call_indirect (result i32) (i32.const 0))"),
        ),
        (
            "trap-null-function",
            trap("uninitialized element"),
            fields(table, "(call_indirect (result i32) (i32.const 1))"),
        ),
        ("trap-no-function", trap("undefined element"), fields(table, "(call_indirect (result i32) (i32.const 9))")),
        ("result-aliased", Fails(Code::ResourceLimit, "data passed"), aliases(100_000, 1 << 20)),
        ("result-of-many-texts", Fails(Code::ResultTooLarge, "MiB"), aliases(150_000, 0)),
        (
            "result-of-a-10-mb-type",
            Fails(Code::ResultTooLarge, "MiB"),
            // An image of no bytes, and what it says it is.
            roomy(
                "(i32.store (i32.const 8256) (i32.const 1)) (i32.store offset=8 (i32.const 8256) (i32.const 0))
                 (i32.store offset=12 (i32.const 8256) (i32.const 131072))
                 (i32.store offset=16 (i32.const 8256) (i32.const 10000000)) i32.const 8192",
            ),
        ),
        ("result-out-of-bounds", trap("crashed"), calls("(i32.store (i32.const 8196) (i32.const -64)) i32.const 8192")),
        ("result-at-odd-address", trap("crashed"), calls("i32.const 8193")),
        ("result-beyond-memory", trap("crashed"), calls("i32.const -64")),
        ("result-of-no-case", trap("crashed"), calls("(i32.store8 (i32.const 8192) (i32.const 77)) i32.const 8192")),
        (
            "result-not-utf-8",
            trap("crashed"),
            calls(concat!("(i32.store (i32.const 8300) (i32.const -1)) ", "i32.const 8192")),
        ),
    ]
}

/// The plugins made by hand, and the parts of each.
pub fn by_hand() -> Vec<(&'static str, ByHand<'static>)> {
    assert_eq!(CONTENT + CONTENT_SIZE, 8300, "`result-not-utf-8` writes where the text is");
    made().into_iter().map(|(name, _, parts)| (name, parts)).collect()
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub fn cases() -> Vec<Case> {
    let case = |name: &str, guest, expected, attack| Case { name: name.to_owned(), guest, expected, attack };
    let trap = |words| Fails(Code::Trap, words);
    let (deadline, resource) = (|words| Fails(Code::Deadline, words), |words| Fails(Code::ResourceLimit, words));
    let invalid = |words| Fails(Code::InvalidOutput, words);
    let endless = |what: &str| call("endless-floods", json!({"what": what}));
    let greedy = |what: &str| call("greedy", json!({"what": what}));
    let flood = |what: &str, times: u32| call("floods", json!({"what": what, "times": times}));
    let denied =
        |name, words, arguments| case(name, "sockets", Fails(Code::DeniedNetwork, words), call("sockets", arguments));
    let liar = |name, words, how: &str| case(name, "liar", invalid(words), call("liar", json!({"how": how})));

    let mut cases = vec![
        case("endless loop", "spin", deadline("`spin`"), call("spin", json!({}))),
        case("64 endless loops", "spin", deadline("`spin`"), calls(64, "spin", json!({}))),
        case("sleeping an hour", "sleeps", deadline("`sleeps`"), call("sleeps", json!({"ms": 3_600_000}))),
        case("64 sleeping an hour", "sleeps", deadline("`sleeps`"), calls(64, "sleeps", json!({"ms": 3_600_000}))),
        case("500 clocks of an hour", "waits", deadline("`waits`"), call("waits", json!({"what": "clocks"}))),
        case("waiting for stdin", "waits", Answers("stdin is closed"), call("waits", json!({"what": "stdin"}))),
        case("asking the time for ever", "floods", deadline("`endless-floods`"), endless("clock")),
        case("polling for ever", "floods", deadline("`endless-floods`"), endless("poll")),
        case("random bytes for ever", "floods", deadline("`endless-floods`"), endless("random")),
        case("empty writes for ever", "floods", deadline("`endless-floods`"), endless("empty")),
        case("log lines for ever", "floods", deadline("`endless-floods`"), endless("log")),
    ];
    cases.extend(made().into_iter().map(|(name, expected, _)| case(name, "", expected, call(name, json!({})))));
    cases.extend([
        case("memory to the limit", "grow", Answers("mebibytes"), call("grow", json!({}))),
        case("memory to the limit, 16 at once", "grow", Answers("mebibytes"), calls(16, "grow", json!({}))),
        case(
            "memory beyond the limit",
            "grow",
            Fails(Code::MemoryLimit, "`grow`"),
            call("grow", json!({"abort": true})),
        ),
        case("recursion", "stack", Fails(Code::StackOverflow, "`stack`"), call("stack", json!({}))),
        case("recursion of large frames", "stack", trap("`stack`"), call("stack", json!({"locals": true}))),
        case("panic", "panics", trap("of no use"), call("panics", json!({"message": "of no use"}))),
        case("16 panics at once", "panics", trap("of no use"), calls(16, "panics", json!({"message": "of no use"}))),
        case("abort", "exits", trap("`exits`"), call("exits", json!({"abort": true}))),
        case("exit", "exits", Fails(Code::Exited, "exit status 1"), call("exits", json!({}))),
        case("exit well", "exits", Fails(Code::Exited, "exit status 0"), call("exits", json!({"well": true}))),
        case(
            "text of 5 MiB",
            "big",
            Fails(Code::ResultTooLarge, "an answer may have 4MiB"),
            call("big", json!({"bytes": 5 << 20})),
        ),
        case("text of 30 MiB", "big", resource("data passed"), call("big", json!({"bytes": 30 << 20}))),
        case(
            "structured content of 5 MiB",
            "big",
            Fails(Code::ResultTooLarge, "an answer may have 4MiB"),
            call("big", json!({"bytes": 5 << 20, "structured": true})),
        ),
        liar("content that is not JSON", "JSON", "json"),
        liar("content nested 100,000 deep", "JSON", "deep"),
        liar("content of another type", "/count", "type"),
        liar("content that is an array", "not of type", "array"),
        liar("content that is missing", "structured", "missing"),
        case(
            "forged error of 2 MB",
            "toolerror",
            ToolFails("tool_error", "too much"),
            call("toolerror", json!({"forged": true})),
        ),
        case("256 MiB to stdout", "floods", Answers("called 4096"), flood("stdout", 4_096)),
        case("64 MiB to stderr", "floods", Answers("called 1024"), flood("stderr", 1_024)),
        case("500,000 empty writes", "floods", Answers("called 500000"), flood("empty", 500_000)),
        case("a million log lines", "floods", Answers("called 1000000"), flood("log", 1_000_000)),
        case("20,000 printed lines", "prints", Answers("printed"), call("prints", json!({"lines": 20_000}))),
        case("forged lines in the log", "logs", Answers("logged"), call("logs", json!({}))),
        case(
            "100,000 reports of progress",
            "progresses",
            Answers("reported"),
            Box::new(|scene| {
                let params =
                    json!({"name": "progresses", "arguments": {"flood": true}, "_meta": {"progressToken": "p"}});
                let answer = scene.session.begin("tools/call", &params).wait()?;
                Ok(crate::oracle::Seen::Calls(vec![answer], crate::scene::deadline("progresses")))
            }),
        ),
        case("log line of 32 MiB", "greedy", resource("data passed"), greedy("data")),
        case(
            "random bytes, 63 MiB at once",
            "greedy",
            resource("random"),
            call("greedy", json!({"what": "random", "bytes": 63 << 20})),
        ),
        case("10,000 resources of its own", "greedy", resource("open resources"), greedy("handles")),
        case("10,000 resources of the host", "greedy", resource("open resources"), greedy("resources")),
        case("a million pollables", "greedy", resource("open resources"), greedy("pollables")),
        case("a million requests", "greedy", resource("open resources"), greedy("requests")),
        case("a million streams", "greedy", resource("open resources"), greedy("streams")),
        case("a million header fields", "greedy", trap("`greedy`"), greedy("header_fields")),
        case("the host's environment", "envdump", Answers(r#""environment":{}"#), call("envdump", json!({}))),
        case("the host's files", "prowls", Answers(NOTHING_FOUND), call("prowls", json!({"paths": paths()}))),
        case("traces of earlier calls", "counter", Answers(r#""calls":0"#), calls(64, "counter", json!({"mark": "x"}))),
        denied("connecting by TCP", "A socket", json!({"connect": "127.0.0.1:22", "crash": true})),
        denied("opening UDP", "A socket", json!({"udp": "0.0.0.0:0", "crash": true})),
        denied("looking a name up", "internal.example", json!({"lookup": "internal.example:80", "crash": true})),
    ]);
    cases
}

const NOTHING_FOUND: &str = r#""structuredContent":{"preopened":["/"],"read":[],"tried":200,"written":[]}"#;

/// Two hundred places where hosts keep what is nobody's business.
fn paths() -> Vec<String> {
    let files = [
        "/etc/passwd",
        "/etc/shadow",
        "/proc/self/environ",
        "/proc/1/root",
        "/home/user/.ssh/id_rsa",
        "/tmp",
        "/dev/null",
        "/",
        ".",
        "~",
    ];
    let ways = [
        "",
        "..",
        "../..",
        "../../../../../../../../..",
        "./",
        "/.",
        "/tmp/..",
        "/proc/self/cwd",
        "/proc/self/root",
        "//",
        "/./",
        "\\..\\..",
        "%2e%2e",
        "/dev/fd/3",
        "/proc/self/fd/3",
        "/var/run/../..",
        "plugins",
        "/usr/../",
        "/sys",
        "file://",
    ];
    ways.iter().flat_map(|way| files.iter().map(move |file| format!("{way}{file}"))).collect()
}
