//! An authorization server on this machine: its metadata and its keys, and a switch for being down.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use crate::{
    signing::SigningKey,
    upstream::{Upstream, read_head},
};

pub struct Issuer {
    server: Upstream,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    keys: Vec<Value>,
    is_down: bool,
    asked: Vec<String>,
}

impl Issuer {
    /// Publishes these keys.
    pub fn with(keys: &[&SigningKey]) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let answers = Arc::clone(&state);
        let server = Upstream::handling(move |mut connection| {
            let Ok(address) = connection.local_addr() else { return };
            let Some(request) = read_head(&mut connection) else { return };
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut state = answers.lock().unwrap_or_else(PoisonError::into_inner);
            state.asked.push(path.clone());
            let url = format!("http://{address}");
            let body = match path.as_str() {
                // Dropping the connection is what a server that goes down does.
                _ if state.is_down => return,
                "/.well-known/openid-configuration" => {
                    Some(json!({"issuer": url, "jwks_uri": format!("{url}/keys"), "authorization_endpoint": url}))
                }
                "/keys" => Some(json!({"keys": state.keys})),
                _ => None,
            };
            drop(state);
            let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
            let body = body.unwrap_or_default().to_string();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = connection.write_all(format!("{head}{body}").as_bytes());
        });
        let issuer = Self { server, state };
        issuer.publish(keys);
        issuer
    }

    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// Publishes these keys in place of those before.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.state().keys = keys.iter().map(|key| key.jwk()).collect();
    }

    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// The paths that were asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
