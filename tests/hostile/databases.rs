//! Statements that make a database send, or compute, more than anybody can hold.

use serde_json::json;

use crate::{
    oracle::{
        Case,
        Expected::{self, Answers, ToolFails},
    },
    postgres_server::Postgres,
    scene::calls,
    session::{Reply, Session},
};

/// The grant of the plugin that asks.
pub const ASKS: &str = "capabilities.postgres = [\"replica\"]";

/// What the operator configured, and the file that holds the URL.
pub fn configuration(postgres: &Postgres) -> [(&'static str, String); 2] {
    [
        ("toolcell.toml", "[postgres.replica]\nurl-env = \"REPLICA_URL\"\n".to_owned()),
        (".env", format!("REPLICA_URL={}\n", postgres.url())),
    ]
}

/// Makes all connections that are kept.
pub fn warm_up(session: &Session) {
    let sleeps = |_| session.begin_call("queries", &json!({"sql": "SELECT pg_sleep(0.2)"}));
    let calls: Vec<Reply> = (0..32).map(sleeps).collect();
    for call in calls {
        call.wait().expect("the server answers");
    }
}

pub fn cases() -> Vec<Case> {
    let too_large = ToolFails("invalid_query", "one row of its answer is larger");
    let truncated = Answers("\"truncated\":true");
    let case = |name: &str, expected: Expected, count: usize, arguments| Case {
        name: format!("database: {name}"),
        guest: "queries",
        expected,
        attack: calls(count, "queries", arguments),
    };
    let endless = "SELECT generate_series(1, 9223372036854775807)";
    let wide = "SELECT repeat(repeat('x', 1000), 1000) FROM generate_series(1, 100000)";
    vec![
        case("a row of a gigabyte", too_large, 1, json!({"sql": "SELECT repeat(repeat('x', 1000), 1000000)"})),
        case(
            "an error of a hundred megabytes",
            too_large,
            2,
            json!({"sql": "SELECT repeat(repeat('x', 1000), 100000)::int"}),
        ),
        case("rows without end", truncated, 4, json!({"sql": endless, "max_rows": 100_000, "brief": true})),
        case("a hundred gigabytes of rows", truncated, 4, json!({"sql": wide, "max_rows": 100_000, "brief": true})),
        case(
            "more questions than a call may put",
            ToolFails("invalid_query", "has put 1000 questions"),
            1,
            json!({"sql": "SELECT 1", "times": 1_001}),
        ),
        case("a flood of calls", Answers("\"rows\":[[1]]"), 60, json!({"sql": "SELECT 1", "times": 20})),
    ]
}
