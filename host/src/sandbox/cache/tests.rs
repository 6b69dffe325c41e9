//! The embedded store and who gets which. What holds for both stores is in the end-to-end tests, with a real Redis.

use std::thread;

use super::*;
use crate::env_file::EnvFile;

fn room(kib: u64) -> CacheRoom {
    CacheRoom { max: kib << 10, ttl_max: Duration::from_hours(1) }
}

const LONG: Duration = Duration::from_mins(1);

fn set(cache: &Embedded, key: &str, bytes: usize) {
    cache.set(key.to_owned(), vec![0; bytes], LONG);
}

#[test]
fn the_room_is_never_exceeded_once_a_set_is_done() {
    let cache = Embedded::new(room(1_024));
    for number in 0..20_000 {
        set(&cache, &number.to_string(), 10);
        assert!(cache.held().0 <= 1 << 20 && cache.held().1 <= MAX_ENTRIES, "{number}: {:?}", cache.held());
    }
    assert!(cache.held().1 > 1_900, "{:?}", cache.held());
    // One that takes all the room, in place of thousands.
    set(&cache, "large", (1 << 20) - 600);
    assert_eq!(cache.held().1, 1);
    assert!(cache.get("large").is_some());
}

#[test]
fn the_room_holds_when_many_set_at_once() {
    let cache = Embedded::new(room(1_024));
    thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for number in 0..2_000_usize {
                    set(cache, &format!("{thread} {}", number % 300), number % 7 * 5_000);
                    cache.get(&format!("{} {}", (thread + 1) % 4, number % 300));
                }
            });
        }
    });
    assert!(cache.held().0 <= 1 << 20, "{:?}", cache.held());
    assert!(cache.held().0 > 900 << 10, "{:?}", cache.held());
}

#[test]
fn small_entries_are_bounded_by_their_number() {
    let cache = Embedded::new(room(64 << 10));
    for number in 0..MAX_ENTRIES + 500 {
        set(&cache, &number.to_string(), 1);
    }
    assert!((MAX_ENTRIES - 1..=MAX_ENTRIES).contains(&cache.held().1), "{:?}", cache.held());
}

#[test]
fn entries_that_move_keep_their_age_and_not_more_time_than_the_new_room_allows() {
    let cache = Embedded::new(room(64));
    set(&cache, "k", 10);
    cache.set("over".to_owned(), vec![0], Duration::from_millis(20));
    thread::sleep(Duration::from_millis(50));
    let moved = cache.moved_to(CacheRoom { ttl_max: Duration::from_millis(200), ..room(64) });
    assert!(moved.get("k").is_some_and(|entry| entry.age >= Duration::from_millis(50)));
    assert_eq!(moved.held().1, 1);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(moved.get("k"), None);
}

#[test]
fn a_cache_is_the_plugins_own_and_ends_with_it() {
    let caches = Caches::new(None);
    let serving = |plugin, room| match caches.of(plugin, room, false).stores {
        Stores::Embedded(rooms) => rooms,
        Stores::Redis(..) => panic!("there is none"),
    };
    let local = User::local();
    let (one, other) = (serving("one", room(64)), serving("other", room(64)));
    set(&one.of(&local), "k", 10);
    assert_eq!(other.of(&local).get("k"), None);
    assert!(Arc::ptr_eq(&one, &serving("one", room(64))), "the same for who asks again");
    let larger = serving("one", room(128));
    assert!(larger.of(&local).get("k").is_some() && !Arc::ptr_eq(&one, &larger));
    drop((one, larger));
    assert_eq!(serving("one", room(128)).of(&local).get("k"), None, "nobody kept it");
    assert_eq!(caches.embedded.lock().expect("nothing panics with the lock").len(), 2);
}

fn user(name: &str) -> User {
    User::new(name, EnvFile::default())
}

#[test]
fn each_user_has_a_cache_of_their_own_which_a_reload_keeps() {
    let caches = Caches::new(None);
    let rooms = |kib| match caches.of("plugin", room(kib), false).stores {
        Stores::Embedded(rooms) => rooms,
        Stores::Redis(..) => panic!("there is none"),
    };
    let before = rooms(64);
    let users = [user("alice"), user("bob"), user(User::LOCAL)];
    for (index, user) in users.iter().enumerate() {
        assert_eq!(before.of(user).get("k"), None, "{user:?}");
        set(&before.of(user), "k", index + 1);
    }
    // The same name is the same user, whoever made the value.
    assert_eq!(before.of(&user("alice")).get("k").map(|entry| entry.value.len()), Some(1));
    let after = rooms(128);
    for (index, user) in users.iter().enumerate() {
        assert_eq!(after.of(user).get("k").map(|entry| entry.value.len()), Some(index + 1), "{user:?}");
    }
}

#[test]
fn users_of_a_plugin_do_not_take_more_memory_than_eight_rooms() {
    let rooms = Rooms::new(room(64));
    let fill = |user: &User| (0..100).for_each(|number| set(&rooms.of(user), &format!("{number}"), 10_000));
    let held = |user: &User| rooms.of(user).held().1;
    let (local, idle) = (user(User::LOCAL), user("idle"));
    set(&rooms.of(&local), "k", 10);
    set(&rooms.of(&idle), "k", 10);
    let greedy: Vec<_> = (0..20).map(|number| user(&format!("user {number}"))).collect();
    for user in &greedy {
        fill(user);
        assert!(held(user) >= 5, "whoever calls has all the room");
    }
    let all: u64 = greedy.iter().rev().take(8).map(|user| rooms.of(user).held().0).sum();
    assert!(all <= 8 * (64 << 10) && all > 6 * (64 << 10), "{all}");
    assert_eq!((held(&greedy[0]), held(&idle), held(&local)), (0, 0, 1), "who came first goes first");

    let many = Rooms::new(room(64));
    let known = |name: String| set(&many.of(&user(&name)), "k", 1);
    (0..300).for_each(|number| known(number.to_string()));
    assert_eq!([44, 299, 43, 0].map(|number| many.of(&user(&number.to_string())).held().1), [1, 1, 0, 0]);
}

#[test]
fn one_user_who_keeps_much_makes_nobody_elses_go() {
    let rooms = Rooms::new(room(64));
    let (alice, bob) = (user("alice"), user("bob"));
    set(&rooms.of(&bob), "k", 10);
    (0..1_000).for_each(|number| set(&rooms.of(&alice), &format!("{number}"), 10_000));
    assert!(rooms.of(&bob).get("k").is_some());
}

#[test]
fn the_names_in_redis_are_the_users_alone() {
    let names = |plugin, name| Keys::of(plugin, &user(name)).0;
    assert_eq!(names("p", User::LOCAL)[0], "toolcell:cache:{p}:entries");
    assert_eq!(names("p", "alice@example.com")[0], "toolcell:cache:{p/alice@example.com}:entries");
    assert_eq!(names("p", "a}:b/c%{å ")[0], "toolcell:cache:{p/a%7D%3Ab%2Fc%25%7B%C3%A5%20}:entries");
    let differ = [("p", "a"), ("p", "A"), ("p", "a/b"), ("p", "a%2Fb"), ("a", "p"), ("p", User::LOCAL)];
    let differ: std::collections::BTreeSet<_> = differ.map(|(plugin, name)| names(plugin, name)).into();
    assert_eq!(differ.len(), 6);
}

#[test]
fn a_redis_is_named_without_user_or_password() {
    let redis = Redis::at("rediss://user:password@cache.example:6380/1").expect("it is a URL");
    assert_eq!(format!("{redis:?}"), "Redis(Ok(\"cache.example:6380\"))");
    assert_eq!(format!("{:?}", Redis::at("valkey://[::1]/").expect("it is a URL")), "Redis(Ok(\"[::1]:6379\"))");
    for bad in [
        "",
        "cache.example",
        "http://cache.example",
        "unix:///run/redis",
        "rediss://cache.example#insecure",
        "redis://a/b",
    ] {
        assert_eq!(Redis::at(bad).err(), Some(InvalidRedisUrl), "{bad}");
    }
}
