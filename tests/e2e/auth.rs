//! Who may call over HTTP: the real binary with tokens, with access tokens of an issuer, behind a gateway.

mod clients;
mod exchange;
mod gateway;
mod oauth;
mod observed;
mod tokens;

use exchange::{Answer, exchange};
use serde_json::{Value, json};

use crate::{client::Client, folder::Folder};

/// A server over HTTP, and the port that it listens at.
struct Server {
    process: Client,
    port: u16,
}

impl Server {
    /// Serves the folder as its toolcell.toml says.
    fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[])
    }

    fn start_with(folder: &Folder, environment: &[(&str, &str)]) -> Self {
        let mut command = folder.toolcell();
        command.args(["serve", "--locked", "-vv", "--http", "127.0.0.1:0"]).envs(environment.iter().copied());
        Self::of(Client::start(&mut command))
    }

    fn of(process: Client) -> Self {
        let line = process.wait_for_log("listening at http://");
        let port = line.rsplit_once(':').and_then(|(_, rest)| rest.strip_suffix("/mcp")?.parse().ok());
        Self { process, port: port.unwrap_or_else(|| panic!("no port in {line}")) }
    }

    /// Calls the tool `echo` with these headers.
    fn call(&self, headers: &[(&str, &str)]) -> Answer {
        self.call_at("/mcp", headers)
    }

    fn call_at(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        exchange(self.port, "POST", path, headers, &request().to_string())
    }

    /// Calls with a token.
    fn call_with(&self, token: &str) -> Answer {
        self.call(&[("Authorization", &format!("Bearer {token}"))])
    }

    fn get(&self, path: &str) -> Answer {
        exchange(self.port, "GET", path, &[], "")
    }
}

/// A folder with the guest that says what it was told, and these settings.
fn folder(settings: &str) -> Folder {
    let folder = Folder::new(&[("echo", "")]);
    folder.lock();
    folder.write("toolcell.toml", settings);
    folder
}

/// A call in the newer era, which needs no session.
fn request() -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "echo", "arguments": {"message": "hello"}, "_meta": meta});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}
