//! `toolcell.toml`: the operator's own settings. It lies beside the plugins folder, and nothing in it can grant anything.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use self::credentials::RawCredentials;
use crate::{
    policy::{CacheUse, Credential, DatabaseName, EnvName, PluginPolicy, Policy, units::parse_bytes},
    source::{CacheTable, FolderTable, LimitsTable, Source, SourceError},
};

mod audit;
mod auth;
mod console;
mod credentials;
mod http;
mod telemetry;
mod users;

pub use self::http::{HostName, HttpConfig, Origin, TlsFiles};
pub use audit::{AuditConfig, AuditPlace};
pub use auth::{AuthConfig, GatewayConfig, OauthConfig, TokensConfig};
pub use console::ConsoleConfig;
pub use telemetry::{MetricsConfig, OtlpConfig};
pub use users::ValueSources;

/// What toolcell.toml means. The default is that of a missing file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// What it takes away from plugins.
    pub policy: Policy,
    /// What it says about all calls together.
    pub sandbox: SandboxConfig,
    /// The variable that holds the URL of the Redis server in which plugins keep things; `None` for this process's memory.
    pub redis_url: Option<EnvName>,
    /// Databases that plugins can be granted, by name.
    pub postgres: BTreeMap<DatabaseName, DatabaseConfig>,
    /// How callers over HTTP prove who they are; `None` where the file does not say.
    pub auth: Option<AuthConfig>,
    /// Where users' own values of variables come from, by the name that the file has for the user.
    pub user_values: BTreeMap<String, ValueSources>,
    /// Header fields that the host adds to requests, without their values.
    pub credentials: Vec<Credential>,
    /// Whether and where calls are recorded.
    pub audit: AuditConfig,
    /// What is counted for an operator, and where it is served.
    pub metrics: MetricsConfig,
    /// Where traces are sent.
    pub otlp: OtlpConfig,
    /// What the status page keeps and lets its visitors do.
    pub console: ConsoleConfig,
    /// How the server stands on a network.
    pub http: HttpConfig,
}

/// One database, without its URL, which is a secret and so not in a file that is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// The variable that holds the URL.
    pub url_env: EnvName,
    /// Certificate authorities in PEM form that are trusted instead of the machine's, as written: relative to the file.
    pub ca_file: Option<PathBuf>,
    /// Connections that the host keeps at most.
    pub connections: u32,
}

/// Bounds for all calls together; `None` leaves them to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SandboxConfig {
    /// Bytes of memory that all instances alive may hold.
    pub memory: Option<u64>,
    /// Instances that may be alive at the same time.
    pub slots: Option<u32>,
}

impl Config {
    /// The file's name, where `--config` names no other.
    pub const FILE: &'static str = "toolcell.toml";

    /// Reads the file that `--config` names, or else `toolcell.toml` in `folder` if there is one.
    ///
    /// # Errors
    ///
    /// A named file does not exist, a file cannot be read, or something in it is not as it has to be.
    pub fn load(named: Option<&Path>, folder: &Path) -> Result<Self, SourceError> {
        let path = named.map_or_else(|| folder.join(Self::FILE), Path::to_owned);
        let shown = path.display().to_string();
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&Source { file: &shown, text: &text }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(SourceError::of_file(shown, "does not exist; expected the settings that --config names"))
            }
            Err(error) => Err(SourceError::of_file(shown, format!("cannot be read: {error}"))),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it has to be, with its place and what was expected.
    pub fn parse(source: &Source) -> Result<Self, SourceError> {
        let raw: RawConfig = source.parse()?;
        let mut plugins = BTreeMap::new();
        for (name, written) in &raw.plugins {
            plugins.insert(source.value(name)?, plugin_policy(source, written)?);
        }
        let (users, user_values) = users::users(source, &raw.users)?;
        let policy = Policy {
            caps: source.limits(&raw.limits)?,
            allow: raw.network.allow.map(|rules| source.set(&rules)).transpose()?,
            deny: source.set(&raw.network.deny)?,
            cache: source.cache_caps(&CacheTable { max: raw.cache.max, ttl_max: raw.cache.ttl_max })?,
            plugins,
            users,
        };
        let mut postgres = BTreeMap::new();
        for (name, written) in &raw.postgres {
            postgres.insert(source.value(name)?, database(source, written)?);
        }
        let redis_url = raw.cache.redis_url_env.as_ref().map(|name| variable(source, name, "CACHE_URL")).transpose()?;
        Ok(Self {
            policy,
            sandbox: sandbox(source, &raw.sandbox)?,
            redis_url,
            postgres,
            auth: raw.auth.as_ref().map(|written| auth::meaning(source, written)).transpose()?,
            user_values,
            credentials: credentials::credentials(source, &raw.credentials)?,
            audit: audit::audit(source, &raw.audit)?,
            metrics: MetricsConfig::read(source, &raw.metrics)?,
            otlp: OtlpConfig::read(source, &raw.otlp)?,
            console: console::console(source, &raw.console)?,
            http: http::http(source, raw.http)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    network: RawNetwork,
    #[serde(default)]
    cache: RawCache,
    #[serde(default)]
    plugins: BTreeMap<Spanned<String>, RawPlugin>,
    #[serde(default)]
    sandbox: RawSandbox,
    #[serde(default)]
    postgres: BTreeMap<Spanned<String>, RawDatabase>,
    auth: Option<Spanned<auth::RawAuth>>,
    #[serde(default)]
    users: users::RawUsers,
    #[serde(default)]
    credentials: RawCredentials,
    #[serde(default)]
    audit: audit::RawAudit,
    #[serde(default)]
    metrics: telemetry::RawMetrics,
    #[serde(default)]
    otlp: telemetry::RawOtlp,
    #[serde(default)]
    console: console::RawConsole,
    #[serde(default)]
    http: http::RawHttp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawDatabase {
    url_env: Spanned<String>,
    ca_file: Option<PathBuf>,
    connections: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawNetwork {
    allow: Option<Vec<Spanned<String>>>,
    deny: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RawCache {
    redis_url_env: Option<Spanned<String>>,
    max: Option<Spanned<String>>,
    ttl_max: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPlugin {
    enabled: Option<bool>,
    network: Option<Vec<Spanned<String>>>,
    env: Option<Vec<Spanned<String>>>,
    cache: Option<Spanned<toml::Value>>,
    postgres: Option<Vec<Spanned<String>>>,
    files: Option<Vec<FolderTable>>,
    disable: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSandbox {
    memory: Option<Spanned<String>>,
    slots: Option<Spanned<i64>>,
}

fn plugin_policy(source: &Source, written: &RawPlugin) -> Result<PluginPolicy, SourceError> {
    Ok(PluginPolicy {
        enabled: written.enabled.unwrap_or(true),
        network: written.network.as_ref().map(|rules| source.set(rules)).transpose()?,
        env: written.env.as_ref().map(|names| source.set(names)).transpose()?,
        cache: written.cache.as_ref().map(|written| cache_use(source, written)).transpose()?.unwrap_or_default(),
        postgres: written.postgres.as_ref().map(|names| source.set(names)).transpose()?,
        files: written.files.as_ref().map(|folders| source.folders(folders)).transpose()?,
        disable: source.set(&written.disable)?,
    })
}

fn cache_use(source: &Source, written: &Spanned<toml::Value>) -> Result<CacheUse, SourceError> {
    match written.get_ref() {
        toml::Value::Boolean(true) => Ok(CacheUse::ByUser),
        toml::Value::Boolean(false) => Ok(CacheUse::Off),
        toml::Value::String(word) if word == "shared" => Ok(CacheUse::Shared),
        _ => Err(source.error(written, "cache has to be true, false, or \"shared\" to let all users share it")),
    }
}

fn database(source: &Source, written: &RawDatabase) -> Result<DatabaseConfig, SourceError> {
    const CONNECTIONS: (u32, u32) = (8, 64);
    let (default, most) = CONNECTIONS;
    let connections = |written: &Spanned<i64>| {
        let number = u32::try_from(*written.get_ref()).ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| source.error(written, format!("connections has to be a number from 1 to {most}")))
    };
    Ok(DatabaseConfig {
        url_env: variable(source, &written.url_env, "REPLICA_URL")?,
        ca_file: written.ca_file.clone(),
        connections: written.connections.as_ref().map(connections).transpose()?.unwrap_or(default),
    })
}

/// The name of a variable. The error does not show what is there instead: it may be the URL itself, with its password.
fn variable(source: &Source, written: &Spanned<String>, example: &str) -> Result<EnvName, SourceError> {
    let problem =
        format!("expected the name of the variable that holds the URL, such as {example:?}, and not the URL itself");
    written.get_ref().parse().map_err(|_| source.error(written, problem))
}

fn sandbox(source: &Source, written: &RawSandbox) -> Result<SandboxConfig, SourceError> {
    const LEAST_MEMORY: u64 = 64 << 20;
    const MOST_SLOTS: u32 = 10_000;
    let memory = |written: &Spanned<String>| {
        let bytes = parse_bytes(written.get_ref()).map_err(|problem| source.error(written, problem))?;
        let too_small = || source.error(written, "memory for all instances has to be at least 64MiB");
        if bytes < LEAST_MEMORY { Err(too_small()) } else { Ok(bytes) }
    };
    let slots = |written: &Spanned<i64>| {
        let number = u32::try_from(*written.get_ref()).ok().filter(|slots| (1..=MOST_SLOTS).contains(slots));
        number.ok_or_else(|| source.error(written, format!("slots has to be a number from 1 to {MOST_SLOTS}")))
    };
    Ok(SandboxConfig {
        memory: written.memory.as_ref().map(memory).transpose()?,
        slots: written.slots.as_ref().map(slots).transpose()?,
    })
}

#[cfg(test)]
mod tests;
