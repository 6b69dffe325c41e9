//! What each user may do, with real guests: which tools exist for them, how often they call, what plugins see of their values,
//! and what plugins keep for them. Who calls is given; that a transport establishes it is tested where it does.

mod team;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use toolcell::user::User;

use self::team::{Team, call, text};
use crate::{client::Client, failure::provoke::CACHE, folder::Folder, redis::RedisServer};

fn hi() -> Value {
    json!({"message": "hi"})
}

/// One plugin is not served, because nobody reviewed it.
#[test]
fn what_a_user_may_not_call_does_not_exist_for_them() {
    let folder = Folder::new(&[("cached", CACHE), ("counter", ""), ("echo", "")]);
    folder.lock();
    folder.add_as("unreviewed", "exits", "");
    let toml = "
        [users.alice]
        plugins = [\"echo\"]
        [users.bob]
        tools = [\"cached\", \"counter\"]
        [users.carol]
        plugins = [\"cached\", \"unreviewed\"]
        tools = []
        [users.dave]
        plugins = [\"counter\", \"unreviewed\"]
    ";
    let team = Team::new(folder, toml, "");
    let lists: [(&str, &[&str]); 6] = [
        (User::LOCAL, &["cached", "counter", "echo"]),
        ("somebody", &["cached", "counter", "echo"]),
        ("alice", &["echo"]),
        ("bob", &["cached", "counter"]),
        ("carol", &[]),
        ("dave", &["counter"]),
    ];
    for (user, list) in lists {
        assert_eq!(team.tools(user), list, "{user}");
        for tool in ["cached", "counter", "echo"] {
            if list.contains(&tool) {
                let arguments = if tool == "echo" { hi() } else { json!({}) };
                assert!(team.call(user, tool, arguments).is_ok(), "{user} {tool}");
            } else {
                let unknown = team.unknown(user, tool);
                assert_eq!(unknown.to_string(), team.unknown(user, "nothing").to_string().replace("nothing", tool));
            }
        }
    }
    let told = ["alice", "bob", "carol", "dave"].map(|user| format!("{user}: {}", team.instructions(user)));
    insta::assert_snapshot!("instructions", told.join("\n"));
    assert_eq!(team.instructions("somebody"), team.instructions(User::LOCAL));

    // A tool that is gone was never there for those who might not call it.
    team.folder.remove("echo");
    team.runtime.block_on(team.host.registry().reload()).expect("the folder can be read");
    assert_eq!(team.call("alice", "echo", hi()).expect_err("it is gone").code, "tool_withdrawn");
    assert_eq!(team.unknown("bob", "echo").to_string(), "unknown tool \"echo\"; tools/list has the names");
}

#[test]
fn calls_beyond_the_rate_are_refused_and_only_those_of_that_user() {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    let team = Team::new(folder, "[users.\"*\"]\nrate = \"3/h\"\n", "");
    team.unknown("alice", "nothing");
    assert!(team.call("alice", "echo", hi()).is_ok());
    // One that is not run counts as well: a model that guesses calls in a loop, too.
    assert_eq!(team.call("alice", "echo", json!({})).expect_err("no message").code, "invalid_arguments");
    assert!(team.call("alice", "echo", hi()).is_ok());
    let refused = team.call("alice", "echo", hi()).expect_err("it is the fourth");
    insta::assert_snapshot!("rate", text(&refused));
    assert_eq!((refused.code.as_str(), refused.scope.as_deref()), ("busy", Some("user")));
    assert!(refused.retry_after_ms.is_some_and(|wait| (1_000_000..=1_201_000).contains(&wait)), "{refused:?}");
    for user in ["bob", User::LOCAL] {
        assert!(team.call(user, "echo", hi()).is_ok(), "{user}");
    }
}

#[test]
fn no_more_calls_of_a_user_are_under_way_than_may_be() {
    let folder = Folder::new(&[("sleeps", "limits.deadline = \"2s\""), ("echo", "limits.deadline = \"2s\"")]);
    folder.lock();
    let team = Team::new(folder, "[users.\"*\"]\nconcurrency = 1\n", "");
    let begin = |user: &str, ms: u64| {
        let (host, user) = (Arc::clone(&team.host), team.user(user));
        team.runtime.spawn(call(host, user, "sleeps".to_owned(), json!({"ms": ms})))
    };
    let first = begin("alice", 60_000);
    let refused = loop {
        // They come at the same time, so this one may be first.
        if let Err(refused) = team.call("alice", "echo", hi()) {
            break refused;
        }
    };
    insta::assert_snapshot!("concurrency", text(&refused));
    assert_eq!((refused.code.as_str(), refused.scope.as_deref()), ("busy", Some("user")));
    assert!(team.call("bob", "echo", hi()).is_ok());
    let ended = team.runtime.block_on(first).expect("no panic").expect("it exists");
    assert_eq!(ended.expect_err("it sleeps on").code, "deadline");

    // One that ends in time is waited for, whatever tool it is of.
    let short = begin("alice", 100);
    assert!(team.call("alice", "echo", hi()).is_ok());
    assert!(team.runtime.block_on(short).expect("no panic").expect("it exists").is_ok());
}

/// Four turns and calls of 50 ms: 80 calls a second are what the plugin carries, and one user makes ten times as many.
#[test]
fn one_user_who_floods_a_plugin_is_alone_with_it() {
    const SECONDS: u32 = 2;
    let folder = Folder::new(&[("sleeps", "[limits]\nconcurrency = 4\ndeadline = \"10s\"")]);
    folder.lock();
    let team = Team::new(folder, "", "");
    let begin = |calls: &mut JoinSet<_>, user: &str| {
        let call = call(Arc::clone(&team.host), team.user(user), "sleeps".to_owned(), json!({"ms": 50}));
        calls.spawn(async move {
            let began = Instant::now();
            (call.await.expect("it exists").err().map(|report| report.code), began.elapsed())
        });
    };
    let (flood, beside) = team.runtime.block_on(async {
        let (mut flood, mut beside) = (JoinSet::new(), JoinSet::new());
        let mut clock = tokio::time::interval(Duration::from_millis(10));
        for tick in 0..SECONDS * 100 {
            clock.tick().await;
            (0..8).for_each(|_| begin(&mut flood, "greedy"));
            if tick % 20 == 10 {
                begin(&mut beside, "alice");
                begin(&mut beside, "bob");
            }
        }
        let beside = beside.join_all().await;
        flood.shutdown().await;
        (SECONDS * 800, beside)
    });
    let longest = beside.iter().map(|(_, took)| *took).max();
    eprintln!("beside a flood of {flood} calls, {} calls of others took {longest:?} at most", beside.len());
    assert_eq!(beside.len(), 20);
    assert!(beside.iter().all(|(failed, _)| failed.is_none()), "{beside:?}");
    // Behind all that wait they would take three seconds and more.
    assert!(longest.is_some_and(|longest| longest < Duration::from_secs(2)), "{longest:?}");
}

#[test]
fn plugins_see_the_values_of_whoever_calls() {
    let asks = "capabilities.env = [\"TOOLCELL_TEST_TOKEN\", \"TOOLCELL_TEST_OTHER\"]";
    let folder = Folder::new(&[("envdump", asks), ("panics", asks)]);
    folder.lock();
    folder.write("alice.env", "TOOLCELL_TEST_OTHER=alice's other\nTOOLCELL_TEST_UNASKED=x\n");
    let toml = "
        [users.alice]
        env = { TOOLCELL_TEST_TOKEN = \"TOOLCELL_TEST_TOKEN_OF_ALICE\" }
        env-file = \"alice.env\"
        [users.bob]
        env = { TOOLCELL_TEST_TOKEN = \"TOOLCELL_TEST_TOKEN_OF_BOB\" }
    ";
    let host = "TOOLCELL_TEST_TOKEN=the host's\nTOOLCELL_TEST_TOKEN_OF_ALICE=alice's own\n";
    let team = Team::new(folder, toml, host);
    let seen = |user: &str| team.call(user, "envdump", json!({})).expect("it answers")["environment"].clone();
    let alice = json!({"TOOLCELL_TEST_TOKEN": "alice's own", "TOOLCELL_TEST_OTHER": "alice's other"});
    for _ in 0..2 {
        assert_eq!(seen("alice"), alice);
        assert_eq!(seen("carol"), json!({"TOOLCELL_TEST_TOKEN": "the host's"}));
        // He was to have one of his own: nobody meant him to act as the host does.
        assert_eq!(seen("bob"), json!({}));
        assert_eq!(seen(User::LOCAL), json!({"TOOLCELL_TEST_TOKEN": "the host's"}));
    }
    let missing = |user: &str| team.call(user, "panics", json!({})).expect_err("it panics");
    assert_eq!(missing("alice").code, "trap");
    insta::assert_snapshot!("missing_variable", text(&missing("bob")));
    assert!(missing(User::LOCAL).message.ends_with("is not set on the host: TOOLCELL_TEST_OTHER"));
}

fn results(team: &Team, user: &str, steps: Value) -> Value {
    team.call(user, "cached", json!({"steps": steps})).expect("it answers")["results"].clone()
}

fn value(team: &Team, user: &str, key: &str) -> Value {
    results(team, user, json!([["get", key]]))[0]["value"].clone()
}

/// The same for both stores.
fn what_a_plugin_keeps_for_one_user_is_kept_from_others(redis: Option<&RedisServer>) {
    let folder = Folder::new(&[("cached", "capabilities.cache = { max = \"64KiB\", ttl-max = \"1h\" }")]);
    folder.lock();
    let team = Team::keeping(folder, "", "", redis.map(RedisServer::url).as_deref());
    let users = ["alice", "bob", "a:b|c", "a|b:c", User::LOCAL];
    for user in users {
        assert_eq!(value(&team, user, "k"), Value::Null, "{user}");
        results(&team, user, json!([["set", "k", user, 60_000]]));
    }
    for user in users {
        assert_eq!(value(&team, user, "k"), user);
    }
    results(&team, "alice", json!([["delete", "k"]]));
    // Alice fills a room of her own, and nothing of Bob's goes for it.
    for key in ["a", "b", "c", "d"] {
        results(&team, "alice", json!([["set", key, 20_000, 60_000]]));
    }
    assert_eq!(["a", "d", "k"].map(|key| value(&team, "alice", key)), [Value::Null, json!(20_000), Value::Null]);
    assert_eq!(["bob", User::LOCAL].map(|user| value(&team, user, "k")), ["bob", User::LOCAL]);
    // A reload keeps what the new room has room for.
    team.folder.add("cached", "capabilities.cache = { max = \"32KiB\", ttl-max = \"1h\" }");
    team.runtime.block_on(team.host.registry().reload()).expect("the folder can be read");
    assert_eq!(["bob", User::LOCAL].map(|user| value(&team, user, "k")), ["bob", User::LOCAL]);
}

#[test]
fn what_is_kept_in_memory_is_the_users_own() {
    what_a_plugin_keeps_for_one_user_is_kept_from_others(None);
}

#[test]
fn what_is_kept_in_redis_is_the_users_own_and_bears_their_name() {
    let server = RedisServer::start(&[]);
    what_a_plugin_keeps_for_one_user_is_kept_from_others(Some(&server));
    for keys in ["cached", "cached/alice", "cached/a%3Ab%7Cc"] {
        let found = server.ask(&format!("EXISTS toolcell:cache:{{{keys}}}:entries")).expect("Redis answers");
        assert!(found.starts_with(":1"), "{keys}: {found}");
    }
}

#[test]
fn what_the_operator_lets_users_share_is_found_by_all() {
    let folder = Folder::new(&[("cached", CACHE)]);
    folder.lock();
    let team = Team::new(folder, "[plugins.cached]\ncache = \"shared\"\n", "");
    results(&team, "alice", json!([["set", "k", "v", 60_000]]));
    assert_eq!(["bob", User::LOCAL].map(|user| value(&team, user, "k")), ["v", "v"]);
}

/// The real program: names that nothing has are told, and whoever starts it is none of the users.
#[test]
fn a_slip_of_the_pen_is_told_and_stdio_is_nobodys_matter() {
    let folder = Folder::new(&[("echo", ""), ("counter", "")]);
    let toml = "
        [users.\"*\"]
        enabled = false
        env-file = \"missing.env\"
        [users.alice]
        plugins = [\"ecoh\"]
        tools = [\"conter\", \"echo\", \"weather\"]
    ";
    folder.write("toolcell.toml", toml);
    let mut client = folder.lock().serve();
    assert_eq!(client.tools(), ["counter", "echo"]);
    assert_eq!(client.call("echo", hi())["isError"], false);
    client.wait_for_log("tool \"weather\"");
    let log = client.log();
    let warnings: Vec<_> = log.lines().filter_map(|line| Some(line.split_once("WARN ")?.1)).collect();
    insta::assert_snapshot!("warnings", warnings.join("\n"));
    assert_eq!(client.close().code(), Some(0));
}

/// Over HTTP users come, so what is wrong with one is told at the start; the others are served.
#[test]
fn over_http_the_log_says_who_is_kept_out_by_mistake() {
    let folder = Folder::new(&[("echo", "")]);
    let toml = "
        [users.alice]
        env-file = \"missing.env\"
        [users.bob]
        env = { TOKEN = \"TOOLCELL_TEST_TOKEN_OF_BOB\" }
    ";
    folder.write("toolcell.toml", toml);
    folder.lock();
    let mut command = folder.toolcell();
    let server = Client::start(command.args(["serve", "--locked", "--http", "127.0.0.1:0"]));
    server.wait_for_log("listening at");
    let log = server.log();
    let warnings: Vec<_> = log.lines().filter_map(|line| Some(line.split_once("WARN ")?.1)).collect();
    insta::assert_snapshot!("problems", warnings.join("\n"));
}
