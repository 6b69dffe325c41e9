//! End-to-end tests: the real binary, real components, and MCP over its stdin and stdout.
#![allow(
    unreachable_pub,
    clippy::needless_pass_by_value,
    reason = "a test binary has no users, and its helpers are short"
)]
#![expect(clippy::print_stderr, reason = "what is measured, and what a failing test was told, is for people")]

mod audit;
mod auth;
mod cache;
#[path = "../support/browser.rs"]
mod chromium;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/client.rs"]
mod client;
mod clients;
mod commands;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/components.rs"]
mod components;
mod conformance;
mod console;
mod coverage;
mod credentials;
mod deploy;
mod failure;
mod files;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/folder.rs"]
mod folder;
mod http;
#[path = "../support/http_client.rs"]
mod http_client;
mod in_process;
mod input;
mod isolation;
#[path = "../support/issuer.rs"]
mod issuer;
mod languages;
mod load;
mod log;
#[path = "../support/guests.rs"]
mod made_for;
mod names;
mod over_http;
#[path = "../support/peers.rs"]
mod peers;
mod permission;
mod plain;
mod postgres;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/postgres.rs"]
mod postgres_server;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/promise.rs"]
mod promise;
mod protocol;
#[path = "../support/redis.rs"]
mod redis;
mod release;
mod reload;
mod replica;
mod replicas;
mod served;
#[allow(dead_code, reason = "it is shared with tests that use more of it")]
#[path = "../support/served.rs"]
mod server;
mod shipped;
#[path = "../support/signing.rs"]
mod signing;
mod soak;
mod sources;
mod startup;
mod telemetry;
#[path = "../support/upstream.rs"]
mod upstream;
mod users;
mod wasi;
