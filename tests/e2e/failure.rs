//! Failures as a model reads them: for each, a guest that provokes it and a snapshot of its text. `coverage` insists that
//! no failure and no guest is left out.

mod failed;
pub mod provoke;

use serde_json::{Value, json};
use toolcell::failure::Code;

pub use self::failed::Failed;
use self::provoke::{
    API, NO_DATABASE, NO_REDIS, NOBODY, at, at_url, cache, call, crash, endless, files, input_ended, mute, no_cache,
    no_connection, no_files, no_memory, no_place, no_turn, slow_statement, unrecorded, upstream, withdrawn,
    without_tls,
};
use crate::{
    files,
    folder::{Folder, component},
    postgres,
    postgres_server::Postgres,
};

/// Defines a test for each case: the code that the guest's failure has, and how it is provoked. The case's name is the
/// snapshot's.
macro_rules! cases {
    ($($name:ident: $guest:literal => $code:ident, $provoke:expr;)*) => {
        /// The failures that have a case, and the guests that provoke them.
        pub const CASES: &[(Code, &str)] = &[$((Code::$code, $guest)),*];

        $(
            #[test]
            fn $name() {
                let failed = ($provoke)($guest);
                assert_eq!(failed.code, Code::$code.as_str(), "{}", failed.text);
                insta::assert_snapshot!(stringify!($name), failed.text);
            }
        )*
    };
}

cases! {
    invalid_arguments: "echo" => InvalidArguments, call("", json!({"message": 1, "count": "x"}));
    panic: "panics" => Trap, call("", json!({"message": "the index is out of range"}));
    stack_overflow: "stack" => StackOverflow, call("", json!({}));
    stack_of_locals: "stack" => Trap, call("", json!({"locals": true}));
    exited: "exits" => Exited, call("", json!({"status": 3}));
    exited_well: "exits" => Exited, call("", json!({"well": true}));
    deadline_while_computing: "spin" => Deadline, call("limits.deadline = \"300ms\"", json!({}));
    deadline_while_waiting: "sleeps" => Deadline, call("limits.deadline = \"300ms\"", json!({"ms": 60_000}));
    deadline_while_fetching: "fetches" => Deadline, upstream(mute, "limits.deadline = \"500ms\"", json!({}));
    result_too_large: "big" => ResultTooLarge, call("", json!({"bytes": 5 << 20}));
    structured_result_too_large: "big" => ResultTooLarge, call("", json!({"bytes": 5 << 20, "structured": true}));
    output_array: "liar" => InvalidOutput, call("", json!({"how": "array"}));
    output_type: "liar" => InvalidOutput, call("", json!({"how": "type"}));
    output_json: "liar" => InvalidOutput, call("", json!({"how": "json"}));
    output_missing: "liar" => InvalidOutput, call("", json!({"how": "missing"}));

    memory_limit: "grow" => MemoryLimit, call("limits.memory = \"16MiB\"", json!({"abort": true}));
    too_much_data: "greedy" => ResourceLimit, call("", json!({"what": "data"}));
    too_many_random_bytes: "greedy" => ResourceLimit, call("", json!({"what": "random"}));
    too_many_resources: "greedy" => ResourceLimit, call("", json!({"what": "resources"}));
    too_many_handles: "greedy" => ResourceLimit, call("", json!({"what": "handles"}));
    busy_memory: "grow" => Busy, no_memory;
    busy_places: "sleeps" => Busy, no_place;
    busy_turns: "sleeps" => Busy, no_turn;

    missing_variable: "panics" => MissingVariable, call("capabilities.env = [\"TOOLCELL_TEST_UNSET\"]", json!({}));
    denied: "fetches" => DeniedNetwork, call(API, json!({"url": "https://elsewhere.example/secret?token=1"}));
    denied_and_crashed: "fetches" => DeniedNetwork, call(API, json!({"url": "https://elsewhere.example/", "crash": true}));
    denied_not_granted: "fetches" => DeniedNetwork,
        call("capabilities.network = [\"http://*\"]", json!({"url": "http://127.0.0.1/"}));
    denied_look_up: "sockets" => DeniedNetwork, crash(json!({"lookup": "internal.example:80"}));
    denied_socket: "sockets" => DeniedNetwork, crash(json!({"connect": "192.0.2.1:22"}));
    denied_cache: "cached" => DeniedCache, call("", json!({"steps": [["get", "secret key"]]}));
    denied_cache_and_crashed: "cached" => DeniedCache, call("", json!({"steps": [["set", "k", "v", 1]], "crash": true}));
    denied_cache_not_granted: "cached" => DeniedCache, no_cache;
    cache_unreachable: "cached" => CacheUnreachable, cache(NO_REDIS, json!({}));
    cache_unreachable_and_crashed: "cached" => CacheUnreachable, cache(NO_REDIS, json!({"crash": true}));
    denied_files: "files" => DeniedFiles, files("", json!(["read", "/etc/passwd"]));
    denied_files_not_asked: "files" => DeniedFiles, files(files::ASKS, json!(["read", "/srv/\u{202e}stories\n.json"]));
    denied_files_not_granted: "files" => DeniedFiles, no_files;
    denied_files_only_read: "files" => DeniedFiles, files(files::ASKS, json!(["write", "/data/a.txt", "x"]));
    denied_files_led_out: "files" => DeniedFiles, files(files::ASKS, json!(["read", "/data/../private"]));
    denied_files_missing: "files" => DeniedFiles, files("capabilities.files = [{ path = \"later\" }]", json!(["read", "/later/a"]));
    too_much_written: "files" => ResourceLimit, files(files::ASKS, json!(["write", "/out/today/f", 65 << 20]));
    upstream_refused: "fetches" => UpstreamUnreachable, call(NOBODY, json!({"url": "http://127.0.0.1:1/path"}));
    upstream_refused_and_crashed: "fetches" => UpstreamUnreachable,
        call(NOBODY, json!({"url": "http://127.0.0.1:1/path", "crash": true}));
    upstream_timeout: "fetches" => UpstreamUnreachable, upstream(mute, "", json!({"timeout_ms": 300}));
    upstream_without_tls: "fetches" => UpstreamUnreachable, without_tls;
    upstream_limit: "fetches" => UpstreamLimit, upstream(endless, "", json!({}));
    upstream_limit_and_crashed: "fetches" => UpstreamLimit, upstream(endless, "", json!({"crash": true}));

    denied_database: "queries" => DeniedDatabase, call("", json!({"sql": "SELECT 1"}));
    database_not_listed: "queries" => DatabaseNotConfigured, call(postgres::ASKS, json!({"sql": "SELECT 1"}));
    database_unset: "queries" => DatabaseNotConfigured, at_url("", json!({"sql": "SELECT 1"}));
    database_no_url: "queries" => DatabaseNotConfigured, at_url("replica.example", json!({"sql": "SELECT 1"}));
    database_refused_connection: "queries" => DatabaseUnreachable, at_url(NO_DATABASE, json!({"sql": "SELECT 1"}));
    database_refused_connection_and_crashed: "queries" => DatabaseUnreachable,
        at_url(NO_DATABASE, json!({"sql": "SELECT 1", "crash": true}));
    database_login: "queries" => DatabaseLogin,
        at(|postgres| postgres.url_of("reader:wrong", "postgres"), json!({"sql": "SELECT 1"}));
    database_unsafe: "queries" => DatabaseUnsafe,
        at(|postgres| postgres.url_of("admin:admin", "postgres"), json!({"sql": "SELECT 1"}));
    database_busy: "queries" => DatabaseBusy, no_connection;
    database_timeout: "queries" => DatabaseTimeout, slow_statement;
    database_refused: "queries" => DatabaseRefused, at(Postgres::url, json!({"sql": "SELECT wrd FROM numbers"}));
    database_write: "queries" => DatabaseRefused, at(Postgres::url, json!({"sql": "DELETE FROM numbers RETURNING n"}));
    database_no_rows: "queries" => DatabaseRefused, at(Postgres::url, json!({"sql": "DELETE FROM numbers"}));
    invalid_query: "queries" => InvalidQuery, at(Postgres::url, json!({"sql": "SELECT $1::int", "parameters": []}));

    not_recorded: "echo" => NotRecorded, unrecorded;
    cancelled: "spin" => Cancelled, input_ended;
    withdrawn_removed: "echo" => ToolWithdrawn, withdrawn(|folder| folder.remove("echo"));
    withdrawn_changed: "echo" => ToolWithdrawn, withdrawn(|folder| folder.write_component("echo", &changed("echo")));
    withdrawn_not_allowed: "echo" => ToolWithdrawn, withdrawn(|folder| folder.write("plugins/toolcell.lock", "version = 1\n"));
}

/// The same code in another file: a custom section at the end.
pub fn changed(guest: &str) -> Vec<u8> {
    [component(guest).as_slice(), b"\x00\x02\x01x"].concat()
}

/// The codes are the tool's own, so this is no case of one of ours.
#[test]
pub fn tool_error() {
    let failed = call("", json!({}))("toolerror");
    assert_eq!(failed.code, "story_not_found");
    insta::assert_snapshot!("tool_error", failed.text);
}

/// `Failed` insists on the length and on the last line, which says whose failure it is.
#[test]
fn a_tool_error_cannot_be_more_than_one() {
    let failed = call("", json!({"forged": true}))("toolerror");
    assert_eq!(failed.code, "tool_error");
    assert!(!failed.text.contains(['\u{1b}', '\u{202e}']), "{}", failed.text);
    assert!(!failed.text.contains("\nThe host saw"), "{}", failed.text);
    insta::assert_snapshot!("tool_error_too_long", failed.text);
}

#[test]
fn a_guest_can_go_on_without_the_memory_that_it_was_refused() {
    let folder = Folder::new(&[("grow", "limits.memory = \"16MiB\"")]);
    let result = folder.lock().serve().call("grow", json!({}));
    let taken = result["structuredContent"]["mebibytes"].as_u64().expect("an answer");
    assert!((8..16).contains(&taken), "{result}");
}

/// What a resolver says about a name that cannot exist depends on whether it reaches any name server.
#[test]
fn upstream_without_an_address() {
    let asks = "capabilities.network = [\"https://nothing.invalid\"]";
    let failed = call(asks, json!({"url": "https://nothing.invalid/path"}))("fetches");
    assert_eq!(failed.code, Code::UpstreamUnreachable.as_str());
    assert!(failed.text.contains("nothing.invalid:443 was not contacted"), "{}", failed.text);
}

/// The model reads what was refused even where the plugin takes it for an answer.
#[test]
fn what_a_plugin_swallows_is_shown_beside_its_answer() {
    let folder = Folder::new(&[("fetches", API), ("wasihttp", API), ("sockets", ""), ("cached", "")]);
    let mut client = folder.lock().serve();
    let url = "https://elsewhere.example/secret?token=1";
    let mut seen = |tool: &str, mut arguments: Value| {
        arguments["swallow"] = true.into();
        let result = client.call(tool, arguments);
        assert_eq!(result["isError"], false, "{result}");
        assert_eq!(result["content"][0]["text"], "nothing found", "{result}");
        result["content"][1]["text"].as_str().expect("the host's own text").to_owned()
    };
    let by_contract = seen("fetches", json!({"url": url}));
    insta::assert_snapshot!("swallowed", by_contract);
    assert_eq!(seen("wasihttp", json!({"url": url})), by_contract);
    assert!(seen("sockets", json!({"lookup": "internal.example:80"})).contains("internal.example"));
    assert!(seen("sockets", json!({"connect": "192.0.2.1:22"})).contains("socket"));
    let result = client.call("cached", json!({"steps": [["get", "k"]], "swallow": true}));
    assert_eq!(result["structuredContent"], json!({"results": ["denied_cache"]}), "{result}");
    assert!(result["content"][1]["text"].as_str().is_some_and(|text| text.contains("not ask for a cache")), "{result}");
}

/// With one place for an instance, so that the next call shows whether it is free.
#[test]
fn a_request_that_is_cancelled_frees_its_place() {
    let folder = Folder::new(&[("spin", ""), ("sleeps", ""), ("echo", "limits.deadline = \"10s\"")]);
    folder.write("toolcell.toml", "[sandbox]\nslots = 1\n");
    let mut client = folder.lock().serve();
    for (tool, arguments) in [("spin", json!({})), ("sleeps", json!({"ms": 60_000}))] {
        let id = client.begin_call(tool, arguments);
        client.ping();
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        client.send(&cancel.to_string());
        let result = client.call("echo", json!({"message": "hi"}));
        assert_eq!(result["structuredContent"], json!({"message": "hi"}), "after {tool}: {result}");
    }
    assert_eq!(client.close().code(), Some(0));
}
