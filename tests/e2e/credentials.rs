//! Credentials that the host adds to requests: where they go, where they do not, and that nobody gets to see them.

mod commands;
mod echo;
mod users;

use serde_json::{Value, json};

use self::echo::Echo;
use crate::{client::Client, failure::Failed, folder::Folder};

/// Of letters that JSON, URLs and HTML write in different ways.
pub const TOKEN: &str = "ghp_0123456789/+=&abcdefXYZ";

/// Asks for the server of the credential and for others that must not get it.
pub const ASKS: &str = "capabilities.network = [\"https://api.example.com\", \"https://api.example.com:8443\", \
                        \"http://api.example.com\", \"https://other.example.com\"]";
const BOTH: [&str; 2] = ["fetches", "wasihttp"];

/// A folder whose toolcell.toml has a credential for `api.example.com`, made of `API_TOKEN`.
pub fn folder(guests: &[(&str, &str)], more: &str) -> Folder {
    let folder = Folder::new(guests);
    let credential = "[credentials.\"api.example.com\"]\nheader = \"Authorization\"\nvalue = \"Bearer ${API_TOKEN}\"\n";
    folder.write("toolcell.toml", &format!("{credential}{more}"));
    folder.lock();
    folder
}

/// Serves the folder, with this server in place of all that [`ASKS`] names.
fn serve(folder: &Folder, server: &Echo, token: &str) -> Client {
    folder.write("values.env", &format!("API_TOKEN={token}\n"));
    let mut options = vec!["--locked".to_owned(), "--env-file=values.env".to_owned(), "--verbose".to_owned()];
    for original in [
        "https://api.example.com",
        "https://api.example.com:8443",
        "http://api.example.com",
        "https://other.example.com",
    ] {
        options.push(format!("--upstream={original}=http://127.0.0.1:{}", server.port()));
    }
    folder.serve_with(&options.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Fails where anything that the client or its log was told holds the token in a form that can be read back.
fn is_kept(client: &Client, answers: &[Value]) {
    let told = format!("{answers:?} {:?} {}", client.notifications, client.log());
    for form in
        [TOKEN, "MDEyMzQ1Njc4OS8rPSZhYmNkZWZYWV", "ghp_0123456789%2F%2B%3D%26abcdefXYZ", "ghp_0123456789\\\\/+="]
    {
        assert!(!told.contains(form), "{form}: {told}");
    }
}

#[test]
fn a_credential_goes_to_its_server_and_nowhere_else() {
    let server = Echo::start();
    for guest in BOTH {
        let folder = folder(&[(guest, ASKS)], "");
        let mut client = serve(&folder, &server, TOKEN);
        for (url, is_added) in [
            ("https://api.example.com/nothing", true),
            ("https://API.example.com.:443/nothing", true),
            ("https://api.example.com:8443/nothing", false),
            ("http://api.example.com/nothing", false),
            ("https://other.example.com/nothing", false),
        ] {
            let result = client.call(guest, json!({"url": url}));
            let request = server.last();
            assert_eq!(request.matches(TOKEN).count(), usize::from(is_added), "{url}: {request}");
            assert_eq!(request.contains("\r\nauthorization: Bearer "), is_added, "{url}: {request}");
            let noted = &result["_meta"]["toolcell/receipt"]["exchanges"][0]["credential"];
            assert_eq!(noted, &if is_added { json!("api.example.com") } else { Value::Null }, "{url}: {result}");
        }
    }
}

#[test]
fn a_guest_cannot_put_its_own_beside_it() {
    let server = Echo::start();
    let folder = folder(&[("fetches", ASKS)], "");
    let mut client = serve(&folder, &server, TOKEN);
    let headers = json!([
        ["authorization", "mine"],
        ["Authorization", "mine"],
        ["Accept-Encoding", "gzip"],
        ["Range", "bytes=0-3"]
    ]);
    client.call("fetches", json!({"url": "https://api.example.com/nothing", "headers": headers}));
    let request = server.last();
    let fields: Vec<_> =
        request.lines().filter(|line| line.contains("authorization") || line.contains("mine")).collect();
    assert_eq!(fields, [format!("authorization: Bearer {TOKEN}")]);
    assert!(request.contains("\r\naccept-encoding: identity\r\n") && !request.contains("range"), "{request}");
}

#[test]
fn what_a_server_echoes_reaches_nobody() {
    let server = Echo::start();
    for guest in BOTH {
        let folder = folder(&[(guest, ASKS)], "");
        let mut client = serve(&folder, &server, TOKEN);
        for path in ["echo", "bytes"] {
            let result = client.call(guest, json!({"url": format!("https://api.example.com/{path}")}));
            let body = result["structuredContent"]["body"].as_str().expect("an answer");
            let masked = "*".repeat(TOKEN.len());
            assert!(body.contains(&format!("Bearer {masked}")) && body.ends_with(&format!("bare {masked}")), "{body}");
            // A server may have been told elsewhere, and tell it where no credential goes.
            let later =
                client.call(guest, json!({"url": format!("https://other.example.com/say/{}", echo::hex(TOKEN))}));
            assert_eq!(later["structuredContent"]["body"], masked, "{later}");
            is_kept(&client, &[result, later]);
        }
    }
}

#[test]
fn a_redirect_is_a_request_of_its_own() {
    let server = Echo::start();
    let folder = folder(&[("fetches", ASKS)], "");
    let mut client = serve(&folder, &server, TOKEN);
    let result = client.call("fetches", json!({"url": "https://api.example.com/redirect", "follow": true}));
    assert_eq!(result["structuredContent"]["status"], 200, "{result}");
    let request = server.last();
    assert!(request.starts_with(&format!("GET /nothing?t={} HTTP/1.1\r\n", "*".repeat(TOKEN.len()))), "{request}");
    assert!(request.contains("host: other.example.com") && !request.contains("authorization"), "{request}");
    is_kept(&client, &[result]);
}

/// By whatever way a guest came by it.
#[test]
fn what_a_guest_says_is_looked_through() {
    let server = Echo::start();
    let guests = ["echo", "panics", "logs", "progresses"].map(|guest| (guest, ASKS));
    let all = folder(&guests, "");
    let mut client = serve(&all, &server, TOKEN);
    let message = json!({"message": format!("a {TOKEN} b")});
    let masked = format!("a {} b", "*".repeat(TOKEN.len()));
    let echoed = client.call("echo", message.clone());
    assert_eq!(echoed["structuredContent"]["message"], masked, "{echoed}");
    let panicked = client.call("panics", message.clone());
    assert!(Failed::new(&panicked).text.contains(&masked), "{panicked}");
    let logged = client.call("logs", message.clone());
    client.wait_for_log(&masked);
    let params = json!({"name": "progresses", "arguments": message, "_meta": {"progressToken": "p"}});
    let reported = client.request("tools/call", params);
    assert!(client.notifications.iter().any(|it| it["params"]["message"] == masked), "{:?}", client.notifications);
    is_kept(&client, &[echoed, panicked, logged, reported]);

    // What the guest says by itself is the secret here.
    let words = folder(&[("toolerror", ASKS)], "");
    let failed = Failed::new(&serve(&words, &server, "There is no story 42.").call("toolerror", json!({})));
    assert!(failed.text.starts_with("*********************.\n"), "{}", failed.text);
}

#[test]
fn a_credential_that_cannot_be_made_is_told_with_its_variable() {
    let server = Echo::start();
    let call = |token: &str| {
        let folder = folder(&[("fetches", ASKS)], "");
        let mut client = serve(&folder, &server, token);
        let failed =
            Failed::new(&client.call("fetches", json!({"url": "https://api.example.com/nothing", "crash": true})));
        assert_eq!(failed.code, "missing_variable");
        assert!(!client.log().contains("hunter2"), "{}", client.log());
        failed.text
    };
    insta::assert_snapshot!("credential_unset", call(""));
    insta::assert_snapshot!("credential_too_short", call("hunter2"));
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn a_server_that_takes_no_credential_is_told_with_its_variable() {
    let server = Echo::start();
    let folder = folder(&[("fetches", ASKS)], "");
    let mut client = serve(&folder, &server, TOKEN);
    let mut said = |path: &str| {
        let result = client.call("fetches", json!({"url": format!("https://api.example.com/{path}")}));
        assert_eq!(result["isError"], false, "{result}");
        result["content"].as_array().expect("a list").last().expect("a part")["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    insta::assert_snapshot!("credential_refused", said("status/401"));
    assert!(!said("status/403").contains("The host saw"), "it may be so for good reasons");
    let encoded = client.call("fetches", json!({"url": "https://api.example.com/gzip"}));
    insta::assert_snapshot!("credential_encoded", Failed::new(&encoded).text);
}

#[test]
fn only_the_plugins_that_are_named_get_it() {
    let server = Echo::start();
    let anywhere = "capabilities.network = [\"https://*\"]";
    for (more, expected) in [
        ("", [true, false]),
        ("plugins = [\"wasihttp\"]\n", [false, true]),
        ("plugins = [\"fetches\"]\n", [true, false]),
    ] {
        let folder = folder(&[("fetches", ASKS), ("wasihttp", anywhere)], more);
        folder.edit_lock(|_, entries| {
            for entry in entries.values_mut() {
                let any = std::mem::take(&mut entry.declined.network);
                entry.granted.network.extend(any);
            }
        });
        let mut client = serve(&folder, &server, TOKEN);
        let got = BOTH.map(|guest| {
            client.call(guest, json!({"url": "https://api.example.com/nothing"}));
            server.last().contains(TOKEN)
        });
        assert_eq!(got, expected, "{more}");
    }
}
