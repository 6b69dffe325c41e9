//! Pure decisions about what a plugin may do: no wasmtime, no MCP, no file and no socket.
//!
//! What a plugin asks for ([`Capabilities`]), what a person reviewed ([`Entry`]) and how far the operator narrows it
//! ([`Policy`]) come in as values; what the sandbox enforces ([`Grant`]) or why a plugin is not served ([`NotServed`])
//! comes out. Every doubt closes.

pub mod address;
mod capabilities;
mod credential;
mod digest;
mod files;
mod grant;
pub(crate) mod limits;
mod name;
mod narrowing;
mod network;
mod not_served;
mod propagate;
mod review;
mod server;
pub(crate) mod state;
pub mod units;
mod users;

pub use capabilities::{Capabilities, EnvName, InvalidEnvName, NotAsked};
pub use credential::{
    CONNECTION_FIELDS, Credential, ECHO_FIELDS, InvalidTemplate, Template, credential_header, credential_server,
};
pub use digest::{Digest, InvalidDigest};
pub use files::{Access, FolderChoice, FolderPath, Folders, InvalidAccess, InvalidFolderPath};
pub use grant::Grant;
pub use limits::{InvalidLimit, Limits, PartialLimits};
pub use name::{InvalidPluginName, PluginName};
pub use narrowing::{CacheUse, PluginPolicy, Policy};
pub use network::{InvalidRule, NetworkRule};
pub use not_served::NotServed;
pub use propagate::Propagate;
pub use review::{Entry, Evidence, Reviewed, review};
pub use server::{InvalidUrl, server_of};
pub use state::{CacheCaps, CacheRoom, DatabaseName, InvalidDatabaseName};
pub use users::{InvalidRate, InvalidUserName, Period, Rate, UserName, UserPolicies, UserPolicy};

#[cfg(test)]
mod properties;
