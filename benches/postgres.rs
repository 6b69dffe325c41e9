//! What a question to PostgreSQL costs: from a plugin in the sandbox, and from a native client that sends the same statements.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints figures, of no more digits than an `f64` has"
)]

mod common;
#[allow(dead_code, unreachable_pub, reason = "it is shared with tests that use more of it")]
#[path = "../tests/support/peers.rs"]
mod peers;
#[allow(dead_code, unreachable_pub, reason = "it is shared with tests that use more of it")]
#[path = "../tests/support/postgres.rs"]
mod postgres_server;

use std::{path::Path, sync::Arc};

use futures_util::future::join;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};
use toolcell::{
    call::Call,
    host::Host,
    sandbox::{DatabaseSettings, Sandbox, Settings},
};

use common::{
    compare::{Case, Comparison, show},
    folder::Folder,
};
use postgres_server::Postgres;

const SANDBOX: &str = "a row for a plugin";
const NATIVE: &str = "a row for a native client";
const SQL: &str = "SELECT n, word FROM numbers WHERE n = $1::text::int";

fn main() {
    if !common::is_measuring() {
        return;
    }
    let mut criterion = common::criterion();
    let runtime = Runtime::new().expect("a runtime starts");
    let postgres = Postgres::start();
    // One connection for each side, so that both wait until the session of the question before is reset.
    let database = DatabaseSettings {
        variable: "REPLICA_URL".to_owned(),
        url: Some(postgres.url()),
        ca_file: None,
        connections: 1,
    };
    let databases = [("replica".parse().expect("a name"), database)].into();
    let sandbox = Sandbox::new(Settings { databases, ..Settings::default() }).expect("a sandbox starts");
    let sandbox = Arc::new(sandbox);
    let (_, component) =
        toolcell_test_guests::ALL.iter().find(|(name, _)| *name == "queries").expect("a guest of that name");
    let folder = Folder::new([("queries", Path::new(component), "capabilities.postgres = [\"replica\"]")]);
    let host = folder.host(&runtime, &sandbox);
    let mut client = runtime.block_on(connect(&postgres));

    let mut cases = [in_the_sandbox(&runtime, &host), natively(&runtime, &mut client)];
    show(&mut criterion, "postgres", &mut cases);
    let compared = Comparison::of(&mut cases, 100, 20);
    compared.ratio(SANDBOX, NATIVE, Some(1.3));
    criterion.final_summary();
}

fn in_the_sandbox<'a>(runtime: &'a Runtime, host: &'a Host) -> Case<'a> {
    let arguments = json!({"sql": SQL, "parameters": ["7"]});
    let arguments: Map<String, Value> = arguments.as_object().expect("it is one").clone();
    Case::new(SANDBOX, move |times| {
        runtime.block_on(async {
            for _ in 0..times {
                let outcome = host.call("queries", arguments.clone(), Call::detached()).await;
                let output = outcome.expect("the tool is there").result.expect("the tool succeeds");
                assert_eq!(output.structured.expect("it has rows")["rows"], json!([[7, "word 7"]]));
            }
        });
    })
}

/// What the host sends: a read-only transaction with a time limit, the statement prepared, bound and fetched, and the session
/// reset.
fn natively<'a>(runtime: &'a Runtime, client: &'a mut Client) -> Case<'a> {
    Case::new(NATIVE, move |times| {
        runtime.block_on(async {
            for _ in 0..times {
                let transaction = client.build_transaction().read_only(true).start().await.expect("it begins");
                let set = transaction.batch_execute("SELECT pg_catalog.set_config('statement_timeout', '29500', true)");
                let (set, statement) = join(set, transaction.prepare(SQL)).await;
                set.expect("it is set");
                let portal = transaction.bind(&statement.expect("it is good"), &[&"7"]).await.expect("it fits");
                let rows = transaction.query_portal(&portal, 101).await.expect("it runs");
                let row: (i32, &str) = (rows[0].get(0), rows[0].get(1));
                assert_eq!(row, (7, "word 7"));
                drop(portal);
                transaction.rollback().await.expect("it ends");
                client.simple_query(RESET).await.expect("it is reset");
            }
        });
    })
}

/// As `RESET` in the host.
const RESET: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; DISCARD PLANS; DISCARD SEQUENCES; \
    DISCARD TEMP; SELECT pg_catalog.pg_advisory_unlock_all(); \
    SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements WHERE from_sql";

async fn connect(postgres: &Postgres) -> Client {
    let (client, connection) = tokio_postgres::connect(&postgres.url(), NoTls).await.expect("the server runs");
    tokio::spawn(connection);
    client
}
