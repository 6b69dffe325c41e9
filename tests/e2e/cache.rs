//! What plugins keep from one call to the next: the same tests with the cache in the host's memory and in a real Redis.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{client::Client, failure::Failed, folder::Folder, redis::RedisServer};

mod tls;

/// Where things are kept.
enum Store {
    Embedded,
    Redis(RedisServer),
}

impl Store {
    fn redis() -> Self {
        Self::Redis(RedisServer::start(&[]))
    }

    fn serve(&self, folder: &Folder) -> Client {
        match self {
            Self::Embedded => folder.lock().serve(),
            Self::Redis(server) => serve(folder, &server.url()),
        }
    }
}

fn serve(folder: &Folder, url: &str) -> Client {
    folder.write("toolcell.toml", "[cache]\nredis-url-env = \"CACHE_URL\"\n");
    folder.write("values.env", &format!("CACHE_URL={url}\n"));
    folder.lock().serve_with(&["--locked", "--env-file", "values.env"])
}

/// Defines each test for both stores.
macro_rules! with_both {
    ($($name:ident)*) => {
        mod embedded {
            $(#[test] fn $name() { super::$name(super::Store::Embedded); })*
        }
        mod redis {
            $(#[test] fn $name() { super::$name(super::Store::redis()); })*
        }
    };
}

with_both! {
    what_was_set_is_found_with_its_age
    nothing_is_found_past_its_time
    what_was_not_used_for_longest_makes_room
    entries_are_bounded_in_number
    keys_are_told_apart_whatever_is_in_them
    what_cannot_be_an_entry_is_refused
    plugins_never_meet
    a_reload_keeps_what_a_new_room_has_room_for
    a_value_is_swapped_only_where_nobody_changed_it
}

fn asks(max: &str, ttl_max: &str) -> String {
    format!("capabilities.cache = {{ max = \"{max}\", ttl-max = \"{ttl_max}\" }}")
}

/// The results of these steps, in one call.
fn results(client: &mut Client, tool: &str, steps: Value) -> Value {
    let result = client.call(tool, json!({"steps": steps}));
    assert_eq!(result["isError"], false, "{result}");
    result["structuredContent"]["results"].clone()
}

/// The value of each key, or null.
fn values<const N: usize>(client: &mut Client, keys: [&str; N]) -> [Value; N] {
    let found = results(client, "cached", keys.map(|key| json!(["get", key])).into());
    std::array::from_fn(|index| found[index]["value"].clone())
}

fn what_was_set_is_found_with_its_age(store: Store) {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let mut client = store.serve(&folder);
    let began = Instant::now();
    assert_eq!(results(&mut client, "cached", json!([["get", "k"], ["set", "k", "v", 60_000]])), json!([null, "set"]));
    thread::sleep(Duration::from_millis(300));
    let result = client.call("cached", json!({"steps": [["get", "k"], ["get", "k"], ["get", "other"]]}));
    let found = &result["structuredContent"]["results"];
    assert_eq!(found[0]["value"], "v", "{result}");
    let age = u128::from(found[0]["age_ms"].as_u64().expect("it has an age"));
    assert!((300..=began.elapsed().as_millis()).contains(&age), "{result}");
    let used = &result["_meta"]["toolcell/receipt"]["cache"];
    assert_eq!(used, &json!({"hits": 2, "misses": 1, "sets": 0}), "{result}");

    let steps = json!([["set", "k", "new", 60_000], ["get", "k"], ["delete", "k"], ["delete", "k"], ["get", "k"]]);
    let found = results(&mut client, "cached", steps);
    assert!(found[1]["value"] == "new" && found[1]["age_ms"].as_u64().is_some_and(|age| age < 300), "{found}");
    assert_eq!(found[4], Value::Null, "{found}");
    let result = client.call("cached", json!({}));
    assert_eq!(result["_meta"]["toolcell/receipt"].get("cache"), None, "{result}");
}

fn nothing_is_found_past_its_time(store: Store) {
    let folder = Folder::new(&[("cached", &asks("1MiB", "2s"))]);
    let mut client = store.serve(&folder);
    let steps = json!([["set", "short", "v", 500], ["set", "shortened", "v", 3_600_000], ["get", "short"]]);
    let set = results(&mut client, "cached", steps);
    assert_eq!(set[2]["value"], "v", "{set}");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(values(&mut client, ["short", "shortened"]), [Value::Null, json!("v")]);
    // The longest time that was granted holds, whatever the plugin says.
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(values(&mut client, ["shortened"]), [Value::Null]);
}

fn what_was_not_used_for_longest_makes_room(store: Store) {
    let folder = Folder::new(&[("cached", &asks("64KiB", "1h"))]);
    let mut client = store.serve(&folder);
    for key in ["a", "b", "c"] {
        results(&mut client, "cached", json!([["set", key, 20_000, 60_000]]));
    }
    // A use makes an entry stay, and setting it again does not make it count twice.
    results(&mut client, "cached", json!([["get", "a"], ["set", "c", 20_000, 60_000], ["set", "d", 20_000, 60_000]]));
    let long = || json!(20_000);
    assert_eq!(values(&mut client, ["a", "b", "c", "d"]), [long(), Value::Null, long(), long()]);
    results(&mut client, "cached", json!([["set", "large", 60_000, 60_000]]));
    assert_eq!(values(&mut client, ["a", "c", "d", "large"]), [Value::Null, Value::Null, Value::Null, json!(60_000)]);
}

fn entries_are_bounded_in_number(store: Store) {
    let folder = Folder::new(&[("cached", &asks("1GiB", "1h"))]);
    let mut client = store.serve(&folder);
    let result = client.call("cached", json!({"flood": 10_010, "bytes": 1}));
    assert_eq!(result["_meta"]["toolcell/receipt"]["cache"]["sets"], 10_010, "{result}");
    let found = values(&mut client, ["flood 0", "flood 9", "flood 20", "flood 10009"]);
    assert_eq!(found, [Value::Null, Value::Null, json!("x"), json!("x")]);
}

fn keys_are_told_apart_whatever_is_in_them(store: Store) {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let mut client = store.serve(&folder);
    let long = "k".repeat(512);
    let keys =
        ["total", "v", "vv", "s", "c", "{a}", "a:b", "a}:b", " ", "\0", "a\0", "é", "e\u{301}", "\r\n", "*", &long];
    let value = |key: &str| format!("of {:?}", &key[..key.len().min(3)]);
    let set: Vec<_> = keys.iter().map(|key| json!(["set", key, value(key), 60_000])).collect();
    results(&mut client, "cached", set.into());
    assert_eq!(values(&mut client, keys), keys.map(|key| json!(value(key))));
}

fn what_cannot_be_an_entry_is_refused(store: Store) {
    let folder = Folder::new(&[("cached", &asks("64KiB", "1h"))]);
    let mut client = store.serve(&folder);
    for (step, words) in [
        (json!(["set", "", "v", 1_000]), "its key has 0 bytes, and a key has 1 to 512"),
        (json!(["set", "k".repeat(513), "v", 1_000]), "its key has 513 bytes"),
        (json!(["set", "k", "v", 0]), "it has no time to live"),
        (json!(["set", "k", 65_536, 1_000]), "it takes 66049 bytes, and all the room there is has 65536"),
    ] {
        let result = client.call("cached", json!({"steps": [step]}));
        let error = &result["_meta"]["toolcell/error"];
        assert_eq!(error["code"], "invalid_entry", "{result}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(words)), "{result}");
    }
    let odd = json!([["get", ""], ["get", "k".repeat(513)], ["delete", ""], ["get", "k"]]);
    assert_eq!(results(&mut client, "cached", odd), json!([null, null, "deleted", null]));
}

const CALLS: usize = 10_000;

fn plugins_never_meet(store: Store) {
    let folder = Folder::new(&[]);
    // One's name begins as the other's does.
    for plugin in ["one", "one-e"] {
        folder.add_as(plugin, "cached", &format!("{}\ntools.prefix = \"{plugin}-\"", asks("1MiB", "1h")));
    }
    let mut client = store.serve(&folder);
    let (mut hits, mut waiting) = (0, BTreeMap::new());
    for number in 0..CALLS {
        let plugin = ["one", "one-e"][number % 2];
        let key = format!("key {}", number / 2 % 100);
        let steps = json!([["get", key], ["set", key, format!("{plugin}: {key}"), 60_000]]);
        let id = client.begin_call(&format!("{plugin}-cached"), json!({"steps": steps}));
        waiting.insert(id, format!("{plugin}: {key}"));
        while waiting.len() > 50 || (number + 1 == CALLS && !waiting.is_empty()) {
            let answer = client.read();
            let own = answer["id"].as_u64().and_then(|id| waiting.remove(&id)).expect("every answer is to a call");
            let found = &answer["result"]["structuredContent"]["results"][0];
            assert!(found.is_null() || found["value"] == own, "{own}: {answer}");
            hits += usize::from(!found.is_null());
        }
    }
    // Calls that run at once may all miss a key that none has set yet.
    assert!(hits > CALLS * 9 / 10, "{hits} hits in {CALLS} calls");
}

fn a_reload_keeps_what_a_new_room_has_room_for(store: Store) {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let mut client = store.serve(&folder);
    for key in ["first", "second"] {
        results(&mut client, "cached", json!([["set", key, 40_000, 60_000]]));
    }
    folder.add("cached", &asks("256KiB", "1h"));
    folder.lock();
    wait_for_room(&mut client, 256 << 10);
    assert_eq!(values(&mut client, ["first", "second"]), [json!(40_000), json!(40_000)]);
    folder.add("cached", &asks("64KiB", "1h"));
    folder.lock();
    wait_for_room(&mut client, 64 << 10);
    assert_eq!(values(&mut client, ["first", "second"]), [Value::Null, json!(40_000)]);
}

/// Waits until the plugin may keep so much and not more.
fn wait_for_room(client: &mut Client, bytes: u64) {
    let began = Instant::now();
    loop {
        let result = client.call("cached", json!({"steps": [["set", "large", bytes + 1, 60_000]]}));
        let message = result["_meta"]["toolcell/error"]["message"].as_str().unwrap_or_default();
        if message.ends_with(&format!("has {bytes}")) {
            return;
        }
        client.call("cached", json!({"steps": [["delete", "large"]]}));
        assert!(began.elapsed() < crate::client::PATIENCE, "{result}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// What a call failed with, and in which time.
fn failing(client: &mut Client) -> (Failed, Duration) {
    let began = Instant::now();
    let result = client.call("cached", json!({"steps": [["get", "k"]]}));
    (Failed::new(&result), began.elapsed())
}

#[test]
fn a_redis_that_is_stopped_and_started_again_is_found_again() {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let mut server = RedisServer::start(&[]);
    let mut client = serve(&folder, &server.url());
    results(&mut client, "cached", json!([["set", "k", "v", 60_000]]));
    assert_eq!(values(&mut client, ["k"]), ["v"]);
    for _ in 0..2 {
        server.stop();
        for _ in 0..3 {
            let (failed, took) = failing(&mut client);
            assert_eq!(failed.code, "cache_unreachable", "{}", failed.text);
            assert!(took < Duration::from_millis(900), "{took:?}");
        }
        server.start_again();
        // The very next call, and every one after it.
        assert_eq!(values(&mut client, ["k"]), [Value::Null]);
        results(&mut client, "cached", json!([["set", "k", "v", 60_000]]));
    }
    client.wait_for_log(&format!("WARN the cache at 127.0.0.1:{} cannot be used: ", server.port));
    // The log says no more than one thing in a second.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(values(&mut client, ["k"]), ["v"]);
    client.wait_for_log(&format!("INFO the cache at 127.0.0.1:{} answers again", server.port));

    // One that was restarted between two calls is no failure at all.
    server.stop();
    server.start_again();
    assert_eq!(values(&mut client, ["k"]), [Value::Null]);
}

#[test]
fn a_redis_that_does_not_answer_holds_nobody_up() {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let server = RedisServer::start(&[]);
    let mut client = serve(&folder, &server.url());
    results(&mut client, "cached", json!([["set", "k", "v", 60_000]]));
    server.signal(Signal::STOP);
    let ids: Vec<_> = (0..20).map(|_| client.begin_call("cached", json!({"steps": [["get", "k"]]}))).collect();
    let began = Instant::now();
    for id in ids {
        let failed = Failed::new(&client.end(id)["result"]);
        assert_eq!(failed.code, "cache_unreachable", "{}", failed.text);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    insta::assert_snapshot!("cache_mute", failing(&mut client).0.text);
    server.signal(Signal::CONT);
    assert_eq!(values(&mut client, ["k"]), ["v"]);
}

#[test]
fn a_host_starts_without_its_redis() {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h")), ("echo", "")]);
    let mut server = RedisServer::start(&[]);
    server.stop();
    let mut client = serve(&folder, &server.url());
    let result = client.call("echo", json!({"message": "hi"}));
    assert_eq!(result["structuredContent"], json!({"message": "hi"}), "{result}");
    assert_eq!(failing(&mut client).0.code, "cache_unreachable");
    server.start_again();
    assert_eq!(values(&mut client, ["k"]), [Value::Null]);
}

/// Neither the password nor the user is in any text.
#[test]
fn a_redis_that_lets_nobody_in_is_named() {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let server = RedisServer::start(&["--requirepass", "right-password"]);
    for login in ["", ":wrong-password@", "nobody:wrong-password@"] {
        let mut client = serve(&folder, &server.url().replace("redis://", &format!("redis://{login}")));
        let failed = failing(&mut client).0;
        insta::assert_snapshot!("cache_login", failed.text);
        assert!(!client.log().contains("password@") && !client.log().contains("wrong-password"), "{}", client.log());
    }
    let mut client = serve(&folder, &server.url().replace("redis://", "redis://:right-password@"));
    assert_eq!(values(&mut client, ["k"]), [Value::Null]);
}

#[test]
fn a_redis_without_memory_is_told_by_its_error() {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let server = RedisServer::start(&[]);
    let mut client = serve(&folder, &server.url());
    results(&mut client, "cached", json!([["set", "k", "v", 60_000]]));
    server.ask("CONFIG SET maxmemory 1");
    let result = client.call("cached", json!({"steps": [["set", "k", "new", 60_000]]}));
    insta::assert_snapshot!("cache_refused", Failed::new(&result).text);
    client.wait_for_log("OOM");
    // What was kept before is still there.
    assert_eq!(values(&mut client, ["k"]), ["v"]);
}

#[test]
fn a_variable_without_a_url_is_named_and_its_value_is_not() {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let mut client = serve(&folder, "secret-value");
    insta::assert_snapshot!("cache_no_url", failing(&mut client).0.text);
    assert!(!client.wait_for_log("CACHE_URL").contains("secret-value"));
    folder.write("values.env", "");
    let mut client = folder.serve_with(&["--locked", "--env-file", "values.env"]);
    insta::assert_snapshot!("cache_unset", failing(&mut client).0.text);
}

/// An operator finds what belongs to a plugin, and the server forgets what nobody asks for any more.
#[test]
fn what_a_plugin_has_in_redis_bears_its_name_and_goes_by_itself() {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h"))]);
    let server = RedisServer::start(&[]);
    let mut client = serve(&folder, &server.url());
    results(&mut client, "cached", json!([["set", "long", "v", 60_000], ["set", "short", "v", 100]]));
    for part in ["entries", "used", "ends"] {
        let left = server.ask(&format!("PTTL toolcell:cache:{{cached}}:{part}")).expect("Redis answers");
        let left: u64 = left.lines().next().and_then(|line| line.strip_prefix(':')?.parse().ok()).expect("a number");
        assert!((50_000..=60_000).contains(&left), "{part}: {left}");
    }
    // Somebody, or Redis itself where its memory is full, may remove any of them.
    for part in ["entries", "used", "ends"] {
        server.ask(&format!("DEL toolcell:cache:{{cached}}:{part}"));
        values(&mut client, ["long"]);
        results(&mut client, "cached", json!([["set", "long", "v", 60_000]]));
        assert_eq!(values(&mut client, ["long"]), ["v"], "without {part}");
    }
}

/// A client is told what a tool can still know of an earlier call.
#[test]
fn the_instructions_name_the_plugins_that_keep_something() {
    let folder = Folder::new(&[("cached", &asks("1MiB", "1h")), ("echo", "")]);
    let client = folder.lock().serve();
    assert!(client.instructions.contains("nothing is kept between calls, except in the caches of: cached."));
}

#[test]
pub fn what_many_calls_change_at_once_is_counted_right() {
    for store in [Store::Embedded, Store::redis()] {
        let folder = Folder::new(&[("atomics", &asks("1MiB", "1h"))]);
        let mut client = store.serve(&folder);
        let steps = json!({"steps": [["count", "calls", 25]]});
        let calls: Vec<_> = (0..12).map(|_| client.begin_call("atomics", steps.clone())).collect();
        for call in calls {
            let answer = client.end(call);
            assert_eq!(answer["result"]["structuredContent"], json!({"results": [null]}), "{answer}");
        }
        let steps = json!([["increment", "calls", 0], ["increment-draft", "calls swapped", 0]]);
        assert_eq!(results(&mut client, "atomics", steps), json!([300, 300]));
    }
}

fn a_value_is_swapped_only_where_nobody_changed_it(store: Store) {
    let folder = Folder::new(&[("atomics", &asks("64KiB", "1h"))]);
    let mut client = store.serve(&folder);
    let steps = json!([
        ["swap", "k", "one"],
        ["swap", "k", "two"],
        ["swap", "k", "three", "meanwhile"],
        ["swap", "new", "one", "meanwhile"],
        ["swap", "k", "four", "three"],
        ["increment", "number", -7],
        ["increment", "number", 10],
        ["increment-draft", "number", 1],
        ["increment", "k", 1],
        ["set", "number", i64::MAX.to_string()],
        ["increment", "number", 1],
        ["swap", "large", "x".repeat(64 << 10)],
        ["swap", "", "no key"],
    ]);
    let found = results(&mut client, "atomics", steps);
    let failed = "failed, then swapped";
    let expected = json!([[null], ["one"], ["two", failed], [null, failed], ["three"], -7, 3, 4]);
    assert_eq!(found.as_array().map(|found| &found[..8]), expected.as_array().map(|all| &all[..]), "{found}");
    for (index, says) in [
        (8, "the value of `k` is no number to which this can be added"),
        (10, "the value of `number` is no number to which this can be added"),
        (11, "and all the room there is has 65536"),
        (12, "its key has 0 bytes"),
    ] {
        assert!(found[index].as_str().is_some_and(|text| text.contains(says)), "{index}: {found}");
    }
}
