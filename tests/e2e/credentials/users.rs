//! Each user's own value, in one process.

use std::sync::Arc;

use serde_json::json;
use tokio::runtime::Runtime;
use toolcell::{
    call::Call,
    env_file::EnvFile,
    host::Host,
    plugin::{Environment, Registry, Sources, acceptance::State},
    policy::{Credential, Policy, credential_header, credential_server},
    sandbox::{Credentials, Sandbox, Settings},
    source::Source,
    user::User,
};

use super::{ASKS, echo::Echo};
use crate::folder::{Folder, user};

async fn host(folder: &Folder, server: &Echo) -> Host {
    let credential = Credential {
        server: credential_server("api.example.com").expect("a server"),
        header: credential_header("Authorization").expect("a header field"),
        value: "Bearer ${API_TOKEN}".parse().expect("a template"),
        plugins: None,
    };
    let upstream = format!("https://api.example.com=http://127.0.0.1:{}", server.port());
    let settings = Settings {
        slots: 8,
        upstreams: [upstream.parse().expect("a good value")].into_iter().collect(),
        credentials: Credentials::new(vec![credential], |_| Some("the-hosts-own".to_owned())),
        ..Settings::default()
    };
    let sandbox = Arc::new(Sandbox::new(settings).expect("a sandbox starts"));
    let sources = Sources {
        folder: folder.plugins(),
        policy: Policy::default(),
        state: State::at(&user().join("state/toolcell")).expect("the folder is ours"),
        environment: Environment::default(),
        locked: true,
    };
    Host::new(Registry::open(sources, Arc::clone(&sandbox)).await.expect("the folder is there"), sandbox)
}

#[test]
fn each_user_sends_their_own_and_sees_nobodys() {
    let (folder, server) = (Folder::new(&[("fetches", ASKS)]), Echo::start());
    folder.lock();
    Runtime::new().expect("a runtime starts").block_on(async {
        let host = host(&folder, &server).await;
        for (name, values, sent) in [
            ("alice", "API_TOKEN=alice-0123456789", "alice-0123456789"),
            ("bob", "API_TOKEN=bob-0123456789", "bob-0123456789"),
            ("carol", "", "the-hosts-own"),
            ("alice", "API_TOKEN=alice-new-0123456789", "alice-new-0123456789"),
        ] {
            let values = EnvFile::parse(&Source { file: ".env", text: values }).expect("good lines");
            let call = Call { user: Arc::new(User::new(name, values)), ..Call::detached() };
            let json = json!({"url": "https://api.example.com/echo"});
            let outcome = host.call("fetches", json.as_object().cloned().unwrap_or_default(), call).await;
            let outcome = outcome.expect("there is such a tool");
            assert!(server.last().contains(&format!("\r\nauthorization: Bearer {sent}\r\n")), "{name}");
            let body = outcome.result.expect("it answers").structured.expect("it is structured")["body"].to_string();
            assert!(body.ends_with(&format!("bare {}\"", "*".repeat(sent.len()))), "{name}: {body}");
        }
    });
}
