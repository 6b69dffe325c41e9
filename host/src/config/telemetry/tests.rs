use super::*;
use crate::{config::Config, receipt::Server};

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(&Source { file: "toolcell.toml", text }).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_written_is_off() {
    let config = parse("").expect("it is good");
    assert_eq!((config.metrics, config.otlp), (MetricsConfig::default(), OtlpConfig::default()));
    assert_eq!(OtlpConfig::default().propagate, Propagate::ToNone);
}

#[test]
fn a_full_section_means_what_it_says() {
    let config = parse(
        r#"
        [metrics]
        listen = "[::1]:9464"
        users = true

        [otlp]
        endpoint = "https://collector.example/otlp"
        users = true
        propagate = ["https://api.example.com", "http://127.0.0.1:8080"]
        "#,
    );
    let Config { metrics, otlp, .. } = config.expect("it is good");
    assert_eq!((metrics.listen, metrics.users), (Some("[::1]:9464".parse().expect("an address")), true));
    assert_eq!((otlp.endpoint.as_deref(), otlp.users), (Some("https://collector.example/otlp"), true));
    let server = |scheme: &str, host: &str, port| Server { scheme: scheme.to_owned(), host: host.to_owned(), port };
    for (server, is_told) in [
        (server("https", "api.example.com", 443), true),
        (server("http", "127.0.0.1", 8080), true),
        (server("http", "api.example.com", 80), false),
        (server("https", "www.example.com", 443), false),
    ] {
        assert_eq!(otlp.propagate.tells(&server), is_told, "{server}");
    }
    let propagate = |value: &str| parse(&format!("otlp.propagate = {value}")).map(|config| config.otlp.propagate);
    assert_eq!((propagate("true"), propagate("false")), (Ok(Propagate::ToAll), Ok(Propagate::ToNone)));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, place, expected) in [
        (
            "[metrics]\nlisten = \"localhost\"",
            "2:10",
            "\"localhost\" is not an address with a port, such as \"127.0.0.1:9464\"",
        ),
        ("[metrics]\naddress = \"127.0.0.1:1\"", "2:1", "address"),
        ("[otlp]\nendpoint = \"collector:4318\"", "2:12", "expected the URL of a collector"),
        ("[otlp]\nendpoint = \"https://me:secret@a.example\"", "2:12", "the endpoint names a user"),
        ("[otlp]\nendpoint = \"https://a.example/?key=secret\"", "2:12", "the endpoint has a query"),
        ("[otlp]\npropagate = [\"https://a.example\", \"b.example\"]", "2:35", "b.example"),
        (
            "[otlp]\npropagate = \"https://a.example\"",
            "2:13",
            "a list of servers, such as [\"https://api.example.com\"]",
        ),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.starts_with(&format!("toolcell.toml:{place}: ")) && error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
