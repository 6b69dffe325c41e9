//! What observers are told: who calls, and who was refused.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{net::TcpListener, runtime::Runtime};
use toolcell::{
    auth::{Auth, Proofs, TokenFile},
    config::HttpConfig,
    host::Host,
    mcp::{
        self,
        http::{Ended, Listener, Shutdown},
    },
    observe::{ObservedCall, Observer, Refusal},
    plugin::{Environment, Registry, Sources, acceptance::State},
    policy::Policy,
    sandbox::{Sandbox, Settings},
};

use super::{exchange::exchange, folder, request};
use crate::folder::user;

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Seen {
    users: Mutex<Vec<String>>,
    refusals: Mutex<Vec<Refusal>>,
}

impl Observer for Seen {
    fn arrived(&self, call: &Arc<ObservedCall>) {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).push(call.user.name().to_owned());
    }

    fn refused(&self, refusal: &Refusal) {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(refusal.clone());
    }
}

#[test]
fn calls_have_their_user_and_refusals_their_reason() {
    let folder = folder("");
    let tokens = TokenFile::At(folder.plugins().with_file_name("tokens.toml"));
    let make = |name: &str| {
        let user = name.parse().expect("a name");
        let token = tokens.change(|list| list.add(user, None)).expect("it can be written").expect("random bits");
        format!("Bearer {}", token.reveal())
    };
    let (alice, bob) = (make("alice"), make("bob"));
    let runtime = Runtime::new().expect("a runtime starts");
    let (seen, shutdown) = (Arc::new(Seen::default()), Shutdown::default());
    let (port, server) = runtime.block_on(async {
        let sandbox = Arc::new(Sandbox::new(Settings { slots: 4, ..Settings::default() }).expect("a sandbox starts"));
        let sources = Sources {
            folder: folder.plugins(),
            policy: Policy::default(),
            state: State::at(&user().join("state/toolcell")).expect("the folder is ours"),
            environment: Environment::default(),
            locked: true,
        };
        let registry = Registry::start(sources, Arc::clone(&sandbox)).await.expect("the folder can be read");
        registry.complete().await.expect("its plugins are loaded");
        let host = Arc::new(Host::new(registry, sandbox));
        host.observe(Arc::clone(&seen) as Arc<dyn Observer>);
        let proofs = Proofs { tokens: Some(TokenFile::At(tokens.path())), ..Proofs::default() };
        let auth = Arc::new(Auth::start(proofs).expect("the tokens are good"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (listeners, shutdown, config) = (vec![Listener::Tcp(listener)], shutdown.clone(), HttpConfig::default());
        let serve = async move { mcp::serve_http(host, listeners, auth, &config, None, &shutdown).await };
        (port, tokio::spawn(serve))
    });
    for token in [&alice, &bob, &alice] {
        exchange(port, "POST", "/mcp", &[("Authorization", token)], &request().to_string()).is_answered();
    }
    let refused = exchange(port, "POST", "/mcp", &[("Authorization", "Bearer tc_x")], &request().to_string());
    refused.is_refused(401, "invalid_token");
    shutdown.begun.cancel();
    assert_eq!(runtime.block_on(server).expect("it ends"), Ended::Drained);

    assert_eq!(*seen.users.lock().unwrap_or_else(PoisonError::into_inner), ["alice", "bob", "alice"]);
    let refusals = seen.refusals.lock().unwrap_or_else(PoisonError::into_inner);
    let [refusal] = &refusals[..] else { panic!("one refusal, not {refusals:?}") };
    assert_eq!((refusal.code, refusal.address), ("unknown-token", Some([127, 0, 0, 1].into())));
    assert_eq!(refusal.what, "the token is not known: mistyped, or revoked");
}
