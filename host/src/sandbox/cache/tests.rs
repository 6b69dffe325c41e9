//! The embedded store and who gets which. What holds for both stores is in the end-to-end tests, with a real Redis.

use std::thread;

use super::*;

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
    let embedded = |plugin, room| match caches.of(plugin, room).store {
        Store::Embedded(embedded) => embedded,
        Store::Redis(..) => panic!("there is none"),
    };
    let (one, other) = (embedded("one", room(64)), embedded("other", room(64)));
    set(&one, "k", 10);
    assert_eq!(other.get("k"), None);
    assert!(Arc::ptr_eq(&one, &embedded("one", room(64))), "the same for who asks again");
    let larger = embedded("one", room(128));
    assert!(larger.get("k").is_some() && !Arc::ptr_eq(&one, &larger));
    drop((one, larger));
    assert_eq!(embedded("one", room(128)).get("k"), None, "nobody kept it");
    assert_eq!(caches.embedded.lock().expect("nothing panics with the lock").len(), 2);
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
        "unix:///tmp/redis",
        "rediss://cache.example#insecure",
        "redis://a/b",
    ] {
        assert_eq!(Redis::at(bad).err(), Some(InvalidRedisUrl), "{bad}");
    }
}
