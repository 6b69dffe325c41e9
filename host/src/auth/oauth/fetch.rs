//! What is asked of the issuer: where its keys are, and the keys.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::{sync::OnceCell, time::timeout};
use url::Url;

use crate::{
    config::OauthConfig,
    sandbox::{client_config, native_roots},
};

/// The authorization server, as far as this server asks it something.
#[derive(Debug)]
pub(super) struct Issuer {
    /// As tokens write it.
    name: String,
    url: Url,
    jwks_url: Option<Url>,
    client: OnceCell<HttpClient>,
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// The issuer has not answered as it has to.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{url}: {problem}")]
    Answer { url: Url, problem: String },
    #[error(
        "neither RFC 8414 nor OpenID discovery found out where the keys are; name the place with jwks-url. {first}; {second}"
    )]
    Discovery { first: Box<FetchError>, second: Box<FetchError> },
}

/// How long a request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer at most.
const MOST: usize = 256 << 10;

impl Issuer {
    pub(super) fn new(config: &OauthConfig) -> Self {
        Self {
            name: config.issuer.clone(),
            url: config.issuer_url.clone(),
            jwks_url: config.jwks_url.clone(),
            client: OnceCell::new(),
        }
    }

    /// The keys, as they are written.
    pub(super) async fn keys(&self) -> Result<Vec<Value>, FetchError> {
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => self.discovered().await?,
        };
        match self.get(&url).await?.get_mut("keys").map(Value::take) {
            Some(Value::Array(keys)) => Ok(keys),
            _ => Err(answer(&url, "the answer is no JSON Web Key Set: it has no list of keys")),
        }
    }

    /// Where the keys are: by RFC 8414, section 3, or else by `OpenID` Connect Discovery 1.0, section 4.
    async fn discovered(&self) -> Result<Url, FetchError> {
        let [first, second] = well_known(&self.url);
        let first = match self.jwks_uri(&first).await {
            Ok(url) => return Ok(url),
            Err(error) => Box::new(error),
        };
        self.jwks_uri(&second).await.map_err(|second| FetchError::Discovery { first, second: Box::new(second) })
    }

    async fn jwks_uri(&self, url: &Url) -> Result<Url, FetchError> {
        let metadata = self.get(url).await?;
        // RFC 8414, section 3.3: another issuer's metadata must not count.
        if metadata["issuer"] != *self.name {
            return Err(answer(url, format!("it is about the issuer {}, not {}", metadata["issuer"], self.name)));
        }
        let written = metadata["jwks_uri"].as_str().and_then(|written| Url::parse(written).ok());
        // Keys over plain http could be anybody's, unless the issuer itself is on this machine.
        let is_safe = |keys: &Url| keys.scheme() == "https" || keys.origin() == url.origin();
        written.filter(is_safe).ok_or_else(|| answer(url, "it names no jwks_uri with https"))
    }

    /// One answer in JSON, within a time and a size. No redirect is followed: what is configured is what is asked.
    async fn get(&self, url: &Url) -> Result<Value, FetchError> {
        let asked = async {
            let client = self.client.get_or_init(client).await;
            let request = Request::get(url.as_str()).header(header::ACCEPT, "application/json").body(Empty::new());
            let response =
                client.request(request.map_err(|error| error.to_string())?).await.map_err(|error| chain(&error))?;
            if response.status() != StatusCode::OK {
                return Err(format!("the answer is {}", response.status()));
            }
            let body = Limited::new(response.into_body(), MOST).collect().await;
            let body = body.map_err(|error| chain(&*error))?.to_bytes();
            serde_json::from_slice(&body).map_err(|_| "the answer is not JSON".to_owned())
        };
        let asked = timeout(PATIENCE, asked).await;
        asked
            .unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs())))
            .map_err(|problem| answer(url, problem))
    }
}

async fn client() -> HttpClient {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let tls = client_config(native_roots().await);
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http);
    // Asked once an hour: a connection is not worth keeping.
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
}

/// The places of the issuer's metadata: the newer one puts the well-known part before the issuer's path, the older one
/// behind.
fn well_known(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let [mut newer, mut older] = [issuer.clone(), issuer.clone()];
    newer.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    older.set_path(&format!("{path}/.well-known/openid-configuration"));
    [newer, older]
}

fn answer(url: &Url, problem: impl Into<String>) -> FetchError {
    FetchError::Answer { url: url.clone(), problem: problem.into() }
}

/// An error and its causes, which alone say what happened.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_where_each_specification_puts_it() {
        for (issuer, newer, older) in [
            (
                "https://login.example.com",
                "https://login.example.com/.well-known/oauth-authorization-server",
                "https://login.example.com/.well-known/openid-configuration",
            ),
            (
                "https://login.example.com/realms/team/",
                "https://login.example.com/.well-known/oauth-authorization-server/realms/team",
                "https://login.example.com/realms/team/.well-known/openid-configuration",
            ),
        ] {
            let places = well_known(&issuer.parse().expect("a URL")).map(String::from);
            assert_eq!(places, [newer, older]);
        }
    }
}
