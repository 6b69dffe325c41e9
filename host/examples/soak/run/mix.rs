//! What the run calls: good guests and hostile ones, each with the one outcome that it must have.

use serde_json::{Value, json};
use toolcell::failure::Code;

/// One kind of call.
#[derive(Debug)]
pub struct Kind {
    /// The guest, whose name is its tool's, too.
    pub guest: &'static str,
    /// What it is called with.
    pub arguments: Value,
    /// What must come back.
    pub expected: Expected,
    /// How many of [`ROUND`] calls are of this kind.
    pub share: usize,
}

/// What must come back from a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    /// An answer, whatever it says.
    Answer,
    /// An answer with this structured content.
    Structured(Value),
    /// A failure with this code.
    Failure(&'static str),
}

/// Calls after which the mix begins anew.
pub const ROUND: usize = 10_000;

/// Plugins of the run, each with what its manifest says besides its component.
pub const GUESTS: &[(&str, &str)] = &[
    ("echo", ""),
    ("counter", ""),
    ("envdump", ""),
    ("prints", ""),
    ("big", ""),
    ("sleeps", ""),
    ("toolerror", ""),
    ("liar", ""),
    ("panics", ""),
    ("exits", ""),
    ("stack", ""),
    ("greedy", ""),
    ("sockets", ""),
    // Nothing listens on port 1 of the loopback interface.
    ("fetches", "capabilities.network = [\"http://127.0.0.1:1\"]"),
    ("grow", "limits.memory = \"8MiB\""),
    ("spin", "limits.deadline = \"20ms\""),
];

/// All kinds; their shares are a whole round.
pub fn kinds() -> Vec<Kind> {
    let message = json!({"message": "to be or not to be", "count": 1});
    let nothing = json!({"buffer": "", "calls": 0, "files": [], "memory": 0, "variable": null});
    let found_nothing = Expected::Structured(json!({"found": nothing, "files_written": []}));
    let answer = |guest, arguments, share| Kind { guest, arguments, expected: Expected::Answer, share };
    let failure = |guest, arguments, code: Code, share| Kind {
        guest,
        arguments,
        expected: Expected::Failure(code.as_str()),
        share,
    };
    let good = [
        Kind { guest: "counter", arguments: json!({"mark": "x"}), expected: found_nothing, share: 2_000 },
        answer("envdump", json!({}), 300),
        answer("prints", json!({"lines": 5}), 300),
        answer("big", json!({"bytes": 64 << 10}), 100),
        answer("sleeps", json!({"ms": 5}), 100),
    ];
    let hostile = [
        failure("echo", json!({"message": 1}), Code::InvalidArguments, 200),
        Kind { guest: "toolerror", arguments: json!({}), expected: Expected::Failure("story_not_found"), share: 300 },
        failure("liar", json!({"how": "type"}), Code::InvalidOutput, 200),
        failure("panics", json!({"message": "as told"}), Code::Trap, 100),
        failure("exits", json!({}), Code::Exited, 100),
        failure("stack", json!({}), Code::StackOverflow, 100),
        failure("stack", json!({"locals": true}), Code::Trap, 20),
        failure("big", json!({"bytes": 5 << 20}), Code::ResultTooLarge, 2),
        failure("greedy", json!({"what": "random"}), Code::ResourceLimit, 10),
        failure("greedy", json!({"what": "resources"}), Code::ResourceLimit, 10),
        failure("greedy", json!({"what": "handles"}), Code::ResourceLimit, 10),
        failure("sockets", json!({"connect": "192.0.2.1:22", "crash": true}), Code::DeniedNetwork, 20),
        failure("fetches", json!({"url": "https://elsewhere.example/"}), Code::DeniedNetwork, 100),
        failure("fetches", json!({"url": "http://127.0.0.1:1/"}), Code::UpstreamUnreachable, 50),
        failure("grow", json!({"abort": true}), Code::MemoryLimit, 20),
        failure("spin", json!({}), Code::Deadline, 1),
    ];
    let mut kinds: Vec<_> = good.into_iter().chain(hostile).collect();
    let share = ROUND - kinds.iter().map(|kind| kind.share).sum::<usize>();
    kinds.push(Kind { guest: "echo", arguments: message.clone(), expected: Expected::Structured(message), share });
    kinds
}

/// For each call of a round, the kind that it is of: every kind spread over the whole round, the same in every run.
pub fn round(kinds: &[Kind]) -> Vec<usize> {
    // Coprime to the length of a round, so that every place is met once; near its golden section, so that neighbours are
    // of different kinds.
    const STEP: usize = 6_181;
    let sorted: Vec<usize> =
        kinds.iter().enumerate().flat_map(|(at, kind)| std::iter::repeat_n(at, kind.share)).collect();
    (0..ROUND).map(|place| sorted[place * STEP % ROUND]).collect()
}
