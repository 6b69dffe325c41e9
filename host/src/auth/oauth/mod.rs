//! OAuth 2.1 resource server: access tokens of one issuer, for this server.

mod fetch;
mod jwt;
mod keys;
mod ring;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

pub use self::jwt::JwtProblem;
use self::{
    fetch::Issuer,
    jwt::Claims,
    keys::{Keys, NoKey},
};
use super::{Reason, UserName, reason::name_of};
use crate::config::OauthConfig;

/// The issuer whose access tokens count.
#[derive(Debug)]
pub(super) struct Oauth {
    config: OauthConfig,
    keys: Arc<Keys>,
    _first_fetch: AbortOnDropHandle<()>,
}

impl Oauth {
    /// Fetches the issuer's keys in the background, so that a server starts while its issuer does not answer, and says
    /// so. Has to run in a runtime.
    pub(super) fn start(config: OauthConfig) -> Self {
        ring::install();
        let keys = Arc::new(Keys::new(Issuer::new(&config)));
        let fetched = Arc::clone(&keys);
        let first_fetch = tokio::spawn(async move { fetched.fetch().await });
        Self { config, keys, _first_fetch: AbortOnDropHandle::new(first_fetch) }
    }

    /// Whose access token this is, where it is good and allows what this server does.
    pub(super) async fn user(&self, token: &str) -> Result<UserName, Reason> {
        let header = jwt::header(token).map_err(Reason::Jwt)?;
        let key = self.keys.find(header.kid.as_deref(), header.alg).await.map_err(|none| match none {
            NoKey::Unknown => Reason::Jwt(JwtProblem::Key),
            NoKey::Unavailable => Reason::NoKeys,
        })?;
        let claims = Claims::of(token, &key, &self.config).map_err(Reason::Jwt)?;
        let user = name_of(claims.user(&self.config.user_claim).map_err(Reason::Jwt)?)?;
        if !self.config.scopes.iter().all(|scope| claims.has(scope)) {
            return Err(Reason::Scope { user, needed: self.config.scopes.clone() });
        }
        Ok(user)
    }

    /// The scopes that a token needs.
    pub(super) fn scopes(&self) -> &[String] {
        &self.config.scopes
    }

    /// Where clients find the metadata (RFC 9728, section 3.1): the well-known part comes before the resource's path.
    pub(super) fn metadata_url(&self) -> Url {
        let mut url = self.config.resource.clone();
        url.set_path(&metadata_path(&self.config.resource));
        url
    }

    /// The paths below which this server has the metadata: its own, and those where clients look that know its address
    /// alone.
    pub(super) fn metadata_paths(&self) -> Vec<String> {
        let mut paths = vec![WELL_KNOWN.to_owned(), format!("{WELL_KNOWN}/mcp"), metadata_path(&self.config.resource)];
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// What this server is and who issues tokens for it (RFC 9728, section 2).
    pub(super) fn metadata(&self) -> Value {
        let mut metadata = json!({
            "resource": self.resource(),
            "resource_name": "Toolcell",
            "authorization_servers": [self.config.issuer],
            "bearer_methods_supported": ["header"],
        });
        if !self.config.scopes.is_empty() {
            metadata["scopes_supported"] = json!(self.config.scopes);
        }
        metadata
    }

    /// Without the slash that a URL without a path gets: RFC 9728, section 3.3, has clients compare it with what they
    /// know.
    fn resource(&self) -> &str {
        let url = self.config.resource.as_str();
        if self.config.resource.path() == "/" { url.trim_end_matches('/') } else { url }
    }
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

fn metadata_path(resource: &Url) -> String {
    format!("{WELL_KNOWN}{}", resource.path().trim_end_matches('/'))
}
