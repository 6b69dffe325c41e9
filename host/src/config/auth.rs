//! `[auth]`: how callers over HTTP prove who they are. No secret is here: tokens are kept as hashes in a file of their
//! own, and the gateway's secret in a variable.

use std::path::PathBuf;

use http::{HeaderName, header};
use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;
use url::{Host, Url};

use crate::{
    policy::EnvName,
    source::{Source, SourceError},
};

/// What `[auth]` means. At least one kind of proof is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// Where the hashes of static tokens are.
    pub tokens: Option<TokensConfig>,
    /// Whose access tokens count.
    pub oauth: Option<OauthConfig>,
    /// Who may say in a header who calls.
    pub gateway: Option<GatewayConfig>,
}

/// Where the hashes of static tokens are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokensConfig {
    /// In the private state of the user who runs Toolcell.
    Private,
    /// In this file, as written: relative to toolcell.toml.
    File(PathBuf),
}

/// An authorization server and what its access tokens have to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OauthConfig {
    /// The issuer, exactly as its tokens write it.
    pub issuer: String,
    /// The same, taken apart.
    pub issuer_url: Url,
    /// The canonical URI of this server (RFC 8707, section 2).
    pub resource: Url,
    /// What `aud` has to hold: the resource, unless the issuer calls this server something else.
    pub audience: String,
    /// Where the issuer's keys are; `None` to discover it.
    pub jwks_url: Option<Url>,
    /// The claim that names the user.
    pub user_claim: String,
    /// The scopes that a token needs, all of them.
    pub scopes: Vec<String>,
}

/// A proxy that has found out who calls, and how it proves that it is the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// The header that names the user.
    pub header: HeaderName,
    /// The addresses that it may come from.
    pub from: Vec<IpNet>,
    /// Whether it may come over a unix socket.
    pub over_unix_socket: bool,
    /// The variable that holds the shared secret.
    pub secret_env: EnvName,
    /// The header that carries it.
    pub secret_header: HeaderName,
}

impl GatewayConfig {
    /// The header that carries the secret, where toolcell.toml names no other.
    pub const SECRET_HEADER: &'static str = "x-toolcell-gateway-secret";

    /// What stands among the addresses for unix sockets.
    const UNIX: &'static str = "unix";
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuth {
    tokens: Option<Spanned<toml::Value>>,
    oauth: Option<RawOauth>,
    gateway: Option<RawGateway>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawOauth {
    issuer: Spanned<String>,
    resource: Spanned<String>,
    audience: Option<Spanned<String>>,
    jwks_url: Option<Spanned<String>>,
    user_claim: Option<Spanned<String>>,
    #[serde(default)]
    scopes: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawGateway {
    header: Spanned<String>,
    from: Spanned<Vec<Spanned<String>>>,
    secret_env: Spanned<String>,
    secret_header: Option<Spanned<String>>,
}

pub(super) fn meaning(source: &Source, written: &Spanned<RawAuth>) -> Result<AuthConfig, SourceError> {
    let RawAuth { tokens: written_tokens, oauth: written_oauth, gateway: written_gateway } = written.get_ref();
    if written_tokens.is_none() && written_oauth.is_none() && written_gateway.is_none() {
        return Err(source.error(written, "[auth] is empty; expected tokens, [auth.oauth] or [auth.gateway]"));
    }
    Ok(AuthConfig {
        tokens: written_tokens.as_ref().map(|tokens| tokens_file(source, tokens)).transpose()?,
        oauth: written_oauth.as_ref().map(|written| oauth(source, written)).transpose()?,
        gateway: written_gateway.as_ref().map(|written| gateway(source, written)).transpose()?,
    })
}

fn tokens_file(source: &Source, written: &Spanned<toml::Value>) -> Result<TokensConfig, SourceError> {
    match written.get_ref() {
        toml::Value::Boolean(true) => Ok(TokensConfig::Private),
        toml::Value::String(path) if !path.is_empty() && !path.starts_with("tc_") => {
            Ok(TokensConfig::File(path.into()))
        }
        // What is there is not shown: it may be a token.
        _ => Err(source.error(
            written,
            "expected the name of the file that holds the hashes of tokens, such as \"tokens.toml\", or true for the \
             private file that `toolcell token new` writes",
        )),
    }
}

fn oauth(source: &Source, written: &RawOauth) -> Result<OauthConfig, SourceError> {
    let issuer = server_url(source, &written.issuer, "issuer", "https://login.example.com")?;
    if issuer.query().is_some() {
        // RFC 8414, section 2.
        return Err(source.error(&written.issuer, "an issuer has no query; remove what follows the `?`"));
    }
    let resource = server_url(source, &written.resource, "resource", "https://tools.example.com/mcp")?;
    let jwks = |url| server_url(source, url, "jwks-url", "https://login.example.com/keys");
    let text = |written: &Spanned<String>, what: &str| {
        let is_good = !written.get_ref().is_empty() && written.get_ref().chars().all(|c| !c.is_control());
        if is_good { Ok(written.get_ref().clone()) } else { Err(source.error(written, format!("expected {what}"))) }
    };
    let claim = |written| text(written, "the name of a claim, such as \"sub\"");
    let audience = |written| text(written, "what the issuer writes into `aud` for this server");
    Ok(OauthConfig {
        issuer: written.issuer.get_ref().clone(),
        issuer_url: issuer,
        audience: written.audience.as_ref().map_or_else(|| Ok(written.resource.get_ref().clone()), audience)?,
        resource,
        jwks_url: written.jwks_url.as_ref().map(jwks).transpose()?,
        user_claim: written.user_claim.as_ref().map_or_else(|| Ok("sub".to_owned()), claim)?,
        scopes: written.scopes.iter().map(|written| scope(source, written)).collect::<Result<_, _>>()?,
    })
}

/// A URL that only its owner can answer at: https, or a server on this machine.
fn server_url(source: &Source, written: &Spanned<String>, key: &str, example: &str) -> Result<Url, SourceError> {
    let problem = || source.error(written, format!("{key} has to be a URL such as {example:?}"));
    let url = Url::parse(written.get_ref()).map_err(|_| problem())?;
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(problem()),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_local => {}
        "http" => {
            let problem = format!("{key} has to start with https://; http:// is for servers on this machine alone");
            return Err(source.error(written, problem));
        }
        _ => return Err(problem()),
    }
    let has_more = !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
    if has_more { Err(source.error(written, format!("{key} has no user, password or fragment"))) } else { Ok(url) }
}

/// RFC 6749, section 3.3.
fn scope(source: &Source, written: &Spanned<String>) -> Result<String, SourceError> {
    let is_good = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    match written.get_ref() {
        scope if !scope.is_empty() && scope.chars().all(is_good) => Ok(scope.clone()),
        _ => Err(source.error(written, "expected one scope, such as \"mcp:tools\", without spaces")),
    }
}

fn gateway(source: &Source, written: &RawGateway) -> Result<GatewayConfig, SourceError> {
    let header = header_name(source, &written.header)?;
    let secret_header = written.secret_header.as_ref().map(|name| header_name(source, name)).transpose()?;
    let secret_header = secret_header.unwrap_or(HeaderName::from_static(GatewayConfig::SECRET_HEADER));
    if header == secret_header {
        let place = written.secret_header.as_ref().unwrap_or(&written.header);
        return Err(source.error(place, "the user and the secret need headers of their own"));
    }
    let from = written.from.get_ref();
    if from.is_empty() {
        return Err(source.error(&written.from, "expected the gateway's addresses, such as [\"10.0.0.0/8\"]"));
    }
    let addresses = from.iter().filter(|from| from.get_ref() != GatewayConfig::UNIX);
    let secret_env = written.secret_env.get_ref().parse().map_err(|_| {
        let problem = "expected the name of the variable that holds the secret, such as \"GATEWAY_SECRET\", and not \
                       the secret itself";
        source.error(&written.secret_env, problem)
    })?;
    Ok(GatewayConfig {
        header,
        from: addresses.map(|written| addresses_of(source, written)).collect::<Result<_, _>>()?,
        over_unix_socket: from.iter().any(|from| from.get_ref() == GatewayConfig::UNIX),
        secret_env,
        secret_header,
    })
}

fn addresses_of(source: &Source, written: &Spanned<String>) -> Result<IpNet, SourceError> {
    let text = written.get_ref();
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from));
    let Some(network) = network else {
        let problem =
            format!("{text:?} is no network; expected an address, a network such as \"10.0.0.0/8\", or \"unix\"");
        return Err(source.error(written, problem));
    };
    if network.prefix_len() == 0 {
        return Err(source.error(written, "this is every address; name the gateway's"));
    }
    Ok(network)
}

fn header_name(source: &Source, written: &Spanned<String>) -> Result<HeaderName, SourceError> {
    const TAKEN: [HeaderName; 6] = [
        header::AUTHORIZATION,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::HOST,
        header::TRANSFER_ENCODING,
    ];
    let name = HeaderName::from_bytes(written.get_ref().as_bytes()).ok().filter(|name| !TAKEN.contains(name));
    name.ok_or_else(|| source.error(written, "expected a header of the gateway's own, such as \"X-Forwarded-User\""))
}

#[cfg(test)]
mod tests;
