use std::time::Duration;

use super::*;
use crate::policy::{Access, CacheRoom, Capabilities, Folders, Grant, PluginName};

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(&Source { file: "toolcell.toml", text }).map_err(|error| error.to_string())
}

fn folders(folders: &[(&str, Access)]) -> Folders {
    folders.iter().map(|(path, access)| (path.parse().expect("a path"), *access)).collect()
}

const FULL: &str = r#"
[limits]
memory = "128MiB"

[network]
allow = ["https://*"]
deny = ["https://evil.example"]

[cache]
redis-url-env = "CACHE_URL"
max = "8MiB"

[sandbox]
memory = "4GiB"
slots = 200

[plugins.fetch]
network = ["https://*.wikipedia.org"]
env = []
postgres = ["events"]
files = [{ path = "data" }]
disable = ["post"]

[http]
hosts = ["Tools.Example.com"]
origins = ["https://app.example.com"]
body = "4MiB"
sessions = 10
drain-delay = "5s"

[http.tls]
certificate = "cert.pem"
key = "/k/key.pem"

[postgres.replica]
url-env = "REPLICA_URL"
ca-file = "ca.pem"
connections = 2

[postgres.events]
url-env = "EVENTS_URL"

[plugins.old]
enabled = false

[plugins.pure]
cache = false

[plugins.public]
cache = "shared"

[plugins.own]
cache = true
"#;

#[test]
fn a_full_file_narrows_as_it_says() {
    let config = parse(FULL).expect("the file is good");
    assert_eq!(config.redis_url, Some("CACHE_URL".parse().expect("a name")));
    assert_eq!(config.sandbox, SandboxConfig { memory: Some(4 << 30), slots: Some(200) });
    let database = |name: &str| &config.postgres[&name.parse().expect("a name")];
    let replica = database("replica");
    assert_eq!((replica.url_env.as_str(), replica.connections), ("REPLICA_URL", 2));
    assert_eq!(replica.ca_file.as_deref(), Some(Path::new("ca.pem")));
    assert_eq!((database("events").connections, &database("events").ca_file), (8, &None));
    let http = &config.http;
    assert_eq!(http.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tools.example.com"]);
    assert_eq!((http.origins.len(), http.body, http.sessions), (1, 4 << 20, 10));
    assert_eq!((http.drain_delay, http.drain), (Duration::from_secs(5), Duration::from_secs(30)));
    let tls = http.tls.clone().expect("it is configured").beside(Path::new("etc"));
    assert_eq!((tls.certificate.as_path(), tls.key.as_path()), (Path::new("etc/cert.pem"), Path::new("/k/key.pem")));
    let asked = Capabilities {
        network: ["https://en.wikipedia.org", "https://evil.example", "http://plain.example"]
            .map(|rule| rule.parse().expect("a rule"))
            .into(),
        env: ["TOKEN".parse().expect("a name")].into(),
        cache: Some(CacheRoom { max: 16 << 20, ttl_max: Duration::from_mins(1) }),
        postgres: ["replica".parse().expect("a name")].into(),
        files: folders(&[("data", Access::ReadWrite), ("docs", Access::Read)]),
        ..Capabilities::default()
    };
    let narrow = |name: &str| {
        let name: PluginName = name.parse().expect("a name");
        config.policy.narrow(&name, Grant::everything(&asked))
    };
    let fetch = narrow("fetch").expect("it is enabled");
    assert_eq!(fetch.network().iter().map(ToString::to_string).collect::<Vec<_>>(), ["https://en.wikipedia.org"]);
    assert!(fetch.env().is_empty() && fetch.postgres().is_empty());
    assert_eq!(fetch.files(), &folders(&[("data", Access::Read)]));
    assert_eq!(fetch.cache(), Some(CacheRoom { max: 8 << 20, ttl_max: Duration::from_mins(1) }));
    let shared = |name| narrow(name).expect("it is enabled").shares_cache();
    assert!(shared("public") && !shared("own") && !shared("fetch"));
    assert_eq!(narrow("pure").expect("it is enabled").cache(), None);
    assert_eq!(fetch.limits().memory, 128 << 20);
    assert!(config.policy.disables(&"fetch".parse().expect("a name"), "post"));
    assert_eq!(narrow("other").expect("it is enabled").env().len(), 1);
    assert!(narrow("old").is_err());
}

#[test]
fn an_empty_file_is_as_good_as_none() {
    assert_eq!(parse(""), Ok(Config::default()));
}

#[test]
fn only_a_named_file_has_to_exist() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(Config::load(None, dir.path()), Ok(Config::default()));
    let path = dir.path().join("other.toml");
    assert!(Config::load(Some(&path), dir.path()).is_err());
    fs::write(&path, FULL).expect("a file");
    assert_eq!(Config::load(Some(&path), dir.path()).map_err(|error| error.to_string()), parse(FULL));
    fs::write(dir.path().join(Config::FILE), "x = 1").expect("a file");
    assert!(Config::load(None, dir.path()).is_err());
}

#[test]
fn errors_say_where_and_what_was_expected() {
    for (text, expected) in [
        ("[network]\ndenied = []", "2:1: unknown key \"denied\"; did you mean \"deny\"?"),
        ("[network]\ndeny = [\"x\"]", "2:9: network rule \"x\" has no scheme; write \"https://x\""),
        (
            "[plugins.Fetch]",
            "1:10: \"Fetch\" cannot name a plugin; expected 1 to 48 of a-z, 0-9 and `-`, not starting with `-`",
        ),
        ("[plugins.x]\ncache = \"share\"", "2:9: cache has to be true, false, or \"shared\" to let all users share it"),
        ("[plugins.x]\nenabled = \"no\"", "2:11: invalid type: string \"no\", expected a boolean"),
        (
            "[cache]\nredis-url-env = \"redis://:secret@cache.example\"",
            "2:17: expected the name of the variable that holds the URL, such as \"CACHE_URL\", and not the URL itself",
        ),
        ("[cache]\nredis-url = \"x\"", "2:1: unknown key \"redis-url\"; did you mean \"redis-url-env\"?"),
        (
            "[cache]\nttl-max = \"1\"",
            "2:11: \"1\" is not a duration; write a whole number and ms, s, m or h, such as \"30s\"",
        ),
        ("[sandbox]\nslots = 0", "2:9: slots has to be a number from 1 to 10000"),
        ("[postgres.replica]\nurl = \"x\"", "2:1: unknown key \"url\"; did you mean \"url-env\"?"),
        (
            "[postgres.replica]\nurl-env = \"postgres://u:secret@h\"",
            "2:11: expected the name of the variable that holds the URL, such as \"REPLICA_URL\", and not the URL itself",
        ),
        ("[postgres.replica]\nurl-env = \"U\"\nconnections = 0", "3:15: connections has to be a number from 1 to 64"),
        (
            "[http]\nhosts = [\"https://tools.example.com\"]",
            "2:10: \"https://tools.example.com\" is not the name of a host; write the name that clients use, such as \
             \"tools.example.com\", with a port where only that is meant",
        ),
        (
            "[http]\norigins = [\"app.example.com\"]",
            "2:12: \"app.example.com\" is not an origin; write scheme, host and port alone, such as \
             \"https://app.example.com\"",
        ),
        ("[http]\nbody = \"1KiB\"", "2:8: the body of a request can be given 4KiB to 256MiB"),
        ("[http]\nsessions = 0", "2:12: sessions has to be a number from 1 to 1000000"),
        (
            "[http]\ndrain = \"long\"",
            "2:9: \"long\" is not a duration; write a whole number and ms, s, m or h, such as \"30s\"",
        ),
        ("[http]\nhost = []", "2:1: unknown key \"host\"; did you mean \"hosts\"?"),
        ("[http.tls]\ncertificate = \"a.pem\"", "1:1: missing key `key`"),
        ("[sandbox]\nmemory = \"1MiB\"", "2:10: memory for all instances has to be at least 64MiB"),
    ] {
        assert_eq!(parse(text), Err(format!("toolcell.toml:{expected}")));
    }
}
