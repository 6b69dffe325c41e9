//! What a guest asks for, checked and rebuilt from its parts: nothing that a guest wrote reaches the wire unread.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST},
    uri::PathAndQuery,
};
use http_body::Body as _;
use http_body_util::combinators::UnsyncBoxBody;
use url::Url;

use super::credentials::Ready;
pub(super) use crate::policy::CONNECTION_FIELDS;
use crate::{
    policy::{ECHO_FIELDS, Grant, server_of},
    receipt::{Denial, Server},
    trace_context::TraceContext,
};

/// The most bytes of a request's header fields, names and values together.
pub(super) const MAX_FIELDS: usize = 64 << 10;
/// The most bytes of a URL.
const MAX_URL: usize = 16 << 10;

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// The body of a request. Its errors say why the guest could not finish it.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A request as a guest wrote it.
#[derive(Debug)]
pub(super) struct OutgoingRequest {
    /// One of those that the contract's `http` names.
    pub(super) method: String,
    /// Absolute, `http` or `https`.
    pub(super) url: String,
    /// Without fields of the connection and without the body's length.
    pub(super) headers: HeaderMap,
    /// What is sent after the head.
    pub(super) body: RequestBody,
    /// How long the guest wants to wait.
    pub(super) timeouts: Timeouts,
}

/// How long a guest wants to wait; the host's own limits hold in any case.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timeouts {
    /// For everything.
    pub(super) total: Option<Duration>,
    /// For the connection, TLS included.
    pub(super) connect: Option<Duration>,
    /// From the connection to the head of the answer.
    pub(super) first_byte: Option<Duration>,
    /// For each part of the answer's body.
    pub(super) between_bytes: Option<Duration>,
}

/// What is wrong with a request, by the part that is. The texts never quote the URL or a field's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("{0}")]
    Method(String),
    #[error("{0}")]
    Url(String),
    #[error("{0}")]
    Header(String),
    #[error("{0}")]
    Body(String),
}

/// A request that may be sent if its server may be reached.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) server: Server,
    pub(super) timeouts: Timeouts,
    method: Method,
    path: PathAndQuery,
    headers: HeaderMap,
    body: RequestBody,
    has_credential: bool,
}

impl Checked {
    pub(super) fn new(request: OutgoingRequest) -> Result<Self, Invalid> {
        let (server, path) = check_url(&request.url)?;
        let method = check_method(&request.method)?;
        check_headers(&request.headers)?;
        let OutgoingRequest { headers, body, timeouts, .. } = request;
        Ok(Self { server, timeouts, method, path, headers, body, has_credential: false })
    }

    /// The method, in upper case.
    pub(super) fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The whole URL.
    pub(super) fn url(&self) -> String {
        format!("{}{}", self.server, self.path)
    }

    /// Bytes of the body, where that is known.
    pub(super) fn size(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Adds a credential in place of what the guest wrote in a field of that name, or of one that some servers take for the
    /// same (`x_api_key` for `x-api-key`).
    pub(super) fn add(&mut self, credential: &Ready) {
        let canonical = |name: &HeaderName| name.as_str().replace('_', "-");
        let taken = canonical(&credential.header);
        let replaced = |name: &&HeaderName| ECHO_FIELDS.contains(name) || canonical(name) == taken;
        for name in self.headers.keys().filter(replaced).cloned().collect::<Vec<_>>() {
            self.headers.remove(name);
        }
        self.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        self.headers.insert(credential.header.clone(), credential.value.clone());
        self.has_credential = true;
    }

    /// Whether the host has added a credential.
    pub(super) fn has_credential(&self) -> bool {
        self.has_credential
    }

    /// Tells the server of the trace, whatever the guest says of one.
    pub(super) fn set_trace(&mut self, context: &TraceContext) {
        self.headers.remove(TraceContext::STATE);
        let state = context.state_field().map(|state| (TraceContext::STATE, state));
        for (name, value) in [(TraceContext::PARENT, context.parent_field())].into_iter().chain(state) {
            let value = HeaderValue::from_str(&value).expect("a trace context is visible ASCII");
            self.headers.insert(name, value);
        }
    }

    /// The request for the wire: a target in origin form (RFC 9112, section 3.2.1) and a Host field made from the server
    /// that was checked.
    pub(super) fn into_wire(self) -> http::Request<RequestBody> {
        let mut request = http::Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(self.path);
        *request.headers_mut() = self.headers;
        let host = HeaderValue::from_str(&host_field(&self.server)).expect("a server's name is visible ASCII");
        request.headers_mut().insert(HOST, host);
        // Each request has a connection of its own, so that none is shared between calls or grants.
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        request
    }
}

/// Proof that the grant allows a server, as far as its name tells.
#[derive(Debug)]
pub(super) struct Permitted<'a> {
    grant: &'a Grant,
    server: &'a Server,
}

impl<'a> Permitted<'a> {
    pub(super) fn new(grant: &'a Grant, server: &'a Server) -> Result<Self, Denial> {
        grant.may_reach(server)?;
        Ok(Self { grant, server })
    }

    pub(super) fn grant(&self) -> &'a Grant {
        self.grant
    }

    pub(super) fn server(&self) -> &'a Server {
        self.server
    }
}

fn check_url(text: &str) -> Result<(Server, PathAndQuery), Invalid> {
    if text.len() > MAX_URL {
        return Err(Invalid::Url(format!("the URL has {} bytes; at most {MAX_URL} are sent", text.len())));
    }
    let url = Url::parse(text).map_err(|error| Invalid::Url(format!("the URL cannot be parsed: {error}")))?;
    let server = server_of(&url).map_err(|error| Invalid::Url(error.to_string()))?;
    // What stands after the authority, less the fragment, which is not for servers (RFC 9110, section 7.1).
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let path = path.parse().map_err(|_| Invalid::Url("the URL's path or query cannot be sent".to_owned()))?;
    Ok((server, path))
}

fn check_method(method: &str) -> Result<Method, Invalid> {
    // Methods are case-sensitive (RFC 9110, section 9.1), yet `get` is never meant to be another one.
    let known = METHODS.iter().find(|known| known.as_str().eq_ignore_ascii_case(method));
    known.cloned().ok_or_else(|| {
        let names: Vec<&str> = METHODS.iter().map(Method::as_str).collect();
        Invalid::Method(format!("the method {:?} is not one of {}", shorten(method), names.join(", ")))
    })
}

fn check_headers(headers: &HeaderMap) -> Result<(), Invalid> {
    if let Some(field) = headers.keys().find(|name| CONNECTION_FIELDS.contains(name) || **name == CONTENT_LENGTH) {
        return Err(Invalid::Header(format!("the header field `{field}` is the host's to set; leave it out")));
    }
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    if size > MAX_FIELDS {
        return Err(Invalid::Header(format!("the header fields take {size} bytes; at most {MAX_FIELDS} are sent")));
    }
    Ok(())
}

/// Header fields from the contract's pairs.
///
/// # Errors
///
/// Names the field that could not stand in a request, for example for a line break in its value.
pub(super) fn header_map(pairs: Vec<(String, String)>) -> Result<HeaderMap, Invalid> {
    // A map takes at most 32,768 names and panics on more; a field that counts takes at least 5 bytes.
    if pairs.len() > MAX_FIELDS / 5 {
        return Err(Invalid::Header(format!("the request has {} header fields, too many to send", pairs.len())));
    }
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let field = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Invalid::Header(format!("{:?} cannot name a header field", shorten(&name))))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
            Invalid::Header(format!(
                "the value of the header field `{field}` contains a line break or control character"
            ))
        })?;
        headers.append(field, value);
    }
    Ok(headers)
}

/// The value of the Host field: without a port that is the scheme's own (RFC 9110, section 7.2).
fn host_field(server: &Server) -> String {
    let text = server.to_string();
    text.split_once("://").map_or_else(|| text.clone(), |(_, host)| host.to_owned())
}

/// Enough of a guest's text to recognise it by.
fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Empty};
    use proptest::prelude::*;

    fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<http::Request<RequestBody>, Invalid> {
        let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = OutgoingRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: header_map(pairs)?,
            body: Empty::new().map_err(|never| match never {}).boxed_unsync(),
            timeouts: Timeouts::default(),
        };
        Checked::new(request).map(Checked::into_wire)
    }

    fn wire(url: &str) -> (String, String) {
        let request = request("GET", url, &[]).expect(url);
        (request.uri().to_string(), request.headers()[HOST].to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn requests_are_rebuilt_from_what_was_checked() {
        for (url, target, host) in [
            ("https://HN.Algolia.com", "/", "hn.algolia.com"),
            ("https://example.com:443/a?b=c#d", "/a?b=c", "example.com"),
            ("http://example.com:443/", "/", "example.com:443"),
            ("http://[::1]:8080/?q", "/?q", "[::1]:8080"),
            ("https://example.com//evil.example/x", "//evil.example/x", "example.com"),
            ("https://example.com/http://evil.example/", "/http://evil.example/", "example.com"),
            ("https://example.com\\@evil.example/", "/@evil.example/", "example.com"),
            ("https://example.com/ü ?q=\"ü\"", "/%C3%BC%20?q=%22%C3%BC%22", "example.com"),
            ("https://example.com/a\r\nHost: evil.example", "/aHost:%20evil.example", "example.com"),
        ] {
            assert_eq!(wire(url), (target.to_owned(), host.to_owned()), "{url}");
        }
    }

    #[test]
    fn what_a_guest_may_not_ask_for_is_refused() {
        let refused = |method: &str, url: &str, headers: &[(&str, &str)]| {
            request(method, url, headers).expect_err("must be refused").to_string()
        };
        let url = "https://example.com/";
        for name in CONNECTION_FIELDS.iter().map(HeaderName::as_str).chain(["Content-Length", "HOST"]) {
            let text = refused("GET", url, &[(name, "1")]);
            assert_eq!(text, format!("the header field `{}` is the host's to set; leave it out", name.to_lowercase()));
        }
        let large = "x".repeat(MAX_FIELDS);
        let many = vec![("a", "b"); 20_000];
        for (text, expected) in [
            (
                refused("CONNECT", url, &[]),
                "the method \"CONNECT\" is not one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            ),
            (
                refused("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", url, &[]),
                "the method \"GET / HTTP/1.1\\r\\nHost: evil.example\\r\\n\\r\\n\" is not one of \
                 GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            ),
            (
                refused("GET", "https://good.example@evil.example/", &[]),
                "the URL carries a user name or password; send credentials in a header",
            ),
            (refused("GET", "file:///etc/passwd", &[]), "the URL's scheme is neither http nor https"),
            (refused("GET", "/relative", &[]), "the URL cannot be parsed: relative URL without a base"),
            (refused("GET", &format!("{url}{large}"), &[]), "the URL has 65556 bytes; at most 16384 are sent"),
            (
                refused("GET", url, &[("a", "b\r\nHost: evil.example")]),
                "the value of the header field `a` contains a line break or control character",
            ),
            (refused("GET", url, &[("a b", "c")]), "\"a b\" cannot name a header field"),
            (refused("GET", url, &[("a", &large)]), "the header fields take 65541 bytes; at most 65536 are sent"),
            (refused("GET", url, &many), "the request has 20000 header fields, too many to send"),
        ] {
            assert_eq!(text, expected);
        }
        assert!(refused("TRACE", url, &[]).starts_with("the method \"TRACE\""));
    }

    #[test]
    fn methods_are_sent_in_upper_case() {
        assert_eq!(request("patch", "https://example.com", &[]).expect("a known method").method(), Method::PATCH);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn no_url_reaches_a_server_that_no_rule_names(
            scheme in "(https?|HTTPS|ftp|wss)",
            slashes in r"(://|:/|:|:\\\\|:///)",
            user in "(good\\.example@|good\\.example:x@|@||||)",
            host in r"(good\.example|GOOD.example\.|evil\.example|good\.example\.evil\.example|127\.1|0x7f\.1|\[::1\]|[!-~]{1,12})",
            port in "(:443|:80|:0443|:8443||)",
            rest in r"[/?#\\@:]?[ -~]{0,20}",
        ) {
            let asked = crate::policy::Capabilities {
                network: ["https://good.example".parse().expect("a rule")].into(),
                ..Default::default()
            };
            let grant = Grant::everything(&asked);
            let url = format!("{scheme}{slashes}{user}{host}{port}{rest}");
            if let Ok((server, path)) = check_url(&url)
                && Permitted::new(&grant, &server).is_ok()
            {
                prop_assert_eq!(server.to_string(), "https://good.example");
                let uri = Uri::from(path);
                prop_assert!(uri.authority().is_none() && uri.to_string().starts_with('/'));
            }
        }
    }
}
